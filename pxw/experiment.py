"""Experiments: spaces of configurations, how they are sampled, and the control graph between them. Pure.

What it means to run one: a node of the control graph runs once, when every transition into it has been decided and at
least one of them was taken (`Control.advance`). A space runs its workflow once for each of its `configurations`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, TypeAlias

from pxw.errors import DSLError
from pxw.spaces import Configuration, Grid, sample
from pxw.workflow import ConditionKind, Span, Value, Workflow, as_type, find_cycle

__all__ = [
    "Binding",
    "Configuration",
    "Control",
    "Event",
    "Experiment",
    "ExperimentTask",
    "Filter",
    "Generator",
    "Listing",
    "Range",
    "Space",
    "Strategy",
    "Transition",
    "VariabilityPoint",
    "arguments",
    "configurations",
]

MOST = 10_000_000  # configurations that are ever written out

Strategy: TypeAlias = Literal["gridsearch", "randomsearch", "singlerun"]
Filter: TypeAlias = Callable[[list[Configuration]], list[Configuration]]
Generator: TypeAlias = Callable[[], list[Configuration]]


# -------------------------------------------------------------------------------------------------- spaces


@dataclass(frozen=True, slots=True)
class Listing:
    """Values one by one."""

    values: tuple[Value, ...]

    def sequence(self, *, inclusive: bool = True) -> Sequence[Value]:
        """All values in order."""
        del inclusive
        return self.values

    def size(self, *, inclusive: bool = True) -> int:
        """How many values there are."""
        del inclusive
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `start` to `stop`, which belongs to them; exactly, also between decimal fractions.

    >>> list(Range(4, 6, 2).sequence()), list(Range(0.1, 0.3, 0.1).sequence()), list(Range(50, 50).sequence())
    ([4, 6], [0.1, 0.2, 0.3], [50])
    """

    start: int | float
    stop: int | float
    step: int | float = 1

    def __str__(self) -> str:
        return f"range({self.start}, {self.stop}{f', {self.step}' if self.step != 1 else ''})"

    def size(self, *, inclusive: bool = True) -> int:
        """How many numbers there are."""
        start, stop, step = (Decimal(repr(each)) for each in (self.start, self.stop, self.step))
        if not step:
            raise DSLError(f"a range from {self.start} to {self.stop} in steps of 0")
        whole, rest = divmod(Fraction(stop) - Fraction(start), Fraction(step))
        return max(0, whole + 1 if inclusive or rest else whole)

    def sequence(self, *, inclusive: bool = True) -> Sequence[Value]:
        """All numbers in order; without `stop` itself if not `inclusive`, as the old engine had it."""
        count = self.size(inclusive=inclusive)
        if isinstance(self.start, int) and isinstance(self.step, int):
            return range(self.start, self.start + count * self.step, self.step)
        return _Fractions(Decimal(repr(self.start)), Decimal(repr(self.step)), range(count))


class _Fractions(Sequence[Value]):
    """Decimal fractions at equal distances, each computed when it is asked for."""

    def __init__(self, start: Decimal, step: Decimal, places: range) -> None:
        self.start, self.step, self.places = start, step, places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return _Fractions(self.start, self.step, self.places[index])
        return float(self.start + self.places[index] * self.step)


@dataclass(frozen=True, slots=True)
class VariabilityPoint:
    """A name and the values that it takes; several lists are one, without repetitions."""

    name: str
    choices: tuple[Listing | Range, ...]
    at: Span | None = field(default=None, compare=False)

    def values(self, *, inclusive: bool = True) -> Sequence[Value]:
        """All values in order."""
        match self.choices:
            case (Range() as only,):
                return only.sequence(inclusive=inclusive)
        total = sum(each.size(inclusive=inclusive) for each in self.choices)
        if total > MOST:
            raise DSLError(f"'{self.name}' takes {total} values from several lists", help="write them as one range")
        every = itertools.chain.from_iterable(each.sequence(inclusive=inclusive) for each in self.choices)
        return list({(type(value), value): value for value in every}.values())

    def size(self, *, inclusive: bool = True) -> int:
        """How many values there are: a long range has more than Python's `len` can say."""
        match self.choices:
            case (Range() as only,):
                return only.size(inclusive=inclusive)
        return len(self.values(inclusive=inclusive))


@dataclass(frozen=True, slots=True)
class Binding:
    """A task's parameter takes the values of a variability point, or, without one, always the same `value`."""

    task: str
    parameter: str
    point: str | None
    value: Value = None
    at: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Space:
    """The configurations that a workflow is to be run with."""

    name: str
    workflow: str
    strategy: Strategy = "gridsearch"
    points: tuple[VariabilityPoint, ...] = ()
    bindings: tuple[Binding, ...] = ()
    runs: int | None = None
    filter: str | None = None
    generator: str | None = None
    at: Span | None = field(default=None, compare=False)


