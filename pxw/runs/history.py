"""What the journal of a run tells of it afterwards, or so far: its state, its tasks, what each took and gave.

Whatever is missing or damaged is left out: a journal may be of an earlier pxw, or of a process that was killed.
"""

from __future__ import annotations

import fcntl
import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pxw.runs import about, journal

if TYPE_CHECKING:
    from pathlib import Path
    from types import UnionType

__all__ = ["History", "Saved", "State", "TaskRun", "read"]

State: TypeAlias = Literal["running", "done", "failed", "interrupted", "killed"]


@dataclass(frozen=True)
class Saved:
    """A dataset that was written, or a small value.

    Args:
        task: who made it; empty if the flow itself saved what no task made.
        output: the name of the output.
        place: where it is; empty for a small value.
        value: the small value.
        format: of the file: its name, or its options with their name.
        compression: of the file.
        rows: of a table.
        size: bytes.
        digest: of the bytes; empty if an earlier pxw wrote it.
        columns: of a table, and their types.
        run: the id of the run that made it, if another one did.
    """

    task: str = ""
    output: str = ""
    place: str = ""
    value: Any = None
    format: str | dict[str, Any] = ""
    compression: str = "none"
    rows: int | None = None
    size: int = 0
    digest: str = ""
    columns: dict[str, str] | None = None
    run: str = ""

    @classmethod
    def of(cls, event: dict[str, Any]) -> Saved:
        """What a line of the journal tells."""
        facts = {name: event[name] for name in cls.__dataclass_fields__ if event.get(name) is not None}
        return cls(**facts)

    @property
    def name(self) -> str:
        """`task.output`."""
        return ".".join(filter(None, [self.task, self.output])) or self.place


@dataclass
class TaskRun:
    """One run of a task.

    Args:
        task: the task's name.
        key: tells it from all others of the run.
        state: `reused` and `cached` were not run: an earlier attempt, or Prefect's cache, had their result.
        began: when it was started last, in seconds since 1970.
        seconds: how long it took; None while it runs, or where nobody was there to see its end.
        tries: how often it was started.
        inputs: what it was given, as `pxw.runs.about.taken`; None if that is not known.
        saved: its outputs, by name.
        code: a fingerprint of its code.
        reused: the key of the task run whose result it took.
        error: what it failed with.
        label: which run of an experiment it belongs to.
    """

    task: str
    key: str
    state: Literal["running", "done", "failed", "reused", "cached", "killed"] = "running"
    began: float = 0
    seconds: float | None = None
    tries: int = 0
    inputs: dict[str, Any] | None = None
    saved: dict[str, Saved] = field(default_factory=dict)
    code: str = ""
    reused: str = ""
    error: str = ""
    label: str = ""

    def take(self, event: dict[str, Any]) -> None:
        """Take one line of the journal in."""
        match event.get("event"):
            case "started":
                self.state, self.began, self.error = "running", event["at"], ""
                self.tries += 1
            case "saved":
                saved = Saved.of(event)
                self.saved[saved.output] = saved
            case "finished" | "failed" | "reused" | "cached" as kind:
                self.state = "done" if kind == "finished" else kind
                self.seconds = event.get("seconds", round(event["at"] - (self.began or event["at"]), 3))
                self.inputs = event.get("inputs", self.inputs)
                self.code, self.reused = event.get("code", self.code), event.get("of", "")
                self.error, self.label = event.get("error", ""), event.get("label", "")


