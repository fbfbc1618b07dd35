"""A workflow as a module of Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxw.convert.body import Body
from pxw.convert.chain import Chain, is_chain
from pxw.convert.conditions import Tests
from pxw.convert.frame import MOST, framed, write_constants, write_main, write_stubs
from pxw.convert.source import Source, call, prefixed, quoted
from pxw.convert.tasks import imported

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pxw.convert.shared import Shared
    from pxw.convert.wiring import Wiring
    from pxw.dsl.project import Project

__all__ = ["WorkflowModule"]


class WorkflowModule:
    """Writes one workflow; `uses` are the project's own modules that it calls.

    Args:
        wiring: the graph.
        project: where it is from.
        functions: what is defined in the conditions module.
    """

    def __init__(self, wiring: Wiring, project: Project, functions: Iterable[str]) -> None:
        self.wiring, self.project, self.module, self.notes = wiring, project, wiring.module, wiring.notes
        conditions = project.conditions.stem if project.conditions else ""
        self.tests = Tests(conditions, list(functions), wiring.settings, wiring.notes)

    @property
    def wirings(self) -> list[Wiring]:
        """The graph alone."""
        return [self.wiring]

    @property
    def uses(self) -> list[Path]:
        """The project's own modules that the module imports."""
        return [self.project.conditions] if self.tests.uses_module and self.project.conditions else []

    def source(self, shared: Shared, out: Path) -> Source:
        """The whole module."""
        body, flow = Source(), Source()
        write_constants(body, [self.wiring], self.project.root, out)
        for definition in shared.own(self.module):
            body.append(definition)
        self._write_flow(flow)
        write_stubs(body, self.tests)
        body.append(flow)
        at = self.wiring.workflow.at
        place = f", converted from {self.notes.place(at)}" if at else ""
        own = [f"import {each.stem}" for each in self.uses] + shared.imports(self.module)
        own += [imported(step) for step in self.wiring.steps.values() if step.code is not None]
        return framed(f"The workflow {self.wiring.workflow.name}{place}.", body, own)

    def _write_flow(self, body: Source) -> None:
        wiring, workflow, arguments = self.wiring, self.wiring.workflow, self.wiring.ordered_arguments
        inner = Source(depth=1)
        ending = self._write_tasks(inner)
        body.blank(2)
        body.add(f"@pxw.flow(name={quoted(workflow.name)})")
        star = ["*"] if len(arguments) > MOST else []
        body.add(call(f"def {wiring.flow}", [*star, *map(str, arguments)], f") -> {ending}:"), workflow.at)
        body.depth += 1
        body.docstring(workflow.description or f"Run the workflow {workflow.name}")
        body.depth -= 1
        body.append(inner)
        write_main(body, wiring.flow, arguments)

    def _write_tasks(self, body: Source) -> str:
        """Write the tasks, and give the type of what the flow returns."""
        if not is_chain(self.wiring):
            Body(self.wiring, self.tests, body).write()
            return "dict[str, Any]"
        chain = Chain(self.wiring, body)
        chain.write()
        if not chain.variables:
            return "None"
        body.add(prefixed("return ", chain.results()))
        return "dict[str, Any]"
