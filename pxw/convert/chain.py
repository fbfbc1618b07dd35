"""The body of a flow whose tasks run one after the other: calls, as one writes what happens in order."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from pxw.convert.source import call, keywords
from pxw.convert.tasks import placed
from pxw.workflow import DataRef, PortRef

if TYPE_CHECKING:
    from pxw.convert.source import Group, Source
    from pxw.convert.wiring import Step, Wiring

__all__ = ["Chain", "is_chain"]


def is_chain(wiring: Wiring) -> bool:
    """Does each task wait for the one before it, whatever happens?"""
    order, before = wiring.workflow.order(), wiring.workflow.predecessors()
    return not wiring.workflow.conditions and all(one in before[two] for one, two in pairwise(order))


class Chain:
    """Writes tasks as calls."""

    def __init__(self, wiring: Wiring, body: Source) -> None:
        self.wiring, self.body = wiring, body
        self.variables: dict[PortRef, str] = {}

    def write(self) -> None:
        """Write all calls."""
        for name in self.wiring.workflow.order():
            self._call(self.wiring.steps[name])

    def results(self) -> Group:
        """What there is to see of them."""
        return call("pxw.results", list(self.variables.values()))

    def _call(self, step: Step) -> None:
        given = {port: self._value(sources[-1]) for port, sources in step.inputs.items()}
        for port in step.outputs:
            self.variables[PortRef(step.node.name, port)] = self.wiring.names.new(port, f"{step.node.name}_{port}")
        names = [self.variables[PortRef(step.node.name, port)] for port in step.outputs]
        left = f"{', '.join(names)} = " if names else ""
        parts = keywords({**given, **step.passed})
        self.body.add(call(f"{left}{placed(step, self.wiring)}", parts), step.node.at)

    def _value(self, source: PortRef | DataRef) -> str:
        return self.wiring.datasets[source.name] if isinstance(source, DataRef) else self.variables[source]
