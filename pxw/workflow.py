"""The graph between a language and an engine: what runs, in which order, on which data.

A `Workflow` is complete and flat: implementations are files, values have their types, subworkflows are inlined.
Nothing here knows a DSL or Prefect; whoever runs a workflow or writes it as Python reads the same graph.

What it means to run one:

- A task waits for every task that an edge leads from (`Workflow.edges`: control links, conditions, data links alike).
- A `Condition` is evaluated when its sources have finished; the branch that is not chosen is skipped.
- A task with incoming control edges runs when at least one of them was taken: its source ran and, if the edge belongs
  to a condition, chose it. A task without any runs when its inputs are there. What does not run is skipped, once.
- Positions (`at`) say where in the source a thing was declared; two graphs are equal whatever their positions are.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path  # noqa: TC003 - so that the hints of these classes can be resolved at run time
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "Choices",
    "Condition",
    "ConditionKind",
    "ControlLink",
    "DDMPlace",
    "DataLink",
    "DataNode",
    "DataRef",
    "Interval",
    "LocalPlace",
    "Metric",
    "Parameter",
    "ParameterType",
    "Place",
    "Port",
    "PortRef",
    "Span",
    "TaskNode",
    "Value",
    "Workflow",
    "as_type",
    "find_cycle",
    "number",
    "topological_order",
]

Value: TypeAlias = str | int | float | bool | None
ParameterType: TypeAlias = Literal["Integer", "Float", "String", "Boolean", "Blob"]
ConditionKind: TypeAlias = Literal["expression", "call", "text"]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A piece of one line of a file; lines and columns count from 1, `end_column` is the first one after it.

    >>> str(Span("w.xxp", 4, 8, 12))
    'w.xxp:4:8'
    """

    file: str
    line: int
    column: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


# -------------------------------------------------------------------------------------------------- data


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """Files below the dataset library: one file, a whole directory, or those that a pattern matches."""

    path: Path
    kind: Literal["file", "directory", "glob"] = "file"


@dataclass(frozen=True, slots=True)
class DDMPlace:
    """An address in a DDM; a project alone is a directory."""

    project: str | None
    name: str | None = None


Place: TypeAlias = LocalPlace | DDMPlace


@dataclass(frozen=True, slots=True)
class DataNode:
    """A dataset that enters or leaves a workflow; without a place, whoever runs it decides."""

    name: str
    direction: Literal["input", "output"]
    place: Place | None = None
    type: str | None = None
    at: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, order=True)
class PortRef:
    """One port of one task: equal port names of different tasks are different things."""

    task: str
    port: str

    def __str__(self) -> str:
        return f"{self.task}.{self.port}"