def configurations(
    space: Space,
    *,
    seed: int = 0,
    inclusive: bool = True,
    keep: Filter | None = None,
    generate: Generator | None = None,
) -> list[Configuration]:
    """List the configurations of a space: the grid filtered, what is generated appended, then, perhaps, a sample.

    A random search draws without replacement, the same for the same seed; it only builds the configurations that it
    draws, unless a filter must see them all. A space without any configuration is an error.

    >>> space = Space("S", "W", points=(VariabilityPoint("v", (Range(1, 3),)),))
    >>> configurations(space)
    [{'v': 1}, {'v': 2}, {'v': 3}]
    """
    grid = Grid(
        {point.name: point.values(inclusive=inclusive) for point in space.points},
        [point.size(inclusive=inclusive) for point in space.points],
    )
    drawn = space.runs if space.strategy == "randomsearch" else None
    if grid.size > MOST and (drawn is None or keep or generate):
        raise DSLError(
            f"space '{space.name}' has {grid.size} configurations", help="give randomsearch a number of runs"
        )
    found: Sequence[Configuration] = grid
    if keep or generate:
        found = _checked(keep(list(grid)), space.filter) if keep else list(grid)
        found = [*found, *(_checked(generate(), space.generator) if generate else [])]
    if not (grid.size if found is grid else len(found)):
        raise DSLError(f"space '{space.name}' has no configuration", at=str(space.at or ""), help=_remedy(space))
    return sample(found, drawn, seed=seed) if drawn else list(found)


def _checked(found: object, function: str | None) -> list[Configuration]:
    if isinstance(found, list) and all(isinstance(each, dict) for each in found):
        return found
    raise DSLError(f"'{function}' returned {type(found).__name__}, expected a list of dicts")


def _remedy(space: Space) -> str:
    if space.filter:
        return f"the filter '{space.filter}' leaves none of them"
    return "give each variability point at least one value"


def arguments(space: Space, configuration: Configuration, workflow: Workflow) -> dict[str, Configuration]:
    """Say which task's parameter gets which value in one configuration, cast to what the task declares.

    >>> from pxw.workflow import Parameter, TaskNode
    >>> space = Space("S", "W", bindings=(Binding("T", "p", "v"), Binding("T", "q", None, 3)))
    >>> arguments(space, {"v": 1}, Workflow("W", (TaskNode("T", parameters=(Parameter("p", "Float"),)),)))
    {'T': {'p': 1.0, 'q': 3}}
    """
    values: dict[str, Configuration] = {}
    for each in space.bindings:
        if each.point is not None and each.point not in configuration:
            continue  # a generator may leave a point out: then the default holds
        value = each.value if each.point is None else configuration[each.point]
        parameter = workflow.task(each.task).parameter(each.parameter)
        values.setdefault(each.task, {})[each.parameter] = as_type(value, parameter.type if parameter else None)
    return values


# -------------------------------------------------------------------------------------------------- control


@dataclass(frozen=True, slots=True)
class Transition:
    """When all `sources` have finished and the condition, if any, holds, the `targets` may run."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    condition: str | None = None
    kind: ConditionKind = "expression"
    at: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Control:
    """Which node of an experiment runs after which.

    >>> control = Control(("A", "B"), (Transition(("A",), ("B",), "results['A'][1]['result']['x'] < 1"),))
    >>> control.advance(finished=set(), skipped=set(), taken={})
    (['A'], [])
    >>> control.advance(finished={"A"}, skipped=set(), taken={0: False})
    ([], ['B'])
    """

    nodes: tuple[str, ...] = ()
    transitions: tuple[Transition, ...] = ()

    def edges(self) -> Iterator[tuple[str, str]]:
        """Yield who waits for whom."""
        for each in self.transitions:
            yield from itertools.product(each.sources, each.targets)

    def cycle(self) -> list[str]:
        """List the nodes of a cycle, if there is one."""
        return find_cycle(self.nodes, self.edges())

    def decided(self, finished: set[str], skipped: set[str]) -> Iterator[int]:
        """Yield the transitions (their indices) whose sources have all finished or been skipped, some finished."""
        for index, each in enumerate(self.transitions):
            if finished.issuperset(set(each.sources) - skipped) and not skipped.issuperset(each.sources):
                yield index

    def advance(
        self, *, finished: set[str], skipped: set[str], taken: Mapping[int, bool]
    ) -> tuple[list[str], list[str]]:
        """List the nodes that may run now, and those that never will.

        `taken` answers for each decided transition with a condition; those without one are always taken.
        """
        over = finished | skipped
        ready: list[str] = []
        never: list[str] = []
        for node in self.nodes:
            incoming = [(i, each) for i, each in enumerate(self.transitions) if node in each.targets]
            if node in over or any(not over.issuperset(each.sources) for _, each in incoming):
                continue
            alive = (
                not skipped.issuperset(each.sources) and (each.condition is None or taken[i]) for i, each in incoming
            )
            (ready if not incoming or any(alive) else never).append(node)
        return ready, never


@dataclass(frozen=True, slots=True)
class ExperimentTask:
    """A task of the experiment itself: a workflow of one task, run once. An interaction waits for a person."""

    name: str
    workflow: Workflow
    interaction: bool = False
    at: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Event:
    """What the oldest generations say about people's decisions; a run passes through it."""

    name: str
    fields: tuple[tuple[str, str], ...] = ()
    at: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Experiment:
    """Spaces and tasks, and in which order they run; complete: every workflow that it needs is in it."""

    name: str
    workflows: tuple[Workflow, ...] = ()
    spaces: tuple[Space, ...] = ()
    tasks: tuple[ExperimentTask, ...] = ()
    events: tuple[Event, ...] = ()
    control: Control = field(default_factory=Control)
    intent: str | None = None
    description: str = ""
    at: Span | None = field(default=None, compare=False)

    def workflow(self, name: str) -> Workflow:
        """The workflow of that name; KeyError if there is none."""
        return {each.name: each for each in self.workflows}[name]

    def node(self, name: str) -> Space | ExperimentTask | Event:
        """The node of that name; KeyError if there is none."""
        nodes: list[Space | ExperimentTask | Event] = [*self.spaces, *self.tasks, *self.events]
        return {each.name: each for each in nodes}[name]
