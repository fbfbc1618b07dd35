"""Where the command line writes: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

__all__ = ["err", "for_help", "out", "print_json", "row_count", "seconds", "shown_path", "size", "value"]

_LINE = 110  # columns of the help, where the terminal is not narrower
_WIDE = 250  # columns where no terminal sets a width: lines in a log file are not broken


def out() -> Console:
    """The console for results; colours only on a terminal, and not where NO_COLOR is set."""
    return _console(sys.stdout)


def err() -> Console:
    """The console for progress and errors."""
    return _console(sys.stderr)


def for_help() -> Console:
    """The console for help."""
    console = out()
    console.width = min(console.width, _LINE)
    return console


def _console(stream: Any) -> Console:
    wide = None if stream.isatty() or "COLUMNS" in os.environ else _WIDE
    return Console(file=stream, highlight=False, width=wide, soft_wrap=wide is not None)


def print_json(document: Any) -> None:
    """Write a document for other programs."""
    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")


def shown_path(place: str | Path) -> str:
    """A path as a reader knows it: relative to the working directory, or to the home folder, where that is shorter.

    >>> shown_path(Path.cwd() / "results" / "out.csv")
    'results/out.csv'
    """
    text = os.fspath(place)
    if "://" in text or not os.path.isabs(text):  # noqa: PTH117 - it may be no path
        return text
    slash = "/" if text.endswith("/") else ""
    home = Path.home()
    path = Path(text)
    short = [text, os.path.relpath(text) + slash]
    short += [f"~/{path.relative_to(home)}{slash}"] if path.is_relative_to(home) else []
    return min(short, key=len)


def size(count: float) -> str:
    """A number of bytes, in words.

    >>> size(999), size(13_240), size(2_500_000_000)
    ('999 B', '13.2 kB', '2.5 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" or count >= 99.95 else f"{count:.1f} {unit}"


def row_count(rows: int) -> str:
    """How many rows there are.

    >>> row_count(1), row_count(12_345)
    ('1 row', '12,345 rows')
    """
    return f"{rows:,} row{'s' * (rows != 1)}"


def seconds(duration: float) -> str:
    """A duration, in words.

    >>> seconds(0.0123), seconds(75)
    ('0.01 s', '1 min 15 s')
    """
    if duration < 60:
        return f"{duration:.2f} s"
    minutes, rest = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def value(held: Any, longest: int = 100) -> str:
    """A small value on one line.

    >>> value({"auc": 0.9}), value("x" * 200, longest=8)
    ('{"auc": 0.9}', '"xxxxxx…')
    """
    try:
        text = json.dumps(held, ensure_ascii=False)
    except (TypeError, ValueError):
        text = " ".join(repr(held).split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
