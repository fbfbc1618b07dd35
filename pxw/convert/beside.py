"""Which nodes of a graph may run side by side: those of a list that do not wait for each other, as branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pxw.convert.branches import Beside, Branch, Decision, Guarded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from pxw.convert.branches import Item, Node

    Waits: TypeAlias = Mapping[Item, Collection[Item]]

__all__ = ["Arrangement", "first", "items_of"]


class Arrangement:
    """Turns nodes in order into nodes in order, and branches side by side where that order is not needed.

    Args:
        before: who waits for whom.
        silent: nodes that do nothing: no branch is made of them and of conditions alone.
    """

    def __init__(self, before: Waits, silent: Collection[str]) -> None:
        self._before = _closed(before)
        self._silent = set(silent)

    def arranged(self, nodes: Iterable[Node]) -> list[Node]:
        """Arrange a list of nodes, and what is in it."""
        left = [self._inside(node) for node in nodes]
        found: list[Node] = []
        while left:
            count = next(count for count in range(1, len(left) + 1) if self._all_wait(left[count:], left[:count]))
            found += self._segment(left[:count])
            left = left[count:]
        return found

    def _inside(self, node: Node) -> Node:
        match node:
            case Branch():
                return Branch(node.index, self.arranged(node.then), self.arranged(node.otherwise))
            case Guarded():
                return Guarded(node.formula, self.arranged(node.body))
        return node

    def _segment(self, nodes: list[Node]) -> list[Node]:
        """Nodes without a point that all of them wait at."""
        if len(nodes) == 1:
            return nodes
        parts = self._parts(nodes)
        if len(parts) == 1:
            return [self._woven(nodes)]
        idle = [part for part in parts if all(self._is_quick(item) for item in items_of(part))]
        found = [node for part in idle for node in part]
        branches = [self.arranged(part) for part in parts if part not in idle]
        return [*found, *(branches[0] if len(branches) == 1 else [_flat(branches)] if branches else [])]

    def _woven(self, nodes: list[Node]) -> Beside:
        """Nodes that no nesting can order: chains of them, each waiting for others."""
        earlier = [[place for place, other in enumerate(nodes) if self._waits(node, other)] for node in nodes]
        direct = [[one for one in known if not any(one in earlier[other] for other in known)] for known in earlier]
        chains: list[list[int]] = []
        for place, before in enumerate(direct):
            chain = next((each for each in chains if before == [each[-1]]), None)
            is_only = sum(before[0] in other for other in direct) == 1 if before else False
            if chain and (is_only or all(map(self._is_quick, items_of([nodes[place]])))):
                chain.append(place)
            else:
                chains.append([place])
        home = {place: number for number, chain in enumerate(chains) for place in chain}
        waits = [sorted({home[each] for each in direct[chain[0]]}) for chain in chains]
        return Beside([[nodes[place] for place in chain] for chain in chains], waits)

    def _is_quick(self, item: Item) -> bool:
        return isinstance(item, int) or item in self._silent

    def _parts(self, nodes: list[Node]) -> list[list[Node]]:
        """Those that have to do with each other, together; in order."""
        parts: list[list[Node]] = []
        for node in nodes:
            own = [part for part in parts if any(self._waits(node, other) for other in part)]
            if not own:
                parts.append([node])
                continue
            joined = {id(each) for part in own for each in part} | {id(node)}
            parts[parts.index(own[0])] = [each for each in nodes if id(each) in joined]
            parts = [part for part in parts if not any(part is each for each in own)]
        return parts

    def _all_wait(self, later: list[Node], earlier: list[Node]) -> bool:
        return all(self._waits(one, other) for one in later for other in earlier)

    def _waits(self, node: Node, other: Node) -> bool:
        others = set(items_of([other]))
        return node is not other and any(others & self._before[item] for item in items_of([node]))


def _flat(branches: list[list[Node]]) -> Beside:
    """Branches side by side; one that is nothing else than branches itself is no function of its own."""
    found = Beside([], [])
    for branch in branches:
        match branch:
            case [Beside() as inner]:
                start = len(found.branches)
                found.branches.extend(inner.branches)
                found.waits.extend([start + place for place in waits] for waits in inner.waits)
            case _:
                found.branches.append(branch)
                found.waits.append([])
    return found


def _closed(before: Waits) -> dict[Item, set[Item]]:
    """Who waits for whom, be it for others in between."""
    found: dict[Item, set[Item]] = {}

    def close(item: Item) -> set[Item]:
        if item not in found:
            found[item] = set(before[item]).union(*(close(each) for each in before[item]))
        return found[item]

    for item in before:
        close(item)
    return found


def items_of(nodes: Iterable[Node]) -> Iterator[Item]:
    """All names in a list of nodes, and the conditions that are decided there."""
    for node in nodes:
        match node:
            case str():
                yield node
            case Decision():
                yield node.index
            case Branch():
                yield from items_of([*node.then, *node.otherwise])
            case Guarded():
                yield from items_of(node.body)
            case Beside():
                yield from (item for branch in node.branches for item in items_of(branch))


def first(nodes: list[Node]) -> list[str]:
    """The nodes that a list of nodes surely begins with."""
    match nodes[:1]:
        case [str() as name]:
            return [name]
        case [Beside() as node]:
            ready = [branch for branch, waits in zip(node.branches, node.waits, strict=True) if not waits]
            return [name for branch in ready for name in first(branch)]
    return []
