"""What the tasks of one workflow take and give, in the names of Python."""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pxw.convert.branches import Choice, Flowchart
from pxw.convert.names import Names, is_parameter, module_name
from pxw.convert.parameters import Argument, argument
from pxw.convert.source import quoted, written
from pxw.workflow import DataRef, DDMPlace, LocalPlace, PortRef

if TYPE_CHECKING:
    from pxw.convert.report import Notes
    from pxw.workflow import DataNode, TaskNode, Workflow

__all__ = ["Step", "Wiring", "relative"]

_TAKEN = {"pxw", "path", "annotated", "any", "field", "literal", "results", "seen", "project"}


@dataclass
class Step:
    """One task: its name as a function, its ports that are used, its parameters as arguments of the flow."""

    node: TaskNode
    function: str
    future: str
    inputs: dict[str, list[PortRef | DataRef]] = field(default_factory=dict)
    outputs: dict[str, list[DataRef]] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)


class Wiring:
    """All that has to be named to write one workflow.

    Args:
        workflow: the graph.
        notes: where surprises go.
        root: the project's folder.
    """

    def __init__(self, workflow: Workflow, notes: Notes, root: Path) -> None:
        self.workflow = workflow
        self.notes = notes
        self.root = root
        self.uses_conditions = False
        self.module = module_name(workflow.name)
        self.names = Names(_TAKEN)
        self.flow = self.names.new(self.module)
        self.steps = {
            node.name: Step(node, name := self.names.new(node.name), self.names.new(f"{name}_future"))
            for node in workflow.tasks
        }
        self.chart = _chart(workflow)
        self.arguments: list[Argument] = []
        self.datasets: dict[str, str] = {}
        self.constants: dict[str, str] = {}
        self.settings: dict[str, str] = {}
        self._name_data()
        self._wire()
        self._name_values()

    # ------------------------------------------------------------------------------------------ data

    def _name_data(self) -> None:
        ends = [end for link in self.workflow.data_links for end in (link.source, link.target)]
        used = {end.name for end in ends if isinstance(end, DataRef)}
        for data in self.workflow.datasets:
            if data.name not in used:
                self.notes.add("dropped", f"no task reads or writes the dataset '{data.name}'", data.at)
                continue
            self.datasets[data.name] = name = self.names.new(data.name, f"{data.name}_data")
            spec = self._spec(data)
            if spec is None:
                self.notes.add("person", f"the dataset '{data.name}' has no place: whoever runs it gives one", data.at)
                self.arguments.append(Argument(name, "pxw.Spec", None))
            else:
                self.constants[name.upper()] = spec
                self.arguments.append(Argument(name, "pxw.Spec", name.upper()))

    def _spec(self, data: DataNode) -> str | None:
        match data.place:
            case LocalPlace(path, kind):
                below = relative(path, self.root)
                whole = f'f"{{PROJECT}}/{below}/"' if kind == "directory" else f"PROJECT / {quoted(below)}"
                return f"pxw.Local({whole})"
            case DDMPlace(str(project), name):
                named = f", name={quoted(name)}" if name is not None else ""
                return f"pxw.DDM(project={quoted(project)}{named})"
        return None

    def _wire(self) -> None:
        for name, step in self.steps.items():
            step.inputs = {port: list(sources) for port, sources in self.workflow.sources_of(name).items()}
            for port, targets in self.workflow.targets_of(name).items():
                step.outputs[port] = [each for each in targets if isinstance(each, DataRef)]
        before = self.workflow.predecessors()
        order = self.workflow.order()
        reach: dict[str, list[str]] = {}
        for name in order:
            known = {each for other in before[name] for each in (*reach[other], other)}
            reach[name] = [each for each in order if each in known]
            self._feed_by_name(self.steps[name], reach[name])
        for step in self.steps.values():
            self._report_odd(step)
            step.outputs |= {name: [] for name in _metrics(step.node, self.notes) if name not in step.outputs}

    def _feed_by_name(self, step: Step, ancestors: list[str]) -> None:
        """An input that nothing feeds gets what an earlier task saves under the same name, as in the old system."""
        for port in step.node.inputs:
            if port.name in step.inputs:
                continue
            sources: list[PortRef | DataRef] = [
                PortRef(each, port.name) for each in ancestors if self.steps[each].node.output(port.name)
            ]
            if not sources:
                text = f"nothing feeds the input '{port.name}' of task '{step.node.name}'"
                self.notes.add("dropped", text, step.node.at)
                continue
            step.inputs[port.name] = sources[-1:]
            source = sources[-1]
            if isinstance(source, PortRef):
                self.steps[source.task].outputs.setdefault(source.port, [])
            text = f"input '{port.name}' of task '{step.node.name}' is fed by {source}, by its name"
            self.notes.add("decided", text, step.node.at)

    def _report_odd(self, step: Step) -> None:
        several = len(step.outputs) > 1
        parameters = [each.name for each in step.node.parameters]
        odd = [
            each for each in (*step.inputs, *parameters, *(step.outputs if several else ())) if not is_parameter(each)
        ]
        for name in odd:
            text = f"'{name}' of task '{step.node.name}' is no name in Python: rename it here and in its script"
            self.notes.add("person", text, step.node.at)
        for name in set(parameters) & set(step.inputs):
            text = f"'{name}' is an input and a parameter of task '{step.node.name}': rename one of them"
            self.notes.add("person", text, step.node.at)

    # ------------------------------------------------------------------------------------------ values

    def _name_values(self) -> None:
        for setting, value in self.workflow.settings:
            self.settings[setting] = name = self.names.new(setting, f"{setting}_value")
            hint = type(value).__name__ if value is not None else "str | None"
            self.arguments.append(Argument(name, hint, written(value)))
        counts: dict[str, int] = {}
        for step in self.steps.values():
            for each in step.node.parameters:
                counts[each.name] = counts.get(each.name, 0) + 1
        for step in self.steps.values():
            step.parameters = {
                setting: name for setting, name in self.settings.items() if not step.node.parameter(setting)
            }
            for parameter in step.node.parameters:
                if not (parameter.given or parameter.value is not None):
                    text = (
                        f"parameter '{parameter.name}' of task '{step.node.name}' has no value: it is not handed over"
                    )
                    self.notes.add("person", text, parameter.at or step.node.at)
                    continue
                long = f"{step.node.name}_{parameter.name}"
                wishes = [parameter.name, long] if counts[parameter.name] == 1 else [long]
                name = step.parameters[parameter.name] = self.names.new(*wishes)
                self.arguments.append(argument(name, parameter, self.notes))

    @property
    def ordered_arguments(self) -> list[Argument]:
        """Those without a default first."""
        return sorted(self.arguments, key=lambda each: each.default is not None)


