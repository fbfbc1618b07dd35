"""Follow a run's journal, and know from it how each task is doing."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from pxw.runs.journal import events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Follower", "Progress", "TaskProgress"]


@dataclass
class TaskProgress:
    """All runs of one task.

    Args:
        name: the task's.
        states: of each run by its key: `running`, `done` or `failed`.
        labels: which run of an experiment each belongs to, by its key.
        before: how many were not run: `cached` by Prefect, or `reused` from an earlier attempt of the run.
        retries: how often a failed run was started again.
        rows: how many were written; None if no table was.
        size: bytes written.
        error: what the last failure said.
        began: when the first run started.
        ended: when the last event came.
    """

    name: str
    states: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    before: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    rows: int | None = None
    size: int = 0
    error: str = ""
    began: float = 0
    ended: float = 0

    @property
    def state(self) -> str:
        """`failed` if any run is, else `running` if any is, else `done`."""
        return next((state for state in ("running", "failed") if state in self.states.values()), "done")

    @property
    def going(self) -> list[str]:
        """The runs of an experiment that are at it."""
        return [label for key, label in self.labels.items() if self.states[key] == "running"]

    def count(self, state: str) -> int:
        """How many runs are in a state."""
        return list(self.states.values()).count(state)


@dataclass
class Progress:
    """What a run's journal has told so far.

    >>> progress = Progress()
    >>> progress.take({"at": 1.0, "event": "started", "task": "clean", "key": "1"})
    >>> progress.take({"at": 2.5, "event": "saved", "task": "clean", "key": "1", "output": "t", "rows": 3, "size": 80})
    >>> progress.take({"at": 2.5, "event": "finished", "task": "clean", "key": "1"})
    >>> progress.tasks["clean"].state, progress.tasks["clean"].rows
    ('done', 3)
    """

    tasks: dict[str, TaskProgress] = field(default_factory=dict)
    saved: list[dict[str, Any]] = field(default_factory=list)

    def take(self, event: dict[str, Any]) -> None:
        """Take one line of the journal in."""
        kind, key = event["event"], event.get("key", "")
        if kind == "saved":
            self.saved.append(event)
        if not key:  # the flow's own doings
            return
        task = self.tasks.setdefault(event["task"], TaskProgress(event["task"], began=event["at"]))
        task.ended = event["at"]
        if kind == "started":
            task.retries += task.states.get(key) == "failed"
            task.states[key] = "running"
            if "label" in event:
                task.labels[key] = event["label"]
        elif kind == "saved":
            task.rows = task.rows if event.get("rows") is None else (task.rows or 0) + event["rows"]
            task.size += event.get("size") or 0
        elif kind == "cached":
            task.before[kind] += key not in task.states
            task.states[key] = "done"
        elif kind in {"finished", "failed", "reused"}:
            task.before[kind] += kind == "reused"
            task.states[key] = "failed" if kind == "failed" else "done"
            if kind == "failed":
                task.error = ": ".join(filter(None, [event.get("label", ""), event["error"]]))


class Follower:
    """Reads the journals of a run, and of the subflows that it starts, while they grow.

    It does so in a thread, while it is entered.

    Args:
        runs: the folder that holds the runs' folders.
        on_event: called with each event, in the follower's own thread.
    """

    def __init__(self, runs: Path, on_event: Callable[[dict[str, Any]], None]) -> None:
        self._runs = runs
        self._on_event = on_event
        self._journals: dict[str, Iterator[dict[str, Any] | None]] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="pxw-journal", daemon=True)

    def watch(self, run_id: str, *, since: int = 0) -> None:
        """Follow this run, too, from so many bytes of its journal on."""
        self._journals.setdefault(run_id, events(self._runs / run_id, since))

    def __enter__(self) -> Self:
        """Follow in the background."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Read what is there still, and end."""
        self._done.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._done.wait(0.05):
            self._read()
        self._read()

    def _read(self) -> None:
        while fresh := [event for events in list(self._journals.values()) for event in _until_none(events)]:
            for event in sorted(fresh, key=lambda event: event["at"]):
                if event["event"] == "subflow started":
                    self.watch(event["run"])
                self._on_event(event)


def _until_none(events: Iterator[dict[str, Any] | None]) -> Iterator[dict[str, Any]]:
    for event in events:
        if event is None:
            return
        yield event
