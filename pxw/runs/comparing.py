"""What differs between two runs, as far as their journals tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pxw.runs.history import History, Saved, TaskRun

__all__ = ["Difference", "OutputPair", "TaskDifference", "compare"]


@dataclass(frozen=True)
class TaskDifference:
    """What differs between the runs of one task, on both sides in the order in which they began.

    Args:
        task: the task's name; of a task that ran several times with its number, as `fit[2]`.
        only: which side alone ran it, if one did.
        facts: what else differs: `state`, `code`, and inputs as `inputs.<name>`; each with both sides.
    """

    task: str
    only: Literal["a", "b", ""] = ""
    facts: dict[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class OutputPair:
    """An output that both runs have, or one of them.

    Args:
        name: `task.output`, with the number of the task's run where there are several.
        a: of the first run.
        b: of the second run.
    """

    name: str
    a: Saved | None
    b: Saved | None

    @property
    def verdict(self) -> Literal["same", "different", "unknown", "only in a", "only in b"]:
        """Whether their bytes are the same; `unknown` where an earlier pxw noted no digest."""
        if self.a is None or self.b is None:
            return "only in b" if self.a is None else "only in a"
        if not self.a.place and not self.b.place:
            return "same" if self.a.value == self.b.value else "different"
        if not self.a.digest or not self.b.digest:
            return "unknown"
        if self.a.digest.partition(":")[0] != self.b.digest.partition(":")[0]:
            return "unknown"  # kept in places whose digests are made otherwise
        return "same" if self.a.digest == self.b.digest else "different"


@dataclass(frozen=True)
class Difference:
    """What differs between two runs.

    Args:
        a: the first.
        b: the second.
        facts: of the runs as a whole: flow, state, engine, folder.
        parameters: those that differ, on both sides.
        versions: of Python and packages.
        tasks: those that differ.
        outputs: all, the same ones, too.
    """

    a: History
    b: History
    facts: dict[str, tuple[Any, Any]]
    parameters: dict[str, tuple[Any, Any]]
    versions: dict[str, tuple[Any, Any]]
    tasks: list[TaskDifference]
    outputs: list[OutputPair]


def compare(a: History, b: History) -> Difference:
    """Compare two runs by what is noted of them; no data is read."""
    facts = _differing(*({"flow": each.flow, "state": each.state, **_where(each)} for each in (a, b)))
    parameters, versions = (
        _differing(a.about.get(part, {}), b.about.get(part, {})) if a.about and b.about else {}
        for part in ("parameters", "versions")
    )
    tasks = [each for each in map(_task, *_united(a.named, b.named)) if each is not None]
    outputs = [OutputPair(*each) for each in zip(*_united(_outputs(a), _outputs(b)), strict=True)]
    return Difference(a, b, facts, parameters, versions, tasks, outputs)


def _where(run: History) -> dict[str, Any]:
    return {name: run.about[name] for name in ("engine", "cwd", "host") if name in run.about}


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (a.get(name), b.get(name)) for name in dict.fromkeys((*a, *b)) if a.get(name) != b.get(name)}


def _united(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[list[str], list[Any], list[Any]]:
    names = list(dict.fromkeys((*a, *b)))
    return names, [a.get(name) for name in names], [b.get(name) for name in names]


def _task(name: str, a: TaskRun | None, b: TaskRun | None) -> TaskDifference | None:
    if a is None or b is None:
        return TaskDifference(name, "b" if a is None else "a")
    facts: dict[str, tuple[Any, Any]] = {}
    if _ended_well(a) != _ended_well(b):
        facts["state"] = (a.state, b.state)
    if a.code and b.code and a.code != b.code:
        facts["code"] = (a.code, b.code)
    if a.inputs is not None and b.inputs is not None:
        inputs = _differing(_contents(a.inputs), _contents(b.inputs))
        facts |= {f"inputs.{key}": (a.inputs.get(key), b.inputs.get(key)) for key in inputs}
    return TaskDifference(name, "", facts) if facts else None


def _contents(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _content(value) for name, value in inputs.items()}


def _ended_well(task: TaskRun) -> str:
    return "done" if task.state in {"done", "reused", "cached"} else task.state


def _content(value: Any) -> Any:
    """What counts of an input: the digest of data, wherever each run keeps it; else all that is known."""
    if isinstance(value, dict):
        if value.get("digest"):
            return value["digest"]
        return {key: _content(item) for key, item in value.items()}
    return [_content(item) for item in value] if isinstance(value, list) else value


def _outputs(run: History) -> dict[str, Saved]:
    found = {f"{name}.{output}": saved for name, task in run.named.items() for output, saved in task.saved.items()}
    return found | {f"{saved.name} (saved)": saved for saved in run.saved}