@dataclass
class History:
    """A run as its folder tells it.

    Args:
        folder: the run's.
        id: the run's.
        flow: the flow's name; empty for tasks that ran outside of any flow.
        state: how it is, or ended; `killed` ended without a word.
        began: when its last attempt began, in seconds since 1970.
        ended: when the last thing happened.
        seconds: how long its attempts took together.
        attempts: how often it was begun: once, and once for each time that it was resumed or tried again.
        caller: the id of the run that called it; empty if none did.
        called: flows that it called: their names, and the ids of their runs.
        tasks: the task runs of the last attempt, in the order in which they began.
        saved: what the flow itself saved.
        runs: of an experiment: `node`, `number`, `configuration` and `result` of each that ended well.
        error: what it failed with.
        about: parameters, engine, versions, machine: see `pxw.runs.about`; empty if not recorded.
    """

    folder: Path
    id: str
    flow: str = ""
    state: State = "running"
    began: float = 0
    ended: float = 0
    seconds: float = 0
    attempts: int = 0
    caller: str = ""
    called: list[tuple[str, str]] = field(default_factory=list)
    tasks: list[TaskRun] = field(default_factory=list)
    saved: list[Saved] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all that it has; not of what Prefect's cache had from other runs."""
        tasks = [task for task in self.tasks if task.state != "cached"]
        return sum(saved.size for task in tasks for saved in task.saved.values()) + sum(one.size for one in self.saved)

    def count(self, *states: str) -> int:
        """How many task runs are in one of these states."""
        return sum(task.state in states for task in self.tasks)

    @cached_property
    def named(self) -> dict[str, TaskRun]:
        """The task runs by name; as `fit[2]` where a task ran several times."""
        several: defaultdict[str, list[TaskRun]] = defaultdict(list)
        for task in self.tasks:
            several[task.task].append(task)
        return {
            name if len(runs) == 1 else f"{name}[{number}]": task
            for name, runs in several.items()
            for number, task in enumerate(runs, 1)
        }

    @cached_property
    def makers(self) -> dict[str, str]:
        """By the place of each output of a task: `task.output`, as `named` names the task."""
        return {
            saved.place: f"{name}.{output}"
            for name, task in self.named.items()
            for output, saved in task.saved.items()
            if saved.place
        }


def read(folder: Path) -> History | None:
    """What a folder tells of a run; None if it is none: nothing has begun there, or nobody may read it."""
    try:
        events = [_sound(event) for event in journal.past(folder)]
        caller = (folder / ".caller").read_text() if (folder / ".caller").exists() else ""
    except (OSError, UnicodeDecodeError):
        return None
    if not events:
        return None
    history = History(folder, folder.name, caller=caller, about=about.read(folder))
    _fill(history, events)
    return history


_KINDS: dict[str, type | UnionType] = {
    **dict.fromkeys(("event", "task", "key", "output", "place", "flow", "run", "error", "code", "of", "label"), str),
    **dict.fromkeys(("compression", "digest"), str),
    "format": str | dict,
    **dict.fromkeys(("inputs", "columns", "configuration", "result"), dict),
    **dict.fromkeys(("rows", "size", "seconds"), int | float),
}


def _sound(event: dict[str, Any]) -> dict[str, Any]:
    """An event without facts that cannot be what their names say: the file may be anybody's."""
    return {name: fact for name, fact in event.items() if isinstance(fact, _KINDS.get(name, object))}


def _fill(history: History, events: list[dict[str, Any]]) -> None:
    tasks: dict[str, TaskRun] = {}
    ended = ""
    history.began, history.ended = events[0]["at"], events[-1]["at"]
    for before, event in pairwise([events[0], *events]):
        kind, key = event.get("event"), event.get("key", "")
        if key and "task" in event:
            tasks.setdefault(key, TaskRun(event["task"], key)).take(event)
        elif kind == "saved":
            history.saved.append(Saved.of(event))
        elif kind == "run finished":
            history.runs.append({name: event.get(name) for name in ("node", "number", "configuration", "result")})
        elif kind == "subflow started":
            history.called.append((event.get("flow", ""), event.get("run", "")))
        elif kind == "flow started":
            history.flow, history.error, ended = event.get("flow", ""), "", ""
            history.attempts += 1
            history.seconds, history.began = history.seconds + before["at"] - history.began, event["at"]
            tasks, history.called, history.saved, history.runs = {}, [], [], []  # earlier attempts are over
        elif kind in {"flow finished", "flow failed"}:
            history.error, ended = event.get("error", ""), kind
    history.tasks = list(tasks.values())
    history.state = _state(history, ended)
    history.seconds += (time.time() if history.state == "running" else history.ended) - history.began
    if history.state != "running":
        for task in history.tasks:
            task.state = "killed" if task.state == "running" else task.state


def _state(history: History, ended: str) -> State:
    if ended == "flow finished":
        return "done"
    if ended == "flow failed":
        return "interrupted" if (history.folder / ".stop").exists() else "failed"
    if history.attempts:
        return "running" if _is_locked(history.folder / ".running") else "killed"
    if history.count("running"):  # tasks outside of any flow
        return "running" if _is_locked(history.folder / ".lock") else "killed"
    return "failed" if history.count("failed") else "done"


def _is_locked(path: Path) -> bool:
    """Whether a process holds a lock; asking takes a shared one, for an instant."""
    try:
        with path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
