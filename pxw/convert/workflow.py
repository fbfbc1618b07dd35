"""A workflow as a module of Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxw.convert.body import Body
from pxw.convert.chain import Chain, is_chain
from pxw.convert.conditions import Tests
from pxw.convert.frame import MOST, framed, write_constants, write_main, write_stubs
from pxw.convert.source import Source, call, prefixed, quoted
from pxw.convert.tasks import imported, write_task

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pxw.convert.wiring import Wiring
    from pxw.dsl.project import Project

__all__ = ["write_workflow"]


def write_workflow(wiring: Wiring, project: Project, functions: Iterable[str], out: Path) -> Source:
    """Write the module of one workflow."""
    module = project.conditions.stem if project.conditions else ""
    tests = Tests(module, list(functions), wiring.settings, wiring.notes)
    body, flow = Source(), Source()
    write_constants(body, [wiring], project.root, out)
    for step in wiring.steps.values():
        write_task(body, step, wiring, project, out)
    _write_flow(flow, wiring, tests)
    write_stubs(body, tests)
    body.append(flow)
    wiring.uses_conditions = tests.uses_module
    at = wiring.workflow.at
    place = f", converted from {wiring.notes.place(at)}" if at else ""
    own = [f"import {module}"] if tests.uses_module else []
    own += [imported(step) for step in wiring.steps.values() if step.code is not None]
    return framed(f"The workflow {wiring.workflow.name}{place}.", body, own)


def _write_flow(body: Source, wiring: Wiring, tests: Tests) -> None:
    workflow, arguments = wiring.workflow, wiring.ordered_arguments
    inner = Source(depth=1)
    ending = _write_tasks(inner, wiring, tests)
    body.blank(2)
    body.add(f"@pxw.flow(name={quoted(workflow.name)})")
    star = ["*"] if len(arguments) > MOST else []
    body.add(call(f"def {wiring.flow}", [*star, *map(str, arguments)], f") -> {ending}:"), workflow.at)
    body.depth += 1
    body.docstring(workflow.description or f"Run the workflow {workflow.name}")
    body.depth -= 1
    body.append(inner)
    write_main(body, wiring.flow, arguments)


def _write_tasks(body: Source, wiring: Wiring, tests: Tests) -> str:
    """Write the tasks, and give the type of what the flow returns."""
    if not is_chain(wiring):
        Body(wiring, tests, body).write()
        return "dict[str, Any]"
    chain = Chain(wiring, body)
    chain.write()
    if not chain.variables:
        return "None"
    body.add(prefixed("return ", chain.results()))
    return "dict[str, Any]"
