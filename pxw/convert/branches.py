"""When does each node of a graph run? As formulas over its conditions, and as nested `if`s.

A node with incoming control edges runs when one of them was taken; a formula says which conditions that asks for. The
nodes in order, each under its formula, fold into a tree of `if`s: nested where the formulas nest, else with an
expression over the conditions' names.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "FALSE",
    "TRUE",
    "Beside",
    "Branch",
    "Choice",
    "Decision",
    "Flowchart",
    "Formula",
    "Guarded",
    "Item",
    "Node",
    "either",
    "implies",
]

Cube: TypeAlias = frozenset[tuple[int, bool]]
"""Conditions (their indices) and how each must turn out, all together."""
Formula: TypeAlias = frozenset[Cube]
"""Any of the cubes; all prime implicants, so that equal formulas are equal."""

TRUE: Formula = frozenset([frozenset()])
FALSE: Formula = frozenset()


def either(*formulas: Formula) -> Formula:
    """Is any of them true?

    >>> either(literal(0, True), literal(0, False)) == TRUE
    True
    """
    cubes: set[Cube] = set().union(*formulas)
    new = cubes
    while new:
        new = {each for pair in combinations(cubes, 2) if (each := _consensus(*pair)) is not None} - cubes
        new = {each for each in new if not any(other <= each for other in cubes)}
        cubes |= new
        cubes = {each for each in cubes if not any(other < each for other in cubes)}
    return frozenset(cubes)


def _consensus(one: Cube, other: Cube) -> Cube | None:
    """What holds whichever way the one condition turns out that the two disagree on."""
    opposed = [(index, wanted) for index, wanted in one if (index, not wanted) in other]
    if len(opposed) != 1:
        return None
    ((index, wanted),) = opposed
    return (one | other) - {(index, wanted), (index, not wanted)}


def both(one: Formula, other: Formula) -> Formula:
    """Are the two true?"""
    cubes = (a | b for a in one for b in other)
    return either(frozenset(each for each in cubes if not any((index, not wanted) in each for index, wanted in each)))


def literal(index: int, wanted: bool) -> Formula:
    """Does a condition turn out like this?"""
    return frozenset([frozenset([(index, wanted)])])


def implies(one: Formula, other: Formula) -> bool:
    """Does the other hold whenever the one does?"""
    return all(any(known <= each for known in other) for each in one)


def _given(formula: Formula, context: Cube) -> Formula:
    """What is left to ask once some conditions are known."""
    left = (each - context for each in formula if not any((index, not wanted) in context for index, wanted in each))
    return either(frozenset(left))


@dataclass(frozen=True)
class Choice:
    """A condition: who is waited for, and who runs if it holds, if not, and after either; some never hold."""

    sources: tuple[str, ...]
    then: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    continuation: tuple[str, ...] = ()
    never: bool = False


@dataclass(frozen=True)
class Decision:
    """The place where a condition is decided."""

    index: int


@dataclass(frozen=True)
class Branch:
    """`if` a condition holds, `else`."""

    index: int
    then: list[Node]
    otherwise: list[Node]


@dataclass(frozen=True)
class Guarded:
    """`if` a formula holds that no nesting can say."""

    formula: Formula
    body: list[Node]


@dataclass(frozen=True)
class Beside:
    """Lists of nodes that go on side by side; some may wait for others, given by their places, to be over."""

    branches: list[list[Node]]
    waits: list[list[int]]


Node: TypeAlias = str | Decision | Branch | Guarded | Beside
Item: TypeAlias = str | int
"""A name, or the number of a condition."""


@dataclass
class Flowchart:
    """Nodes, who waits for whom, and the conditions between them.

    Args:
        names: all nodes.
        links: control edges that are always taken when their source runs.
        choices: the conditions.
        waits: further edges that order.
        needs: of a node that no control edge leads to, groups of nodes: of each group one must run.
    """

    names: Sequence[str]
    links: Sequence[tuple[str, str]]
    choices: Sequence[Choice] = ()
    waits: Sequence[tuple[str, str]] = ()
    needs: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    alive: dict[str, Formula] = field(default_factory=dict)
    decided: dict[int, Formula] = field(default_factory=dict)
    order: list[Item] = field(default_factory=list)

    def __post_init__(self) -> None:
        before = self.before()
        for item in _sorted([*self.names, *range(len(self.choices))], before, {}):
            self._reckon(item)
        self.order = _sorted([*self.names, *range(len(self.choices))], before, self._guards())

    def _guards(self) -> dict[Item, Formula]:
        return dict([*self.alive.items(), *self.decided.items()])

    def before(self) -> dict[Item, set[Item]]:
        """Who waits for whom."""
        before: dict[Item, set[Item]] = {name: set() for name in (*self.names, *range(len(self.choices)))}
        for source, target in (*self.links, *self.waits):
            before[target].add(source)
        for index, choice in enumerate(self.choices):
            before[index] |= set(choice.sources)
            for name in (*choice.then, *choice.otherwise, *choice.continuation):
                before[name].add(index)
            for name in choice.continuation:
                before[name] |= {*choice.then, *choice.otherwise}
        return before

    def _reckon(self, item: Item) -> None:
        if isinstance(item, int):
            sources = self.choices[item].sources
            self.decided[item] = either(*(self.alive[name] for name in sources)) if sources else TRUE
            return
        taken = [self.alive[before] for before, after in self.links if after == item]
        for index, choice in enumerate(self.choices):
            branches = {True: choice.then, False: choice.otherwise}
            taken += [self._chosen(index, wanted) for wanted, names in branches.items() if item in names]
            if item in choice.continuation:
                taken += [both(self._chosen(index, wanted), self._passed(each)) for wanted, each in branches.items()]
        groups = [either(*(self.alive[name] for name in group)) for group in self.needs.get(item, ())]
        self.alive[item] = either(*taken) if taken else reduce(both, groups, TRUE)

    def _chosen(self, index: int, wanted: bool) -> Formula:
        """Is a condition decided like this?"""
        if self.choices[index].never:
            return FALSE if wanted else self.decided[index]
        return both(self.decided[index], literal(index, wanted))

    def _passed(self, branch: Sequence[str]) -> Formula:
        """Does a branch lead on to what comes after it? One that has nothing to do does so at once."""
        return either(*(self.alive[name] for name in branch)) if branch else TRUE

    def tree(self) -> list[Node]:
        """All nodes that may ever run, and the conditions between them, as nested `if`s."""
        guards = self._guards()
        return self._folded([(item, guards[item]) for item in self.order if guards[item] != FALSE], frozenset())

    def _folded(self, items: list[tuple[Item, Formula]], context: Cube) -> list[Node]:
        nodes: list[Node] = []
        left = [(item, _given(formula, context)) for item, formula in items]
        while left:
            item, formula = left[0]
            if formula == TRUE:
                nodes.append(Decision(item) if isinstance(item, int) else item)
                left = left[1:]
                continue
            common = frozenset.intersection(*formula)
            index = min((each for each, _ in common), key=self.order.index) if common else None
            count = next((place for place, (_, each) in enumerate(left) if not _asks(each, index, formula)), len(left))
            nodes.append(self._branch(left[:count], context, index, formula))
            left = left[count:]
        return nodes

    def _branch(
        self, items: list[tuple[Item, Formula]], context: Cube, index: int | None, formula: Formula
    ) -> Branch | Guarded:
        if index is None:
            return Guarded(formula, self._folded([(item, TRUE) for item, _ in items], frozenset()))
        sides = {
            wanted: [(item, each) for item, each in items if all((index, wanted) in cube for cube in each)]
            for wanted in (True, False)
        }
        then, otherwise = (self._folded(side, context | {(index, wanted)}) for wanted, side in sides.items())
        return Branch(index, then, otherwise)


def _asks(formula: Formula, index: int | None, first: Formula) -> bool:
    """Can this formula stand below the same `if` as the first one?"""
    if index is None:
        return formula == first
    return bool(formula) and any(all((index, wanted) in cube for cube in formula) for wanted in (True, False))


def _sorted(items: Iterable[Item], before: dict[Item, set[Item]], guards: dict[Item, Formula]) -> list[Item]:
    """Topologically; what always runs first, then what runs under the same formula as its neighbour."""
    place = {item: number for number, item in enumerate(items)}
    after: dict[Item, list[Item]] = {item: [] for item in place}
    for item, sources in before.items():
        for source in sources:
            after[source].append(item)
    waiting = {item: len(sources) for item, sources in before.items()}
    kinds: dict[Formula, int] = {}

    def rank(item: Item) -> tuple[int, bool, int, Item]:
        formula = guards.get(item, TRUE)
        kind = 0 if formula == TRUE else kinds.setdefault(formula, len(kinds) + 1)
        return (-kind, isinstance(item, int), place[item], item)

    heap = [rank(item) for item, count in waiting.items() if not count]
    heapq.heapify(heap)
    found: list[Item] = []
    while heap:
        item = heapq.heappop(heap)[-1]
        found.append(item)
        for target in after[item]:
            waiting[target] -= 1
            if not waiting[target]:
                heapq.heappush(heap, rank(target))
    return found
