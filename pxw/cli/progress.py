"""Show how a run is doing: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from pxw.cli.console import row_count, seconds, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, RenderableType

    from pxw.cli.journal import Progress, TaskProgress

__all__ = ["BEFORE", "Shown", "Waiting", "showing"]

BEFORE = {"cached": "from the cache", "reused": "finished before"}
_MARKS = {"done": ("✓", "green"), "failed": ("✗", "red")}


@contextmanager
def showing(console: Console, progress: Progress) -> Iterator[Shown]:
    """Show events as they come, while the block runs."""
    if not console.is_terminal:
        yield Shown(_Lines(console, progress).take, lambda: None, lambda: None)
        return
    # What the user prints goes above the table; if it goes to a file, it is left alone.
    with Live(
        _Table(console, progress), console=console, refresh_per_second=12, redirect_stdout=sys.stdout.isatty()
    ) as live:
        yield Shown(progress.take, live.stop, live.start)


class Shown(NamedTuple):
    """What takes events; what ends the showing before its block does, or for a while."""

    take: Callable[[dict[str, Any]], None]
    stop: Callable[[], None]
    start: Callable[[], None]


class _Table:
    """The live table: one line a task."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._spinner = Spinner("dots", style="cyan")

    def __rich__(self) -> RenderableType:
        tasks = list(self._progress.tasks.values())
        room = max(self._console.height - 4, 3)
        hidden = _least_telling(tasks, len(tasks) - room)
        table = Table.grid(padding=(0, 2), collapse_padding=True)
        if not tasks:
            table.add_row(self._spinner, Text("starting", style="dim"))
        if hidden:
            table.add_row("", Text(f"... {len(hidden)} more", style="dim"))
        for task in tasks:
            if task.name not in hidden:
                table.add_row(self._mark(task), Text(task.name, style="bold"), *map(_cell, _facts(task)))
        return table

    def _mark(self, task: TaskProgress) -> RenderableType:
        return self._spinner if task.state == "running" else Text(*_MARKS[task.state])


def _least_telling(tasks: list[TaskProgress], count: int) -> set[str]:
    """Those that are left out where the terminal is too small: first the done ones that began first."""
    ranked = sorted(tasks, key=lambda task: (task.state != "done", task.began))
    return {task.name for task in ranked[: max(count, 0)]}


def _cell(words: str) -> Text:
    return Text(words, justify="right" if words[:1].isdigit() else "left", style="", overflow="ellipsis", no_wrap=True)


def _facts(task: TaskProgress) -> list[str]:
    """Runs, rows, bytes, time, and trouble."""
    until = time.time() if task.state == "running" else task.ended
    runs = f"{task.count('done')} of {len(task.states)}" if len(task.states) > 1 else ""
    rows = "" if task.rows is None else row_count(task.rows)
    trouble = task.error.partition("\n")[0] if task.state == "failed" else ""
    again = f"{task.retries} {'retry' if task.retries == 1 else 'retries'}" if task.retries else ""
    words = ", ".join(filter(None, [*_not_run(task), again or trouble or ", ".join(task.going)]))
    return [runs, rows, size(task.size) if task.size else "", seconds(max(until - task.began, 0)), words]


def _not_run(task: TaskProgress) -> list[str]:
    counts = {said: task.before[kind] for kind, said in BEFORE.items() if task.before[kind]}
    return [said if count == len(task.states) else f"{count} {said}" for said, count in counts.items()]


class _Lines:
    """Plain lines: one when a task's first run starts, and one for each run that ends."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._began: dict[str, float] = {}
        self._facts: dict[str, list[str]] = {}

    def take(self, event: dict[str, Any]) -> None:
        """Take an event in, and say what it means."""
        self._progress.take(event)
        key, kind = event.get("key", ""), event["event"]
        if not key:
            return
        if kind == "started":
            if key in self._began:
                self._say("↻", _named(event), "tried again")
            elif len(self._progress.tasks[event["task"]].states) == 1:
                self._say("▸", _named(event), "started")
            self._began[key] = event["at"]
        elif kind == "saved":
            rows = [] if event.get("rows") is None else [row_count(event["rows"])]
            self._facts.setdefault(key, []).extend([*rows, size(event.get("size") or 0)])
        else:
            self._end(event)

    def _end(self, event: dict[str, Any]) -> None:
        took = seconds(event["at"] - self._began.get(event["key"], event["at"]))
        facts = [*self._facts.pop(event["key"], []), took]
        if event["event"] == "failed":
            facts = [event.get("error", "").partition("\n")[0], took]
        if event["event"] in BEFORE:
            facts[-1] = BEFORE[event["event"]]
        self._say("✗" if event["event"] == "failed" else "✓", _named(event), ", ".join(facts))

    def _say(self, mark: str, task: str, words: str) -> None:
        self._console.print(Text(f"{mark} {task}: {words}"))


def _named(event: dict[str, Any]) -> str:
    """The task, and which run of an experiment it belongs to, as in the log."""
    return f"{event.get('label', '')} {event['task']}".lstrip()


class Waiting:
    """A line that says what is being waited for: on a terminal until it is over, elsewhere once if it takes long.

    Args:
        console: where to.
        words: what is said at first, on a terminal.
    """

    def __init__(self, console: Console, words: str) -> None:
        self._console = console
        self._status = console.status(words, spinner_style="cyan")
        self._is_said = False

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def say(self, words: str) -> None:
        """Say something else now."""
        self._status.update(words)
        if not self._console.is_terminal and not self._is_said:
            self._console.print(words)
            self._is_said = True
