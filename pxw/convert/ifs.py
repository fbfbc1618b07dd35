"""Conditions as nested `if`s: the shape is the same for the tasks of a workflow and the nodes of an experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxw.convert.beside import items_of
from pxw.convert.branches import FALSE, TRUE, Beside, Branch, Decision, Guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pxw.convert.branches import Flowchart, Formula, Node
    from pxw.convert.names import Names
    from pxw.convert.source import Source
    from pxw.workflow import Span

__all__ = ["Ifs"]


class Ifs:
    """Writes the nodes of a flowchart, each below its conditions.

    Args:
        body: where to.
        chart: when each node runs.
        names: where the names of flags come from.
        node: writes one node.
        test: gives a condition as Python.
        before: writes what a condition looks at, before it is tested.
        at: gives the place of a condition in the DSL.
        arranged: says what runs side by side of what the chart has in order.
        beside: writes branches that run side by side, given what writes each of them.
    """

    def __init__(
        self,
        body: Source,
        chart: Flowchart,
        names: Names,
        *,
        node: Callable[[str], None],
        test: Callable[[int], str],
        before: Callable[[int], None],
        at: Callable[[int], Span | None],
        arranged: Callable[[list[Node]], list[Node]] = lambda nodes: nodes,
        beside: Callable[[Beside, Callable[[list[Node]], None]], None] | None = None,
    ) -> None:
        self.body, self.chart = body, chart
        self.node, self.test, self.before, self.at = node, test, before, at
        self.beside = beside
        tree = chart.tree()
        self.tested = _tested(tree)
        self.named = _named(tree)
        self.tree = arranged(self._written(tree))
        self.scopes = {index: id(nodes) for nodes in self._branches(self.tree) for index in self._own(nodes)}
        self.flags = {index: names.new(f"holds_{index + 1}") for index in chart.decided}

    def idle(self) -> list[int]:
        """The conditions that nothing depends on."""
        return [index for index, formula in self.chart.decided.items() if formula == FALSE or index not in self.tested]

    def write(self) -> None:
        """Write all nodes and conditions."""
        self._write_flags(self.tree)
        self._nodes(self.tree)

    # ------------------------------------------------------------------------------------------ scopes of flags

    def _written(self, nodes: list[Node]) -> list[Node]:
        """Without the decisions that are made in their only `if`."""
        found: list[Node] = []
        for node in nodes:
            match node:
                case Branch():
                    found.append(Branch(node.index, self._written(node.then), self._written(node.otherwise)))
                case Guarded():
                    found.append(Guarded(node.formula, self._written(node.body)))
                case Decision() if not self._is_flag(node.index):
                    pass
                case _:
                    found.append(node)
        return found

    def _branches(self, nodes: list[Node]) -> Iterator[list[Node]]:
        """All that become functions; those within others come after them."""
        for node in nodes:
            match node:
                case Branch():
                    yield from self._branches([*node.then, *node.otherwise])
                case Guarded():
                    yield from self._branches(node.body)
                case Beside():
                    for branch in node.branches:
                        yield branch
                        yield from self._branches(branch)

    def _own(self, nodes: list[Node]) -> list[int]:
        """The flags that nobody asks for outside of these nodes."""
        tested = _tested(nodes)
        return [index for index in _decided(nodes) if tested.get(index, 0) == self.tested.get(index, 0)]

    def _write_flags(self, nodes: list[Node], outer: bool = True) -> None:
        """Write the flags of a function that something may ask for before they are decided, or in another function."""
        inner = {index for branch in self._branches(nodes) for index in _decided(branch)}
        own = [
            index
            for index in self.flags
            if self._is_flag(index) and self.scopes.get(index, 0) == (0 if outer else id(nodes))
        ]
        for index in own:
            if self.chart.decided[index] != TRUE or index in inner:
                self.body.add(f"{self.flags[index]} = False")

    def write_branch(self, nodes: list[Node]) -> None:
        """Write what is done in a function of its own."""
        within = {index for branch in self._branches(nodes) for index in self._own(branch)}
        foreign = [index for index in _decided(nodes) if self.scopes.get(index, 0) != id(nodes) and index not in within]
        if foreign:
            self.body.add(f"nonlocal {', '.join(self.flags[index] for index in sorted(foreign))}")
        self._write_flags(nodes, outer=False)
        self._nodes(nodes)

    # ------------------------------------------------------------------------------------------ nodes

    def _is_flag(self, index: int) -> bool:
        return self.tested.get(index, 0) > 1 or index in self.named

    def _nodes(self, nodes: list[Node]) -> None:
        for node in nodes:
            if isinstance(node, str):
                self.node(node)
            elif isinstance(node, Decision):
                self._decide(node.index)
            elif isinstance(node, Branch):
                self._branch(node)
            elif isinstance(node, Guarded):
                self._block(f"if {_expression(node.formula, self.flags)}:", node.body)
            elif self.beside is not None:
                self.beside(node, self.write_branch)

    def _decide(self, index: int) -> None:
        """Test a condition where it is decided, if it cannot stand in its only `if`."""
        if self._is_flag(index):
            self.before(index)
            self.body.add(f"{self.flags[index]} = bool({self.test(index)})", self.at(index))

    def _branch(self, node: Branch) -> None:
        flag = self._is_flag(node.index)
        if not flag:
            self.before(node.index)
        test, at = (self.flags[node.index], None) if flag else (self.test(node.index), self.at(node.index))
        if not node.then:
            self._block(f"if not {test}:" if flag else f"if not ({test}):", node.otherwise, at)
            return
        self._block(f"if {test}:", node.then, at)
        if node.otherwise:
            self._block("else:", node.otherwise)

    def _block(self, head: str, nodes: list[Node], at: Span | None = None) -> None:
        self.body.add(head, at)
        self.body.depth += 1
        start = len(self.body.lines)
        self._nodes(nodes)
        if all(not line or line.lstrip().startswith("#") for line in self.body.lines[start:]):
            self.body.add("pass")
        self.body.depth -= 1


def _decided(nodes: list[Node]) -> list[int]:
    """The conditions that become flags here, be it further in."""
    return [item for item in items_of(nodes) if isinstance(item, int)]


def _tested(nodes: list[Node]) -> dict[int, int]:
    """How often each condition is asked for."""
    counts: dict[int, int] = {}
    for node in nodes:
        inner: list[Node] = []
        if isinstance(node, Branch):
            counts[node.index] = counts.get(node.index, 0) + 1
            inner = [*node.then, *node.otherwise]
        elif isinstance(node, Guarded):
            inner = node.body
            for index in {each for cube in node.formula for each, _ in cube}:
                counts[index] = counts.get(index, 0) + 1
        elif isinstance(node, Beside):
            inner = [each for branch in node.branches for each in branch]
        for index, count in _tested(inner).items():
            counts[index] = counts.get(index, 0) + count
    return counts


def _named(nodes: list[Node]) -> set[int]:
    """The conditions that cannot be tested in their `if`: it does not stand where they are decided."""
    found: set[int] = set()
    waiting: dict[int, None] = {}
    for node in nodes:
        if isinstance(node, Decision):
            waiting[node.index] = None
        elif isinstance(node, Branch):
            found |= ({node.index} - set(waiting)) | _named(node.then) | _named(node.otherwise)
        elif isinstance(node, Guarded):
            found |= {index for cube in node.formula for index, _ in cube} | _named(node.body)
    return found


def _expression(formula: Formula, flags: dict[int, str]) -> str:
    cubes = [
        " and ".join(flags[index] if wanted else f"not {flags[index]}" for index, wanted in sorted(cube))
        for cube in sorted(formula, key=sorted)
    ]
    return " or ".join(f"({each})" if " and " in each and len(cubes) > 1 else each for each in cubes)
