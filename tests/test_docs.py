"""What the documentation shows works: every code block of README.md and docs/ is run, page by page.

- `python` runs, in one namespace for the page; `pycon` runs, and what it shows must come out.
- `console` runs in a shell: each line after `$ `; what is shown below it must come out.
- A block with a file name as its title is written to that file of the page's folder.
- A title `exit code N` says how the block's last command ends; `not run by the tests: ...` says why a block is not run.

As in doctest, `...` in an output stands for anything, and the amount of white space does not count; neither do
durations, sizes, ports, process ids and ids of runs.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import tomllib
import types
from dataclasses import dataclass
from pathlib import Path

import pytest

import pxw.errors
from pxw.dsl.diagnostics import CODES
from pxw.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
RUNNABLE = {"python", "pycon", "console"}
NOT_RUN = "not run by the tests: "
CHANGING = {
    r"\b\d+(\.\d\d)? s\b": "0 s",
    r"\b\d+(\.\d)? k?B\b": "0 B",  # of Arrow files, which name the versions of their writers
    r"(?:inline-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}": "an-id",
    r"127\.0\.0\.1:\d+": "127.0.0.1:0",
    r"pid \d+": "pid 0",
}
FENCE = re.compile(r'^( *)```(\w*)(?: +title="([^"]+)")?[^\n]*\n(.*?)^\1``` *$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    title: str
    code: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(found[2], found[3] or "", _dedented(found[4], found[1]), text[: found.start()].count("\n") + 1)
        for found in FENCE.finditer(text)
    ]


def _dedented(code: str, indent: str) -> str:
    return "".join(line.removeprefix(indent) for line in code.splitlines(keepends=True))


class Page:
    """A page being run: its folder, and the names that its Python blocks have in common."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self.cwd = folder
        self.starts_server = "pxw server stop" in path.read_text()
        self.environment = _environment(starts_server=self.starts_server)
        self.names = types.ModuleType(f"page_{path.stem.replace('-', '_')}")
        sys.modules[self.names.__name__] = self.names  # where pydantic and pickle look a class up

    def run(self, block: Block) -> None:
        if re.fullmatch(r"[\w./-]+\.\w+", block.title):
            file = self.cwd / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.code)
        elif block.language in RUNNABLE and not block.title.startswith(NOT_RUN):
            getattr(self, block.language)(block)

    def python(self, block: Block) -> None:
        # Padded, so that a traceback tells the page's own line.
        exec(compile("\n" * block.line + block.code, str(self.path), "exec", dont_inherit=True), self.names.__dict__)

    def pycon(self, block: Block) -> None:
        test = doctest.DocTestParser().get_doctest(block.code, {}, self.path.name, str(self.path), block.line)
        test.globs = self.names.__dict__
        said: list[str] = []
        doctest.DocTestRunner(verbose=False, optionflags=FLAGS).run(test, out=said.append, clear_globs=False)
        assert not said, "".join(said)

    def console(self, block: Block) -> None:
        commands = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n?)*)", block.code, re.MULTILINE)
        assert commands, f"{self.path}:{block.line}: a console block without a command"
        code = int(block.title.removeprefix("exit code ")) if block.title else 0
        for place, (command, shown) in enumerate(commands):
            is_last = place == len(commands) - 1
            self.command(command, shown, code if is_last else 0, f"{self.path}:{block.line}")

    def command(self, command: str, shown: str, code: int, where: str) -> None:
        script = f"{command}\ncode=$?; pwd > '{self.folder}/.cwd'; exit $code"
        done = subprocess.run(
            ["bash", "-c", script],
            check=False,
            cwd=self.cwd,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
        )
        said = done.stdout
        assert done.returncode == code, f"{where}: {command}: exit code {done.returncode}\n{said}"
        fits = not shown.strip() or doctest.OutputChecker().check_output(_settled(shown), _settled(said), FLAGS)
        assert fits, f"{where}: {command}\nthe page shows:\n{shown}\nand it says:\n{said}"
        self.cwd = Path((self.folder / ".cwd").read_text().strip())


def _environment(*, starts_server: bool) -> dict[str, str]:
    """A shell of a user who has activated his virtual environment, and has a Prefect server or not."""
    folder = str(Path(sys.executable).parent)
    left_out = {"COLUMNS"} | ({"PREFECT_API_URL"} if starts_server else set())
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return kept | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def _settled(text: str) -> str:
    """The text with what differs from run to run made the same."""
    for pattern, same in CHANGING.items():
        text = re.sub(pattern, same, text)
    return text


# Prefect leaves a socket open when the event loop of an `asyncio.run` ends.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_of_a_page_runs(path: Path, tmp_path: Path, prefect_server: str) -> None:
    page, environment = Page(path, tmp_path), dict(os.environ)
    try:
        for block in blocks_of(path):
            page.run(block)
    finally:
        os.environ.clear()
        os.environ |= environment  # a page may show how to set a variable
        if page.starts_server:
            subprocess.run(["pxw", "server", "stop"], env=page.environment, check=False, timeout=60)
        if "pxw ddm stop" in path.read_text():  # the page's last command does so, if it comes so far
            subprocess.run(["pxw", "ddm", "stop"], env=page.environment, check=False, timeout=60)


def test_blocks_that_are_not_run_say_why_and_are_few() -> None:
    runnable = [block for page in PAGES for block in blocks_of(page) if block.language in RUNNABLE]
    not_run = [block for block in runnable if block.title.startswith("not run")]
    assert all(len(block.title.removeprefix(NOT_RUN)) > 10 for block in not_run)
    assert len(not_run) <= len(runnable) / 15


def test_every_block_is_found_and_names_its_language() -> None:
    for page in PAGES:
        blocks = blocks_of(page)
        assert page.read_text().count("```") == 2 * len(blocks), page
        assert all(block.language for block in blocks), page


def test_every_error_has_its_entry_and_no_entry_is_stale() -> None:
    page = (ROOT / "docs/reference/errors.md").read_text()
    entries = re.findall(r"^### `(PXW\d+)` (\w+) \{ #(pxw\d+) \}$", page, re.MULTILINE)
    classes = [getattr(pxw.errors, name) for name in pxw.errors.__all__ if name != "nearest"]
    assert {(code, name) for code, name, _ in entries} == {(error.code, error.__name__) for error in classes}
    assert all(anchor == code.lower() for code, _, anchor in entries)
    assert len(entries) == len(classes)


@pytest.mark.parametrize("page", ["README.md", "docs/explanation/design.md"])
def test_the_picture_of_the_layers_shows_all_of_them(page: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    picture = next(block for block in blocks_of(ROOT / page) if block.code.startswith("  cli")).code
    assert set(re.findall(r"\w+", " ".join(layers))) <= set(re.findall(r"\w+", picture))


def test_every_code_of_a_diagnostic_is_in_the_table() -> None:
    page = (ROOT / "docs/reference/errors.md").read_text()
    for code, (severity, text) in CODES.items():
        assert f'| <span id="{code.lower()}">`{code}`</span> | {severity} | {text} |' in page


def test_every_setting_is_on_its_page() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text()
    assert set(re.findall(r"`PXW_(\w+)`", page)) >= {name.upper() for name in Settings.model_fields}


def test_every_public_name_is_in_the_reference() -> None:
    reference = "".join(page.read_text() for page in (ROOT / "docs/reference").glob("*.md"))
    for name in pxw.__all__:
        assert re.search(rf"^::: [\w.]+\.{name}$|`pxw\.{name}`", reference, re.MULTILINE), name
