"""What a conversion decided, dropped, or leaves to a person: each with its place in the DSL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pxw.workflow import Span

__all__ = ["Entry", "Kind", "Notes"]

Kind = Literal["decided", "dropped", "person"]
_TITLES: dict[Kind, str] = {"person": "Needs a person", "dropped": "Dropped", "decided": "Decided"}


@dataclass(frozen=True)
class Entry:
    """One thing that a reader of the new Python should know."""

    kind: Kind
    message: str
    file: str = ""
    line: int = 0


class Notes:
    """Collects entries; places are told below the project's folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: dict[Entry, None] = {}

    def add(self, kind: Kind, message: str, at: Span | None) -> None:
        """Note one thing; the same one at the same place counts once."""
        self._found[Entry(kind, message, self.place(at) if at else "", at.line if at else 0)] = None

    def place(self, at: Span) -> str:
        """The file of a place, below the project's folder where it is there."""
        path = Path(at.file)
        return (path.relative_to(self._root) if path.is_relative_to(self._root) else path).as_posix()

    @property
    def entries(self) -> list[Entry]:
        """All of them, by file and line."""
        return sorted(self._found, key=lambda each: (each.file, each.line))


def as_json(source: str, entries: Iterable[Entry], digests: dict[str, str]) -> dict[str, Any]:
    """The report for programs; `files` are digests: what a file was when it was written."""
    return {"source": source, "entries": [vars(each) for each in entries], "files": digests}


def as_markdown(source: str, entries: Iterable[Entry], files: Iterable[str]) -> str:
    """The report for people."""
    entries = list(entries)
    lines = [f"# Conversion of {source}", "", f"Written: {', '.join(f'`{each}`' for each in sorted(files))}."]
    for kind, title in _TITLES.items():
        found = [each for each in entries if each.kind == kind]
        lines += ["", f"## {title}", ""] if found else []
        lines += [f"- {f'`{each.file}:{each.line}`: ' if each.file else ''}{each.message}" for each in found]
    return "\n".join(lines) + "\n"
