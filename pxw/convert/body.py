"""The body of a flow whose tasks run side by side, with its conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxw.convert.branches import FALSE, TRUE, Branch, Decision, Guarded, implies
from pxw.convert.names import is_parameter
from pxw.convert.source import call, keywords, mapping, sequence
from pxw.workflow import DataRef, PortRef

if TYPE_CHECKING:
    from pxw.convert.branches import Formula, Node
    from pxw.convert.source import Group, Part, Source
    from pxw.convert.wiring import Step
    from pxw.convert.workflow import Module
    from pxw.workflow import Condition, Span

__all__ = ["Body"]


class Body:
    """Writes a flow whose tasks run side by side, each as soon as it may."""

    def __init__(self, module: Module, body: Source) -> None:
        self.module, self.body, self.wiring = module, body, module.wiring
        self.chart = module.wiring.chart
        self.before = module.workflow.predecessors()
        self.tree = self.chart.tree()
        self.tested = _tested(self.tree)
        self.written: list[str] = []
        self.flags = {index: module.wiring.names.new(f"holds_{index + 1}") for index in self.chart.decided}

    def write(self) -> None:
        """Write all tasks and conditions, and what the flow gives."""
        unset = [self.wiring.steps[name].future for name in self._unset()]
        flags = [name for index, name in self.flags.items() if self._is_flag(index) and self._is_nested(index)]
        if unset:
            self.body.add(f"{' = '.join(unset)} = None")
        for name in flags:
            self.body.add(f"{name} = False")
        for index, formula in self.chart.decided.items():
            if formula == FALSE or index not in self.tested:
                condition = self._condition(index)
                self.wiring.notes.add("dropped", f"nothing depends on the condition '{condition.text}'", condition.at)
        for name, formula in self.chart.alive.items():
            if formula == FALSE:
                node = self.wiring.steps[name].node
                self.wiring.notes.add("dropped", f"task '{name}' can never run", node.at)
        self._nodes(self.tree)
        self.body.add(call("return seen", [self._known(self.written)]))

    def _unset(self) -> list[str]:
        """Tasks that may not have run where their future is looked at."""
        alive = self.chart.alive
        return [name for name, formula in alive.items() if formula not in {TRUE, FALSE}]

    def _condition(self, index: int) -> Condition:
        return self.module.workflow.conditions[index]

    def _is_flag(self, index: int) -> bool:
        return self.tested.get(index, 0) > 1 or index in _named(self.tree)

    def _is_nested(self, index: int) -> bool:
        return self.chart.decided[index] != TRUE

    def _nodes(self, nodes: list[Node]) -> None:
        for node in nodes:
            if isinstance(node, str):
                self._task(self.wiring.steps[node])
            elif isinstance(node, Decision):
                self._decide(node.index)
            elif isinstance(node, Branch):
                self._branch(node)
            elif isinstance(node, Guarded):
                self._block(f"if {_expression(node.formula, self.flags)}:", node.body)

    def _decide(self, index: int) -> None:
        """Test a condition where it is decided, if it cannot stand in its only `if`."""
        if self._is_flag(index):
            self._seen(index)
            self.body.add(f"{self.flags[index]} = bool({self._test(index)})", self._condition(index).at)

    def _seen(self, index: int) -> None:
        if "results" in self._test(index):
            self.body.add(call("results = seen", [self._known(self._ancestors(index))]))

    def _ancestors(self, index: int) -> list[str]:
        found: set[str] = set()
        left = list(self._condition(index).sources)
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += self.before[name]
        return [name for name in self.written if name in found]

    def _known(self, names: list[str]) -> Group:
        return mapping("", {name: self.wiring.steps[name].future for name in names})

    def _test(self, index: int) -> str:
        condition = self._condition(index)
        return self.module.tests.test(condition.text, condition.kind, condition.at)

    def _branch(self, node: Branch) -> None:
        flag = self._is_flag(node.index)
        if not flag:
            self._seen(node.index)
        test, at = (self.flags[node.index], None) if flag else (self._test(node.index), self._condition(node.index).at)
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
        if len(self.body.lines) == start:
            self.body.add("pass")
        self.body.depth -= 1

    def _task(self, step: Step) -> None:
        name = step.node.name
        given = {port: self._given(sources, name) for port, sources in step.inputs.items()}
        fed = {each.task for sources in step.inputs.values() for each in sources if isinstance(each, PortRef)}
        others = [self.wiring.steps[each].future for each in self.before[name] if each not in fed and self._ran(each)]
        parts: list[Part] = keywords({**given, **step.parameters})
        parts += [sequence("wait_for=", others)] if others else []
        self.body.add(call(f"{step.future} = {self.module.placed(step)}.submit", parts), step.node.at)
        self.written.append(name)

    def _ran(self, task: str) -> bool:
        return task in self.written

    def _given(self, sources: list[PortRef | DataRef], consumer: str) -> str:
        found = [self._value(each, consumer) for each in reversed(sources) if not self._never(each)]
        return " or ".join(found) or "None"

    def _never(self, source: PortRef | DataRef) -> bool:
        return isinstance(source, PortRef) and not self._ran(source.task)

    def _value(self, source: PortRef | DataRef, consumer: str) -> str:
        if isinstance(source, DataRef):
            return self.wiring.datasets[source.name]
        step = self.wiring.steps[source.task]
        if len(step.outputs) == 1:
            return step.future
        place = list(step.outputs).index(source.port)
        field = f".{source.port}" if is_parameter(source.port) else f"[{place}]"
        sure = implies(self.chart.alive[consumer], self.chart.alive[source.task])
        return f"{step.future}.result(){field}" if sure else f"({step.future} and {step.future}.result(){field})"


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
