"""The wording of syntax errors: what was found, what could have stood there, what was probably meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from pxw.dsl.grammar import spelled, spellings

if TYPE_CHECKING:
    from lark import Token

__all__ = ["describe", "hint"]

FEW = 6
ARROWS = frozenset({"ARROW", "_FLOW", "MAYBE", "EXCEPT"})
CLASSES = {"NAME": "a name", "NUMBER": "a number", "STRING": "a string", "BROKEN": "", "$END": "the end of the file"}


def describe(word: Token) -> str:
    """Name a word of the text: what it says, and of what class it is."""
    if word.type == "STRING":
        text = str(word) if len(word) <= 30 else word[:27] + "..."
        return f'string "{text}"'
    return f"name '{word}'" if word.type == "NAME" else f"'{word}'"


def hint(word: Token, before: Token | None, expected: list[str]) -> tuple[Token, str, str]:
    """Say where to point, what to say, and what to advise about a word that does not fit."""
    keywords = [text for text in spellings().values() if text.isidentifier()]
    if before is not None and before.type == "NAME" and word.type in {"NAME", "STRING", "LBRACE", "NUMBER"}:
        close = difflib.get_close_matches(before, keywords, n=1, cutoff=0.7)
        if close:
            return before, f"unexpected {describe(before)}", f"did you mean '{close[0]}'?"
    if word.type in ARROWS and "NAME" in expected and (before is None or before.type not in ARROWS):
        return word, f"expected a name before {describe(word)}", ""
    names = sorted({CLASSES.get(kind) or f"'{spelled(kind)}'" for kind in expected if kind != "BROKEN"})
    accepted = [spelled(kind) for kind in expected]
    close = difflib.get_close_matches(word, filter(None, accepted), n=1, cutoff=0.7)
    remedy = f"did you mean '{close[0]}'?" if close else _overrun(before)
    if len(names) <= FEW:
        return word, f"expected {_one_of(names)}, found {describe(word)}", remedy
    return word, f"unexpected {describe(word)}", remedy or f"here can stand {_one_of(names)}"


def _one_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _overrun(before: Token | None) -> str:
    if before is not None and before.type == "STRING" and before.line != before.end_line:
        return f"the string before it began on line {before.line}: is its closing quote missing?"
    return ""
