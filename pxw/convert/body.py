"""The body of a flow whose tasks run side by side, each as soon as it may, with its conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxw.convert.branches import FALSE, TRUE, implies
from pxw.convert.ifs import Ifs
from pxw.convert.names import is_parameter
from pxw.convert.source import call, keywords, sequence
from pxw.convert.tasks import placed
from pxw.convert.wiring import NEVER
from pxw.workflow import DataRef, PortRef

if TYPE_CHECKING:
    from pxw.convert.conditions import Tests
    from pxw.convert.source import Part, Source
    from pxw.convert.wiring import Wiring
    from pxw.workflow import Condition

__all__ = ["Body"]


class Body:
    """Writes a flow whose tasks are submitted."""

    def __init__(self, wiring: Wiring, tests: Tests, body: Source) -> None:
        self.wiring, self.tests, self.body = wiring, tests, body
        self.chart = wiring.chart
        self.before = wiring.workflow.predecessors()
        self.ifs = Ifs(
            body,
            self.chart,
            wiring.names,
            node=self._task,
            test=self._test,
            before=self._see,
            at=lambda index: self._condition(index).at,
        )
        self.written: list[str] = []

    def write(self) -> None:
        """Write all tasks and conditions, and what the flow gives."""
        self._report_idle()
        unset = [self.wiring.steps[name].future for name in self._unset()]
        if unset:
            self.body.add(f"{' = '.join(unset)} = None")
        self.ifs.write()
        self.body.add(call("return pxw.results", self._futures(self.written)))

    def _report_idle(self) -> None:
        notes = self.wiring.notes
        for index in self.ifs.idle():
            condition = self._condition(index)
            if condition.text == NEVER:
                continue  # it is told of already
            notes.add("dropped", f"nothing depends on the condition '{condition.text}'", condition.at)
        for name, formula in self.chart.alive.items():
            if formula == FALSE:
                notes.add("dropped", f"task '{name}' can never run", self.wiring.steps[name].node.at)

    def _unset(self) -> list[str]:
        """Tasks that may not have run where their future is looked at."""
        return [name for name, formula in self.chart.alive.items() if formula not in {TRUE, FALSE}]

    def _condition(self, index: int) -> Condition:
        return self.wiring.workflow.conditions[index]

    def _test(self, index: int) -> str:
        condition = self._condition(index)
        outputs = {port for name in self._ancestors(index) for port in self.wiring.steps[name].outputs}
        return self.tests.test(condition.text, condition.kind, condition.at, outputs)

    def _see(self, index: int) -> None:
        if "results" in self._test(index):
            self.body.add(call("results = pxw.results", self._futures(self._ancestors(index))))

    def _ancestors(self, index: int) -> list[str]:
        found: set[str] = set()
        left = list(self._condition(index).sources)
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += self.before[name]
        return [name for name in self.written if name in found]

    def _futures(self, names: list[str]) -> list[Part]:
        return [self.wiring.steps[name].future for name in names]

    def _task(self, name: str) -> None:
        step = self.wiring.steps[name]
        given = {port: self._given(sources, name) for port, sources in step.inputs.items()}
        fed = {each.task for sources in step.inputs.values() for each in sources if isinstance(each, PortRef)}
        others = [self.wiring.steps[each].future for each in self.before[name] if each not in fed and self._ran(each)]
        parts: list[Part] = keywords({**given, **step.passed})
        parts += [sequence("wait_for=", others)] if others else []
        self.body.add(call(f"{step.future} = {placed(step, self.wiring)}.submit", parts), step.node.at)
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
        if is_parameter(source.port):
            found = f"pxw.outputs({step.future}).{source.port}"
        else:
            found = f"{step.future}.result()[{list(step.outputs).index(source.port)}]"
        sure = implies(self.chart.alive[consumer], self.chart.alive[source.task])
        return found if sure else f"({step.future} and {found})"
