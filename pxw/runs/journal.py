"""A run's journal: one line an event, appended by every process of the run, and followed while it grows.

A line is written by one call, so that those of several processes do not mix. One that a dying process left torn is no
event, and takes no other with it.
"""

from __future__ import annotations

import fcntl
import json
import re
import time
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

__all__ = ["OpenJournal", "events", "last", "note", "past", "size"]

_NAME = "journal.jsonl"
_BEGIN = '{"at": '  # of each line; inside of a line its quotes would be escaped
_encode = json.JSONEncoder(default=str).encode

_open: dict[Path, FileIO] = {}
_using = Lock()


def note(folder: Path, event: str, facts: dict[str, Any]) -> None:
    """Append an event to the journal of the run with this folder."""
    line = f"{_encode({'at': round(time.time(), 3), 'event': event, **facts})}\n".encode()
    with _using:
        journal = _open.get(folder)
        if journal is not None:
            _append(journal, line)
            return
    with _opened(folder) as journal:
        _append(journal, line)


def _append(journal: FileIO, line: bytes) -> None:
    fcntl.flock(journal, fcntl.LOCK_EX)  # on a network file system, two machines may append at the same place
    try:
        if journal.write(line) < len(line):
            journal.write(b"\n")  # the next event is on a line of its own
            raise OSError(f"{journal.name!r} took a part of an event only: is the disk full?")
    finally:
        fcntl.flock(journal, fcntl.LOCK_UN)


def _opened(folder: Path) -> FileIO:
    return (folder / _NAME).open("ab", buffering=0)


class OpenJournal:
    """Keeps a journal open, so that each event costs one call; without it, `note` opens the journal each time.

    Args:
        folder: the run's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with _using:
            if folder not in _open:
                _open[folder] = _opened(folder)

    def close(self) -> None:
        """Close it."""
        with _using, suppress(KeyError):
            _open.pop(self._folder).close()


def size(folder: Path) -> int:
    """Bytes that are there now."""
    with suppress(FileNotFoundError):
        return (folder / _NAME).stat().st_size
    return 0


def events(folder: Path, since: int = 0) -> Iterator[dict[str, Any] | None]:
    """The events of the run with this folder, from so many bytes on; None wherever there is no further one yet."""
    path = folder / _NAME
    while not path.exists():
        yield None
    with path.open(encoding="utf-8", errors="replace", newline="\n") as journal:
        journal.seek(since)
        line = ""
        while True:
            line += journal.readline()
            if not line.endswith("\n"):
                yield None
                continue
            with suppress(ValueError):
                event = json.loads(line[max(line.rfind(_BEGIN), 0) :])
                if isinstance(event, dict) and type(event.get("at")) in {int, float} and "event" in event:
                    yield event
            line = ""


def past(folder: Path) -> list[dict[str, Any]]:
    """The events that are there now."""
    return [event for event in iter(events(folder).__next__, None) if event is not None]


def last(folder: Path) -> str:
    """The kind of the last event; empty if there is no journal."""
    with suppress(FileNotFoundError), (folder / _NAME).open("rb") as journal:
        journal.seek(max(0, journal.seek(0, 2) - 10_000))  # the last line of a run is short
        found = re.findall(rb'"event": "([a-z ]+)"', journal.read())
        return found[-1].decode() if found else "?"
    return ""