@dataclass(frozen=True, slots=True, order=True)
class DataRef:
    """A dataset of the workflow."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class DataLink:
    """What flows from a task's output or an input dataset into a task's input or an output dataset."""

    source: PortRef | DataRef
    target: PortRef | DataRef
    at: Span | None = field(default=None, compare=False)


# -------------------------------------------------------------------------------------------------- tasks


@dataclass(frozen=True, slots=True)
class Interval:
    """The domain of a number: both bounds belong to it. The step is what an editor offers, and binds nobody.

    >>> 4 in Interval(1, 9), 10 in Interval(1, 9), Interval(1, 9, step=2).on_step(4)
    (True, False, False)
    """

    low: float
    high: float
    step: float | None = None

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high

    def on_step(self, value: float) -> bool:
        """Is a number a whole number of steps away from `low`?"""
        if not self.step:
            return True
        steps = (value - self.low) / self.step
        return abs(steps - round(steps)) < 1e-9 * max(1.0, abs(steps))

    def __str__(self) -> str:
        step = "" if self.step is None else f", step {self.step}"
        return f"{self.low} to {self.high}{step}"


@dataclass(frozen=True, slots=True)
class Choices:
    """The domain of a value that must be one of a list."""

    values: tuple[Value, ...]

    def __contains__(self, value: object) -> bool:
        return any(value == known and isinstance(value, bool) == isinstance(known, bool) for known in self.values)

    def __str__(self) -> str:
        return f"one of {', '.join(map(repr, self.values))}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a task: what the task declares, and the value that it runs with.

    `type` is None where nothing was declared. `given` says that the workflow states the value, `declared` that the
    task knows the parameter; `value` is None if there is neither a stated value nor a default.
    """

    name: str
    type: ParameterType | None = None
    value: Value = None
    default: Value = None
    domain: Interval | Choices | None = None
    given: bool = False
    declared: bool = True
    description: str = ""
    at: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Port:
    """A named input or output of a task."""

    name: str
    type: str | None = None
    at: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Metric:
    """A value that a task reports."""

    name: str
    type: str | None = None
    kind: str | None = None
    semantic_type: str | None = None
    description: str = ""
    at: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class TaskNode:
    """One task of a workflow, with everything that is needed to run it.

    `script` is the file that runs; `definition` the file that declares its signature: without one, `inputs` and
    `outputs` are what the links use. `dependencies` are patterns of files that the script may import. `requirements`
    and `python_version` ask for an environment of its own.
    """

    name: str
    script: Path | None = None
    definition: Path | None = None
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    metrics: tuple[Metric, ...] = ()
    dependencies: tuple[str, ...] = ()
    requirements: Path | None = None
    python_version: str | None = None
    interactive: bool = False
    pre_script: Path | None = None
    description: str = ""
    at: Span | None = field(default=None, compare=False)
    stated: frozenset[str] = field(default=frozenset(), compare=False)
    """Fields that the workflow itself states: a printer repeats these, and leaves the rest to the task's file."""

    @property
    def abstract(self) -> bool:
        """Is there nothing to run? Such a task only has a place in the graph, until a derived workflow fills it."""
        return self.script is None and self.definition is None

    @property
    def values(self) -> dict[str, Value]:
        """The parameters' values, those without one left out."""
        return {each.name: each.value for each in self.parameters if each.given or each.value is not None}

    def input(self, port: str) -> Port | None:
        """The input port of that name."""
        return next((each for each in self.inputs if each.name == port), None)

    def output(self, port: str) -> Port | None:
        """The output port of that name."""
        return next((each for each in self.outputs if each.name == port), None)

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name."""
        return next((each for each in self.parameters if each.name == name), None)


# -------------------------------------------------------------------------------------------------- control


@dataclass(frozen=True, slots=True)
class ControlLink:
    """`after` starts when `before` has finished."""

    before: str
    after: str
    at: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Condition:
    """When all `sources` have finished, `text` chooses: `then` or `otherwise` runs, and `continuation` after it.

    An "expression" is Python over `results` and the variables; a "call" is `function argument...`, called as
    `function("argument", ..., results)` from the conditions module; a "text" is for people, and no run can decide it.
    """

    sources: tuple[str, ...]
    text: str
    kind: ConditionKind
    then: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    continuation: tuple[str, ...] = ()
    at: Span | None = field(default=None, compare=False)

    def edges(self) -> Iterator[tuple[str, str]]:
        """Yield who waits for whom."""
        branches = (*self.then, *self.otherwise)
        for source in self.sources:
            for after in (*branches, *self.continuation):
                yield source, after
        for branch in branches:
            for after in self.continuation:
                yield branch, after


@dataclass(frozen=True)
class Workflow:
    """A complete, flat workflow.

    >>> w = Workflow("W", tasks=(TaskNode("A"), TaskNode("B")), links=(ControlLink("B", "A"),))
    >>> w.order()
    ['B', 'A']
    """

    name: str
    tasks: tuple[TaskNode, ...] = ()
    links: tuple[ControlLink, ...] = ()
    conditions: tuple[Condition, ...] = ()
    datasets: tuple[DataNode, ...] = ()
    data_links: tuple[DataLink, ...] = ()
    settings: tuple[tuple[str, Value], ...] = ()
    """Values of the workflow itself: every task finds them among its variables."""
    description: str = ""
    at: Span | None = field(default=None, compare=False)

    def task(self, name: str) -> TaskNode:
        """The task of that name; KeyError if there is none."""
        return self._tasks[name]

    def dataset(self, name: str) -> DataNode:
        """The dataset of that name; KeyError if there is none."""
        return self._datasets[name]

    @cached_property
    def _tasks(self) -> dict[str, TaskNode]:
        return {task.name: task for task in self.tasks}

    @cached_property
    def _datasets(self) -> dict[str, DataNode]:
        return {data.name: data for data in self.datasets}

    def control_edges(self) -> Iterator[tuple[str, str]]:
        """Yield who waits for whom by control links and conditions."""
        for link in self.links:
            yield link.before, link.after
        for condition in self.conditions:
            yield from condition.edges()

    def edges(self) -> Iterator[tuple[str, str]]:
        """Yield who waits for whom, whatever the reason; an edge may come more than once."""
        yield from self.control_edges()
        for link in self.data_links:
            if isinstance(link.source, PortRef) and isinstance(link.target, PortRef):
                yield link.source.task, link.target.task

    def predecessors(self) -> dict[str, tuple[str, ...]]:
        """Say for each task which ones it waits for."""
        before: dict[str, dict[str, None]] = {task.name: {} for task in self.tasks}
        for source, target in self.edges():
            before[target][source] = None
        return {name: tuple(sources) for name, sources in before.items()}

    def order(self) -> list[str]:
        """List the tasks so that each comes after all that it waits for; declaration order otherwise."""
        return topological_order((task.name for task in self.tasks), self.edges())

    def sources_of(self, task: str) -> dict[str, list[PortRef | DataRef]]:
        """Say what feeds each input port of a task; several sources only where conditions exclude each other."""
        return self._sources.get(task, {})

    def targets_of(self, task: str) -> dict[str, list[PortRef | DataRef]]:
        """Say where each output port of a task goes."""
        return self._targets.get(task, {})

    @cached_property
    def _sources(self) -> dict[str, dict[str, list[PortRef | DataRef]]]:
        found: dict[str, dict[str, list[PortRef | DataRef]]] = {}
        for link in self.data_links:
            if isinstance(link.target, PortRef):
                found.setdefault(link.target.task, {}).setdefault(link.target.port, []).append(link.source)
        return found

    @cached_property
    def _targets(self) -> dict[str, dict[str, list[PortRef | DataRef]]]:
        found: dict[str, dict[str, list[PortRef | DataRef]]] = {}
        for link in self.data_links:
            if isinstance(link.source, PortRef):
                found.setdefault(link.source.task, {}).setdefault(link.source.port, []).append(link.target)
        return found


# -------------------------------------------------------------------------------------------------- values


def as_type(value: Value, kind: ParameterType | None) -> Value:
    """Turn a value into what its parameter declares; ValueError if it cannot become that.

    >>> as_type("true", "Boolean"), as_type(3, "Float"), as_type(3, "String"), as_type("7", "Integer")
    (True, 3.0, '3', 7)
    """
    if value is None or kind in {None, "Blob"}:
        return value
    if kind == "String":
        return value if isinstance(value, str) else str(value)
    if kind == "Boolean":
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
    elif not isinstance(value, bool):
        found = number(value.strip()) if isinstance(value, str) else value
        if kind == "Float" and math.isfinite(found):
            return float(found)
        if kind == "Integer" and math.isfinite(found) and found == int(found):
            return int(found)
    raise ValueError(value)


def number(text: str) -> int | float:
    """Read a number; one of more digits than Python converts is infinite.

    >>> number("12"), number("-1e3")
    (12, -1000.0)
    """
    if not text.lstrip("+-").isdecimal():
        return float(text)
    try:
        return int(text)
    except ValueError:  # more digits than Python converts
        return math.inf


# -------------------------------------------------------------------------------------------------- orders


def topological_order(names: Iterable[str], edges: Iterable[tuple[str, str]]) -> list[str]:
    """List the names so that every edge leads forward; what lies on or behind a cycle is left out.

    >>> topological_order("abc", [("c", "a")])
    ['b', 'c', 'a']
    """
    waiting = dict.fromkeys(names, 0)
    after: dict[str, list[str]] = {name: [] for name in waiting}
    for source, target in edges:
        after[source].append(target)
        waiting[target] += 1
    ready = deque(name for name, count in waiting.items() if not count)
    order: list[str] = []
    while ready:
        order.append(name := ready.popleft())
        for target in after[name]:
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return order


def find_cycle(names: Iterable[str], edges: Iterable[tuple[str, str]]) -> list[str]:
    """List the names of one cycle, the first again at the end; empty if there is none.

    >>> find_cycle("abc", [("a", "b"), ("b", "c"), ("c", "b")])
    ['b', 'c', 'b']
    """
    known = list(dict.fromkeys(names))
    pairs = list(edges)
    left = set(known) - set(topological_order(known, pairs))
    back = {target: source for source, target in pairs if source in left and target in left}
    # Whoever is left has a predecessor that is left: walking backwards must come round.
    name = next((name for name in known if name in left), None)
    path: dict[str, None] = {}
    while name is not None and name not in path:
        path[name] = None
        name = back[name]
    if name is None:
        return []
    cycle = list(path)[list(path).index(name) :]
    start = min(cycle, key=known.index)
    forward = cycle[::-1]
    turn = forward.index(start)
    return [*forward[turn:], *forward[:turn], start]
