"""How runs, tasks and data are told in a few words, wherever the command line shows them."""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from pxw.addresses import is_url
from pxw.cli.console import row_count, shown_path, size, value

if TYPE_CHECKING:
    from pxw.runs.history import History, Saved

__all__ = ["MARKS", "facts_of", "given", "is_gone", "mark", "moment", "printable", "since"]

MARKS = {
    "done": ("✓", "green"),
    "reused": ("↺", "green"),
    "cached": ("↺", "green"),
    "running": ("●", "cyan"),
    "failed": ("✗", "bold red"),
    "interrupted": ("■", "yellow"),
    "killed": ("!", "bold yellow"),
}
"""The sign of each state, and its colour."""


def mark(state: str) -> Text:
    """The sign of a state."""
    return Text(*MARKS[state])


def moment(at: float) -> str:
    """A time of this machine's clock."""
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S}"


def since(at: float) -> str:
    """How long ago something was, in as few letters as tell it; a date beyond a month.

    >>> since(time.time() - 90), since(time.time() - 7200)
    ('1 min ago', '2 h ago')
    """
    ago = max(time.time() - at, 0)
    for unit, length, many in (("s", 1, 60), ("min", 60, 60), ("h", 3600, 24), ("d", 86_400, 30)):
        if ago < length * many:
            return f"{ago // length:.0f} {unit} ago"
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d}"


def printable(text: str) -> str:
    """A text without what a terminal would obey: data and names may be anybody's."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def facts_of(saved: Saved) -> str:
    """Format, rows, bytes and digest; of a small value that itself."""
    if not saved.place:
        return value(saved.value)
    name = saved.format if isinstance(saved.format, str) else str(saved.format.get("name", ""))
    packed = "" if saved.compression == "none" else f"+{saved.compression}"
    rows = "" if saved.rows is None else row_count(saved.rows)
    scheme, _, digits = saved.digest.partition(":")
    return ", ".join(filter(None, [name + packed, rows, size(saved.size), f"{scheme}:{digits[:12]}".strip(":")]))


def is_gone(saved: Saved) -> bool:
    """Whether a file of this machine is no longer there; what is elsewhere is not asked for."""
    return bool(saved.place) and not is_url(saved.place) and not os.path.exists(saved.place)  # noqa: PTH110 - as noted


def given(told: Any, run: History | None = None) -> str:
    """What a task or a flow was given, as `pxw.runs.about` keeps it, on one line.

    Args:
        told: as kept.
        run: the run that data may come from.
    """
    if not isinstance(told, dict):
        return printable(value(told))
    if "items" in told:
        shown = ", ".join(given(item, run) for item in told["items"][:3])
        return f"[{shown}{', ...' if told['count'] > 3 else ''}] ({told['count']})"
    if "named" in told:
        return "{" + ", ".join(f"{key}: {given(item, run)}" for key, item in told["named"].items()) + "}"
    if told.keys() == {"type"}:
        return f"<{told['type']}>"
    if "digest" in told:
        return _source(told, run)
    places = told.get("path") or told.get("url") or told.get("place")
    return shown_path(places) if places else printable(value(told))


def _source(told: dict[str, Any], run: History | None) -> str:
    """Where data comes from: the output of a task of this run, or of another one."""
    place = told.get("place", "")
    made = run.makers.get(place) if run and told.get("task") else None
    made = made or ".".join(filter(None, [told.get("task"), told.get("output")]))
    return made or (shown_path(place) if place else "a value")