def _chart(workflow: Workflow) -> Flowchart:
    links = [(link.before, link.after) for link in workflow.links]
    choices = [Choice(each.sources, each.then, each.otherwise, each.continuation) for each in workflow.conditions]
    ends = ((link.source, link.target) for link in workflow.data_links)
    waits = [(one.task, two.task) for one, two in ends if isinstance(one, PortRef) and isinstance(two, PortRef)]
    return Flowchart([task.name for task in workflow.tasks], links, choices, waits)


def _metrics(node: TaskNode, notes: Notes) -> list[str]:
    """The metrics that the script speaks of: one that it never puts would fail its task."""
    if not node.metrics:
        return []
    try:
        tree = ast.parse(node.script.read_text("utf-8-sig")) if node.script else ast.parse("")
    except (OSError, ValueError, SyntaxError):
        tree = ast.parse("")
    spoken = {each.value for each in ast.walk(tree) if isinstance(each, ast.Constant)}
    for metric in node.metrics:
        if metric.name not in spoken:
            text = f"metric '{metric.name}' of task '{node.name}': its script never speaks of it"
            notes.add("dropped", text, metric.at or node.at)
    return [metric.name for metric in node.metrics if metric.name in spoken]


def relative(path: Path | str, folder: Path) -> str:
    """A path from a folder, with slashes."""
    return Path(os.path.relpath(path, folder)).as_posix()
