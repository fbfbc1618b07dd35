"""What is wrong with a project of DSL files: each problem with its code, place, source line, caret and remedy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pxw.errors import nearest
from pxw.workflow import Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pxw.dsl.syntax import Word

__all__ = [
    "CODES",
    "Diagnostic",
    "Report",
    "shown",
    "span",
    "where",
]

Severity = Literal["error", "warning"]

CODES: Mapping[str, tuple[Severity, str]] = {
    # names
    "PXW301": ("error", "unknown task"),
    "PXW302": ("error", "unknown dataset"),
    "PXW303": ("error", "unknown workflow"),
    "PXW304": ("error", "unknown node of a control block"),
    "PXW305": ("error", "undeclared variability point"),
    "PXW306": ("error", "unknown parameter"),
    "PXW307": ("error", "a port that the task's signature does not have"),
    "PXW308": ("error", "unknown function"),
    "PXW309": ("error", "a name declared twice"),
    # syntax
    "PXW310": ("error", "a word that cannot stand here"),
    "PXW311": ("error", "something missing"),
    "PXW312": ("error", "a string or comment that does not end"),
    "PXW313": ("error", "more syntax errors than are worth listing"),
    "PXW314": ("error", "a file that cannot be read"),
    "PXW315": ("warning", "a file that declares nothing"),
    # the graph
    "PXW320": ("error", "a cycle"),
    "PXW321": ("warning", "a node that START does not lead to"),
    "PXW322": ("warning", "a START chain that leads nowhere"),
    "PXW323": ("error", "a condition without a branch"),
    "PXW324": ("error", "a link in the wrong direction"),
    "PXW325": ("error", "data of one type linked to another"),
    "PXW326": ("error", "one place fed twice"),
    "PXW327": ("warning", "an input that nothing feeds"),
    "PXW328": ("error", "a link without its ports"),
    "PXW329": ("error", "a link without its condition"),
    # tasks
    "PXW330": ("error", "an abstract task that nothing fills"),
    "PXW331": ("error", "a missing file"),
    "PXW332": ("error", "a value of the wrong type"),
    "PXW333": ("error", "a value outside its domain"),
    "PXW334": ("warning", "a parameter without a value"),
    "PXW335": ("error", "a declaration that contradicts itself"),
    "PXW336": ("error", "a task file that declares no task"),
    "PXW337": ("warning", "a value that the new implementation does not know"),
    "PXW338": ("warning", "a dataset that is not there"),
    "PXW339": ("warning", "a value between the steps of its domain"),
    # experiments
    "PXW340": ("error", "an empty space"),
    "PXW341": ("error", "a strategy that does not exist"),
    "PXW342": ("error", "a space whose parts do not fit its strategy"),
    "PXW343": ("warning", "a part of a space that changes nothing"),
    "PXW344": ("warning", "spaces that the control block does not name"),
    "PXW345": ("error", "an experiment with nothing to run"),
    "PXW346": ("error", "a call that its function does not take"),
    # the project
    "PXW350": ("error", "a configuration that cannot be read"),
    "PXW351": ("warning", "a setting that is not a plain value"),
    "PXW352": ("error", "a script that is no Python"),
    "PXW353": ("warning", "a script that imports what is not installed"),
    "PXW354": ("warning", "a setting that leads nowhere"),
    "PXW355": ("warning", "a dependency that is not there"),
    "PXW356": ("warning", "a dataset without a place"),
    # no meaning for a run
    "PXW360": ("warning", "something without a meaning for a run"),
    "PXW361": ("warning", "a condition in free text"),
}
"""Every code, how grave it is, and what it stands for."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem."""

    code: str
    message: str
    at: Span
    help: str = ""
    source: str = ""
    also: tuple[Span, ...] = ()
    """Where the same is wrong again: a name that is unknown is so wherever it stands."""

    @property
    def severity(self) -> Severity:
        """How grave it is."""
        return CODES[self.code][0]


class Report:
    """Collects the problems of all files of one project.

    >>> report = Report()
    >>> report.add("PXW301", "unknown task 'B'", Span("w.xxp", 1, 3, 4))
    >>> [(each.code, each.message) for each in report.diagnostics]
    [('PXW301', "unknown task 'B'")]
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, Span], Diagnostic] = {}
        self._names: dict[tuple[str, str], tuple[str, set[Span]]] = {}
        self._lines: dict[str, list[str]] = {}

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """All problems, by file and place."""
        found = list(self._found.values())
        for (code, what), (remedy, places) in self._names.items():
            first, *also = sorted(places)
            found.append(replace(self._diagnostic(code, f"unknown {what}", first, remedy), also=tuple(also)))
        return sorted(found, key=lambda each: (each.at, each.code))

    @property
    def errors(self) -> list[Diagnostic]:
        """Those that forbid a run."""
        return [each for each in self.diagnostics if each.severity == "error"]

    def source(self, path: Path, text: str) -> None:
        """Remember a file's lines, to show them."""
        self._lines[str(path)] = text.split("\n")

    def add(self, code: str, message: str, at: Span, help: str = "", *, same: str = "") -> None:  # noqa: A002 - the word that users read
        """Note one problem; the same one at the same place counts once.

        `same`: what makes it the same, where the message also names the workflow that inherits it.
        """
        self._found.setdefault((code, same or message, at), self._diagnostic(code, message, at, help))

    def _diagnostic(self, code: str, message: str, at: Span, remedy: str) -> Diagnostic:
        lines = self._lines.get(at.file, [])
        source = lines[at.line - 1].rstrip("\r") if at.line <= len(lines) else ""
        return Diagnostic(code, message, at, remedy, source)

    def unknown(self, code: str, what: str, name: str, at: Span, known: Mapping[str, Span | None]) -> None:
        """Note an unknown name, once, with the nearest known one and where that is declared."""
        if (code, what) not in self._names:
            remedy = nearest(name, list(known))
            declared = next((where for other, where in known.items() if f"{other!r}?" in remedy), None)
            place = f" (declared at {where(declared)})" if declared else ""
            self._names[code, what] = (remedy + place, set())
        self._names[code, what][1].add(at)


def span(path: Path, word: Word) -> Span:
    """Say where a word stands; of one that runs over lines, its first line."""
    line, column = word.line or 1, word.column or 1
    end = word.end_column or column + 1
    return Span(str(path), line, column, end if word.end_line == line and end > column else column + 1)


def where(at: Span | None) -> str:
    """Word a place that a diagnostic refers to."""
    return f"{shown(at.file)}:{at.line}:{at.column}" if at else "a place unknown"


def shown(file: str) -> str:
    """Shorten a path below the working directory."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
