"""One task of a graph in Python: a wrapped script, or the function that it became."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pxw.convert.names import is_parameter
from pxw.convert.parameters import hint
from pxw.convert.places import relative
from pxw.convert.reading import read_script
from pxw.convert.source import Source, call, mapping, quoted, sequence

if TYPE_CHECKING:
    from pathlib import Path

    from pxw.convert.source import Part
    from pxw.convert.wiring import Step, Wiring
    from pxw.dsl.project import Project

__all__ = ["Definition", "define", "imported", "placed"]


@dataclass(frozen=True)
class Definition:
    """A task as a wrapped script.

    Args:
        step: the task.
        above: its comment, and the form that it asks.
        parts: what `pxw.script` is called with, the task's name apart.
    """

    step: Step
    above: Source
    parts: list[Part]

    @property
    def script(self) -> str:
        """What tells its script, as it is run, from all others."""
        return call("", self.parts).flat()

    def source(self, alike: str = "") -> Source:
        """The definition; `alike`: a task that differs from it by its name alone, which a long one is made of."""
        body, name = Source(), f"name={quoted(self.step.node.name)}"
        body.append(self.above)
        path, *others = self.parts
        made = call(f"{self.step.function} = pxw.script", [path, name, *others])
        if alike and len(made.lines()) > 1:
            made = call(f"{self.step.function} = {alike}.with_options", [name])
        body.add(made, self.step.node.at)
        return body


def define(step: Step, wiring: Wiring, project: Project, out: Path) -> Definition:
    """Define a task as a wrapped script, for a module in the folder `out`."""
    node, above = step.node, Source()
    above.blank(1)
    if node.description:
        above.comment(node.description)
    if node.interactive:
        form = _write_form(above, step, wiring)
        wiring.notes.add("decided", f"task '{node.name}' asks a person to fill in {form}", node.at)
    return Definition(step, above, _parts(step, project, out))


def _form(step: Step) -> str:
    return "".join(word.title() for word in step.function.split("_")) + "Form"


def _write_form(body: Source, step: Step, wiring: Wiring) -> str:
    """Write what a person is asked: a field for each parameter, or a free answer."""
    fields = {each.name: hint(each, wiring.notes) for each in step.node.parameters if is_parameter(each.name)}
    free = ", protected_namespaces=()" if any(each.startswith("model_") for each in fields) else ""
    body.blank(1)
    body.add(f"class {_form(step)}(BaseModel{free}):")
    body.depth += 1
    body.docstring(f"What a person answers to the task {step.node.name}")
    body.blank(1)
    for name, kind in (fields or {"answer": "str"}).items():
        body.add(f"{name}: {kind}")
    body.depth -= 1
    body.blank(2)
    return _form(step)


def _parts(step: Step, project: Project, out: Path) -> list[Part]:
    node, target = step.node, step.node.script
    if target is None:
        raise AssertionError(node.name)  # conversion leaves out whatever has an abstract task
    parts: list[Part] = [quoted(relative(target, out))]
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
    if node.interactive:
        parts.append(f"asks={_form(step)}")
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
