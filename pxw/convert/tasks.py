"""One task of a graph in Python: a wrapped script, or the function that it became."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxw.convert.places import relative
from pxw.convert.reading import read_script
from pxw.convert.source import Source, call, mapping, quoted, sequence

if TYPE_CHECKING:
    from pathlib import Path

    from pxw.convert.source import Part
    from pxw.convert.wiring import Step, Wiring
    from pxw.dsl.project import Project

__all__ = ["imported", "placed", "written_task"]


def written_task(step: Step, wiring: Wiring, project: Project, out: Path) -> Source:
    """The definition of a task as a wrapped script, for a module in the folder `out`."""
    node, body = step.node, Source()
    body.blank(1)
    if node.description:
        body.comment(node.description)
    if node.interactive:
        body.comment("An interactive task: a person takes part in it.")
        wiring.notes.add("person", f"task '{node.name}' waits for a person", node.at)
    body.add(call(f"{step.function} = pxw.script", _parts(step, project, out)), node.at)
    return body


def _parts(step: Step, project: Project, out: Path) -> list[Part]:
    node, target = step.node, step.node.script
    if target is None:
        raise AssertionError(node.name)  # conversion leaves out whatever has an abstract task
    parts: list[Part] = [quoted(relative(target, out)), f"name={quoted(node.name)}"]
    ports = {"inputs": list(step.inputs), "outputs": list(step.outputs), "parameters": list(step.passed)}
    parts += [sequence(f"{name}=", map(quoted, known)) for name, known in ports.items() if known]
    if node.dependencies:
        parts.append(sequence("dependencies=", [quoted(relative(each, target.parent)) for each in node.dependencies]))
    if node.requirements is not None:
        parts.append(f"requirements={quoted(relative(node.requirements, out))}")
    if node.python_version is not None:
        parts.append(f"python_version={quoted(node.python_version)}")
    if node.pre_script is not None:
        parts.append(f"pre_script={quoted(relative(node.pre_script, out))}")
    if project.settings.get("EXECUTIONWARE") == "LOCAL" and read_script(target).may_parse:
        parts.append('executionware="LOCAL"')
    return parts


def placed(step: Step, wiring: Wiring) -> str:
    """The task, with the places of those outputs that leave the workflow."""
    places = {port: wiring.datasets[found[-1].name] for port, found in step.outputs.items() if found}
    for port, found in step.outputs.items():
        for other in found[:-1]:
            text = f"'{port}' of task '{step.node.name}' goes to {found[-1]}, not to {other}, as in a run of the DSL"
            wiring.notes.add("dropped", text, step.node.at)
    options = [f"name={quoted(step.node.name)}"] if step.code and step.code.task != step.node.name else []
    options += [mapping("outputs=", places).flat()] if places else []
    return f"{step.function}.with_options({', '.join(options)})" if options else step.function


def imported(step: Step) -> str:
    """Import the function that a script became."""
    name = step.code.function if step.code else step.function
    return f"from {step.module} import {name}" + (f" as {step.function}" if name != step.function else "")
