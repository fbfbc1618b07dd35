"""A workflow as a module of Python."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from pxw.convert.body import Body
from pxw.convert.conditions import Tests
from pxw.convert.source import Source, call, keywords, mapping, quoted, sequence
from pxw.convert.wiring import Step, Wiring, relative
from pxw.workflow import DataRef, PortRef

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pxw.convert.source import Group, Part
    from pxw.dsl.project import Project
    from pxw.workflow import Span

__all__ = ["write_workflow"]

MOST = 5  # arguments that one may give by position


def write_workflow(wiring: Wiring, project: Project, functions: Iterable[str], out: Path) -> Source:
    """Write the module of one workflow."""
    return Module(wiring, project, functions, out).source()


class Module:
    """Writes one module."""

    def __init__(self, wiring: Wiring, project: Project, functions: Iterable[str], out: Path) -> None:
        self.wiring, self.project, self.out = wiring, project, out
        self.workflow = wiring.workflow
        module = project.conditions.stem if project.conditions else ""
        self.tests = Tests(module, list(functions), wiring.settings, wiring.notes)
        self.is_chain = _is_chain(wiring)

    def source(self) -> Source:
        """The whole module; its imports are known when the rest is written."""
        body, top = Source(), Source()
        self._constants(body)
        for step in self.wiring.steps.values():
            self._task(body, step)
        flow = Source()
        self._flow(flow)
        self._functions(body)
        body.lines, body.origins = _joined(body, flow)
        at = self.workflow.at
        place = f", converted from {self.wiring.notes.place(at)}" if at else ""
        top.docstring(f"The workflow {self.workflow.name}{place}.")
        top.blank(1)
        self._imports(top, body.text())
        top.lines, top.origins = _joined(top, body)
        self.wiring.uses_conditions = self.tests.uses_module
        return top

    def _imports(self, top: Source, text: str) -> None:
        standard = ["from pathlib import Path"] if "PROJECT = " in text else []
        typing = [name for name, mark in _TYPING.items() if mark in text]
        standard += [f"from typing import {', '.join(typing)}"] if typing else []
        third = ["from pydantic import Field"] if "Field(" in text else []
        own = [f"import {self.tests.module}"] if self.tests.uses_module else []
        for group in (standard, ["import pxw", *third], own):
            if group:
                for line in group:
                    top.add(line)
                top.blank(1)
        top.lines.pop()

    def _constants(self, body: Source) -> None:
        constants = self.wiring.constants
        if not constants:
            return
        body.blank(1)
        if any("PROJECT" in spec for spec in constants.values()):
            body.add(f"PROJECT = {_folder(self.project.root, self.out)}")
        places = {name.upper(): name for name in self.wiring.datasets.values()}
        known = {python: name for name, python in self.wiring.datasets.items()}
        for name, spec in constants.items():
            body.add(f"{name} = {spec}", self.workflow.dataset(known[places[name]]).at)

    # ------------------------------------------------------------------------------------------ tasks

    def _task(self, body: Source, step: Step) -> None:
        node = step.node
        body.blank(1)
        if node.description:
            body.add(f"# {' '.join(node.description.split())}")
        if node.interactive:
            body.add("# An interactive task: a person takes part in it.")
            self.wiring.notes.add("person", f"task '{node.name}' waits for a person", node.at)
        if node.pre_script is not None:
            text = f"pre_script '{node.pre_script.name}' of task '{node.name}' is not run"
            self.wiring.notes.add("dropped", text, node.at)
        body.add(self._script(step), node.at)

    def _script(self, step: Step) -> Group:
        node, target = step.node, step.node.script
        if target is None:
            raise AssertionError(node.name)  # conversion leaves out whatever has an abstract task
        parts: list[Part] = [quoted(relative(target, self.out)), f"name={quoted(node.name)}"]
        if step.inputs:
            parts.append(sequence("inputs=", map(quoted, step.inputs)))
        if step.outputs:
            parts.append(sequence("outputs=", map(quoted, step.outputs)))
        defaults = {
            name: next(each.default or "None" for each in self.wiring.arguments if each.name == argument)
            for name, argument in step.parameters.items()
        }
        if defaults:
            parts.append(mapping("parameters=", defaults))
        if node.dependencies:
            parts.append(
                sequence("dependencies=", [quoted(relative(each, target.parent)) for each in node.dependencies])
            )
        if node.requirements is not None:
            parts.append(f"requirements={quoted(relative(node.requirements, self.out))}")
        if node.python_version is not None:
            parts.append(f"python_version={quoted(node.python_version)}")
        if self.project.settings.get("EXECUTIONWARE") == "LOCAL":
            parts.append('executionware="LOCAL"')
        return call(f"{step.function} = pxw.script", parts)

    def _functions(self, body: Source) -> None:
        for name, text in self.tests.stubs.items():
            body.blank(2)
            body.add(f"def {name}(results: dict[str, Any]) -> bool:")
            body.depth += 1
            body.docstring(f"Decide: {text}")
            body.add('raise NotImplementedError(f"a person decides, given {results}")')
            body.depth -= 1
        if not self.is_chain:
            body.blank(2)
            for line in _SEEN:
                body.add(line)

    # ------------------------------------------------------------------------------------------ the flow

    def _flow(self, body: Source) -> None:
        workflow, wiring = self.workflow, self.wiring
        body.blank(2)
        body.add(f"@pxw.flow(name={quoted(workflow.name)})")
        result = "None" if self.is_chain else "dict[str, dict[str, Any]]"
        arguments = [str(each) for each in wiring.ordered_arguments]
        star = ["*"] if len(arguments) > MOST else []
        head = call(f"def {wiring.flow}", [*star, *arguments], f") -> {result}:")
        body.add(head, workflow.at)
        body.depth += 1
        body.docstring(workflow.description or f"Run the workflow {workflow.name}")
        if self.is_chain:
            for name in workflow.order():
                self._direct(body, wiring.steps[name])
        else:
            Body(self, body).write()
        body.depth -= 1
        if not any(each.default is None for each in wiring.arguments):
            body.blank(2)
            body.add('if __name__ == "__main__":')
            body.depth += 1
            body.add(f"{wiring.flow}()")
            body.depth -= 1

    def _direct(self, body: Source, step: Step) -> None:
        """Call a task, and name what it gives: as one writes what happens one after the other."""
        names = [self.variables.get((step.node.name, port), "_") for port in step.outputs]
        left = f"{', '.join(names)} = " if any(name != "_" for name in names) else ""
        given = {port: self._value(sources[-1]) for port, sources in step.inputs.items()}
        body.add(call(f"{left}{self.placed(step)}", keywords({**given, **step.parameters})), step.node.at)

    def _value(self, source: PortRef | DataRef) -> str:
        if isinstance(source, DataRef):
            return self.wiring.datasets[source.name]
        return self.variables[source.task, source.port]

    @property
    def variables(self) -> dict[tuple[str, str], str]:
        """The names of outputs that a later task reads."""
        if not hasattr(self, "_variables"):
            steps = self.wiring.steps.values()
            read = {
                (each.task, each.port): None
                for step in steps
                for sources in step.inputs.values()
                for each in sources[-1:]
                if isinstance(each, PortRef)
            }
            self._variables = {key: self.wiring.names.new(key[1], f"{key[0]}_{key[1]}") for key in read}
        return self._variables

    def placed(self, step: Step) -> str:
        """The task, with the places of those outputs that leave the workflow."""
        places = {port: self.wiring.datasets[found[-1].name] for port, found in step.outputs.items() if found}
        for port, found in step.outputs.items():
            for other in found[:-1]:
                text = (
                    f"'{port}' of task '{step.node.name}' goes to {found[-1]}, not to {other}, as in a run of the DSL"
                )
                self.wiring.notes.add("dropped", text, step.node.at)
        return f"{step.function}.with_options({mapping('outputs=', places).flat()})" if places else step.function


def _is_chain(wiring: Wiring) -> bool:
    order, before = wiring.workflow.order(), wiring.workflow.predecessors()
    follows = all(one in before[two] for one, two in pairwise(order))
    return follows and not wiring.workflow.conditions


def _folder(root: Path, out: Path) -> str:
    """The project's folder, seen from a module in `out`."""
    steps = relative(root, out)
    if steps == ".":
        return "Path(__file__).parent"
    if set(steps) <= {".", "/"}:
        return f"Path(__file__).parents[{steps.count('..')}]"
    return f"Path(__file__).parent / {quoted(steps)}"


def _joined(one: Source, two: Source) -> tuple[list[str], dict[int, Span]]:
    origins = {**one.origins, **{line + len(one.lines): at for line, at in two.origins.items()}}
    return one.lines + two.lines, origins


_TYPING = {"Annotated": "Annotated[", "Any": "Any]", "Literal": "Literal["}
_SEEN = '''\
def seen(futures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What there is to see of the tasks that ran: by task and output, its place, or the value of a small one."""
    ran = {name: future.result() for name, future in futures.items() if future is not None}
    refs = {name: (found if isinstance(found, tuple) else (found,)) for name, found in ran.items() if found is not None}
    return {name: {ref.output: ref.place or ref.value for ref in refs.get(name, ())} for name in ran}'''.splitlines()
