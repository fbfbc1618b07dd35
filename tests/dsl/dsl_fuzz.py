"""Mutated files: whatever the text, reading it ends soon, raises nothing, and points into the file."""

import random
import re
import time
from pathlib import Path

from pxw.dsl.resolve import resolve

CASES = Path(__file__).with_name("cases")
TEXT = """workflow task data define configure input output param implementation subworkflow import from experiment
space espace control event method strategy runs enum range as of self true null START END JOIN-1
-> --> ?-> !-> || ( ) { } [ ] ; , . : ? = " ' // /* */ \\ @ # é 漢 1 -2 1.5e3 1e999 "x" 'y' 9999999999999999999999"""
WORDS = [*re.findall(r"\S+", TEXT), "\n", "\t", "\r", "\0", "\u2028", "\ufeff"]


def corpus():
    """Give the text of all case files."""
    return [path.read_bytes().decode("utf-8", "replace") for path in sorted(CASES.rglob("*.xxp"))]


def mutated(random: random.Random, texts: list[str]) -> str:
    """Change one of the texts in one to eight places."""
    text = random.choice(texts)
    for _ in range(random.randint(1, 8)):
        at = random.randrange(len(text) + 1)
        to = min(len(text), at + int(random.expovariate(0.2)))
        match random.randrange(7):
            case 0:
                text = text[:at] + text[to:]
            case 1 | 2:
                text = f"{text[:at]} {random.choice(WORDS)} {text[at:]}"
            case 3:
                text = text[:at] + random.choice(WORDS) + text[to:]
            case 4:
                other = random.choice(texts)
                start = random.randrange(len(other) + 1)
                text = text[:at] + other[start : start + random.randrange(200)] + text[at:]
            case 5:
                text = text[:at] + text[at:to] * random.randrange(2, 5) + text[to:]
            case 6:
                text = text[:at] if random.random() < 0.3 else text[:at] + chr(random.randrange(1, 0x3000)) + text[at:]
    return text


def check(text: str, path: Path) -> float:
    """Read one text; give the seconds it took."""
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    began = time.perf_counter()
    found = resolve(path, alone=True)
    seconds = time.perf_counter() - began
    lines = re.split(r"\n|\r(?!\n)", path.read_bytes().decode("utf-8-sig", "replace"))
    for each in found.diagnostics:
        assert each.at.file == str(path), each
        assert 1 <= each.at.line <= len(lines), each
        assert 1 <= each.at.column <= len(lines[each.at.line - 1]) + 1, each
        assert each.at.column < each.at.end_column, each
    return seconds
