"""How problems look: with their source line and a caret for people, as one line or as JSON for editors."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING

from pxw.dsl.diagnostics import where

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.text import Text

    from pxw.dsl.diagnostics import Diagnostic
    from pxw.workflow import Span

__all__ = ["render_gcc", "render_json", "render_rich", "render_text"]

_STYLES = {"place": "bold", "error": "bold red", "warning": "bold yellow", "margin": "blue", "help": "bold cyan"}


def render_text(diagnostics: Iterable[Diagnostic], width: int | None = None) -> str:
    """Show each problem with its source line, a caret and the remedy; of a line longer than `width`, a part.

    >>> from pxw.dsl.diagnostics import Report
    >>> from pxw.workflow import Span
    >>> report = Report()
    >>> report.add("PXW301", "unknown task 'B'", Span("w.xxp", 1, 3, 4))
    >>> print(render_text(report.diagnostics))
    w.xxp:1:3: error[PXW301]: unknown task 'B'
    """
    return "\n".join("".join(piece for piece, _ in _parts(each, width)) for each in diagnostics)


def render_rich(diagnostics: Iterable[Diagnostic], width: int | None = None) -> Text:
    """Show the same in colours, for a rich console."""
    from rich.text import Text  # noqa: PLC0415 - only a terminal pays for it

    lines = (
        Text.assemble(*((piece, _STYLES.get(kind, "")) for piece, kind in _parts(each, width))) for each in diagnostics
    )
    return Text("\n").join(lines)


def _parts(each: Diagnostic, width: int | None) -> list[tuple[str, str]]:
    """Word one diagnostic as pieces of text and what they are."""
    parts = [
        (f"{where(each.at)}: ", "place"),
        (f"{each.severity}[{each.code}]", each.severity),
        (f": {_visible(each.message)}", "message"),
    ]
    if each.source:
        number = str(each.at.line)
        source, pad, length = _pointed(each, width - len(number) - 3 if width else None)
        parts += [
            (f"\n{number} | ", "margin"),
            (source, "source"),
            (f"\n{' ' * len(number)} | ", "margin"),
            (" " * pad + "^" * length, each.severity),
        ]
    if each.help:
        parts += [("\n  help: ", "help"), (_visible(each.help), "message")]
    if each.also:
        parts += [("\n  also: ", "help"), (", ".join(map(where, each.also)), "message")]
    return parts


def _pointed(each: Diagnostic, room: int | None) -> tuple[str, int, int]:
    """The source line, or what of it there is room for; after how many cells the caret stands, and how long it is."""
    source = _visible(each.source.replace("\t", " "))
    start, end = each.at.column - 1, max(each.at.column, min(each.at.end_column, len(source) + 2) - 1)
    if room is not None and _cells(source) > room:
        first = max(0, min(start - room // 4, len(source) - room + 1))
        before = "…" if first else ""
        source, start, end = before + source[first:], start - first + len(before), end - first + len(before)
        last = len(source)
        while _cells(source[:last]) > room - 1:
            last -= 1
        source, end = (source if last == len(source) else source[:last] + "…"), max(start + 1, min(end, last))
    return source, _cells(source[:start]), max(1, _cells(source[start:end]) + max(0, end - len(source)))


def _cells(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(0 if unicodedata.combining(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)


def _visible(text: str) -> str:
    """A text without what would not show, or do something to a terminal."""
    return "".join("\ufffd" if unicodedata.category(sign) in {"Cc", "Cf"} and sign != "\n" else sign for sign in text)


def render_gcc(diagnostics: Iterable[Diagnostic]) -> str:
    """One line each, as compilers do, for editors that know how to jump there."""
    lines = []
    for each in diagnostics:
        remedy = f"; {each.help}" if each.help else ""
        text = f"{each.severity}: {each.message}{remedy} [{each.code}]".replace("\n", " ")
        lines += [f"{at}: {text}" for at in (each.at, *each.also)]
    return "\n".join(lines)


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """Write a JSON list of objects with flat fields."""
    return json.dumps([_record(each, at) for each in diagnostics for at in (each.at, *each.also)], indent=2)


def _record(each: Diagnostic, at: Span) -> dict[str, str | int]:
    place: dict[str, str | int] = {"file": at.file, "line": at.line, "column": at.column, "end_column": at.end_column}
    return {"code": each.code, "severity": each.severity, "message": each.message, **place, "help": each.help}
