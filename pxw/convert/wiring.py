"""What the tasks of one workflow take and give, in the names of Python."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pxw.convert.branches import Choice, Flowchart
from pxw.convert.names import Names, is_parameter
from pxw.convert.parameters import Argument, Bound, argument
from pxw.convert.places import spec
from pxw.convert.reading import read_script
from pxw.convert.source import written
from pxw.workflow import DataRef, Parameter, PortRef

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pxw.convert.report import Notes
    from pxw.convert.scripts import TaskCode
    from pxw.workflow import TaskNode, Workflow

__all__ = ["NEVER", "TAKEN", "Step", "Wiring"]

NEVER = "False"  # what the DSL makes of an event, which is never raised in a run
TAKEN = frozenset({"pxw", "path", "annotated", "any", "field", "literal", "results", "project", "experiment_results"})
"""Names that a converted module may use for itself."""


@dataclass
class Step:
    """One task: its name as a function, its ports that are used, its parameters.

    `arguments` are the names of the flow's arguments for its parameters, `passed` what it is handed of them.
    """

    node: TaskNode
    function: str
    future: str
    inputs: dict[str, list[PortRef | DataRef]] = field(default_factory=dict)
    outputs: dict[str, list[DataRef]] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    passed: dict[str, str] = field(default_factory=dict)
    module: str = ""
    """The module of the function that its script became."""
    code: TaskCode | None = None


class Wiring:
    """All that has to be named to write one workflow.

    Args:
        workflow: the graph.
        notes: where surprises go.
        root: the project's folder.
        module: the name of its module; empty if its tasks stand in that of an experiment.
        bound: what experiments bind parameters to, by task and name; None if no experiment runs it.
        names: those of the module, if it holds more than this workflow.
    """

    def __init__(
        self,
        workflow: Workflow,
        notes: Notes,
        root: Path,
        module: str = "",
        *,
        bound: Mapping[tuple[str, str], Bound] | None = None,
        names: Names | None = None,
    ) -> None:
        self.workflow = workflow
        self.notes = notes
        self.root = root
        self.module = module
        self.bound = bound
        self.names = names or Names({*TAKEN})
        self.flow = self.names.new(module) if module else ""
        self.steps = {
            node.name: Step(node, name := self.names.new(node.name), self.names.new(f"{name}_future"))
            for node in workflow.tasks
        }
        self.chart = _chart(workflow)
        self.arguments: list[Argument] = []
        self.datasets: dict[str, str] = {}
        self.constants: dict[str, tuple[str, str]] = {}
        """By dataset, a constant and the spec that it names."""
        self.settings: dict[str, str] = {}
        self.asks_results = False
        """Whether a script asks for the results of its experiment."""
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
            found = spec(data.place, self.root)
            if found is None:
                self.notes.add(
                    "decided", f"the dataset '{data.name}' has no place: whoever calls the flow gives one", data.at
                )
                self.arguments.append(Argument(name, "pxw.Spec", None))
            else:
                self.constants[data.name] = (name.upper(), found)
                self.arguments.append(Argument(name, "pxw.Spec", name.upper()))

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
            step.outputs |= {name: [] for name in _metrics(step.node, self.notes) if name not in step.outputs}
            self._report_odd(step)

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
        known = {name: (*step.node.parameters, *self._undeclared(step.node)) for name, step in self.steps.items()}
        counts = Counter(each.name for parameters in known.values() for each in parameters)
        for task, step in self.steps.items():
            own = {key: name for key, name in self.settings.items() if not step.node.parameter(key)}
            step.passed.update(own)
            for parameter in known[task]:
                long = f"{step.node.name}_{parameter.name}"
                self._name_value(step, parameter, [parameter.name, long] if counts[parameter.name] == 1 else [long])
            if self.bound is not None and read_script(step.node.script).asks_results:
                step.passed["experiment_results"] = "experiment_results"
                self.asks_results = True
        if self.asks_results:
            self.arguments.append(Argument("experiment_results", "dict[str, Any] | None", "None"))

    def _undeclared(self, node: TaskNode) -> list[Parameter]:
        """Parameters that only experiments speak of."""
        names = [name for task, name in self.bound or {} if task == node.name]
        return [Parameter(name, declared=False) for name in names if not node.parameter(name)]

    def _name_value(self, step: Step, parameter: Parameter, wishes: list[str]) -> None:
        bound = (self.bound or {}).get((step.node.name, parameter.name))
        if not (parameter.given or parameter.value is not None or bound):
            text = f"parameter '{parameter.name}' of task '{step.node.name}' has no value: it is not handed over"
            self.notes.add("person", text, parameter.at or step.node.at)
            return
        made = argument(self.names.new(*wishes), parameter, bound or Bound(), self.notes)
        step.arguments[parameter.name], step.passed[parameter.name] = made.name, made.passed
        self.arguments.append(made)

    @property
    def ordered_arguments(self) -> list[Argument]:
        """Those without a default first."""
        return sorted(self.arguments, key=lambda each: each.default is not None)


def _chart(workflow: Workflow) -> Flowchart:
    links = [(link.before, link.after) for link in workflow.links]
    ends = ((link.source, link.target) for link in workflow.data_links)
    waits = [(one.task, two.task) for one, two in ends if isinstance(one, PortRef) and isinstance(two, PortRef)]
    needs = {
        task.name: [
            [each.task for each in sources if isinstance(each, PortRef)]
            for sources in workflow.sources_of(task.name).values()
            if not any(isinstance(each, DataRef) for each in sources)
        ]
        for task in workflow.tasks
    }
    choices = [
        Choice(each.sources, each.then, each.otherwise, each.continuation, never=each.text == NEVER)
        for each in workflow.conditions
    ]
    return Flowchart([task.name for task in workflow.tasks], links, choices, waits, needs)


def _metrics(node: TaskNode, notes: Notes) -> list[str]:
    """What the script is sure to put into `resultMap`: to declare what it does not put would fail its task."""
    spoken = read_script(node.script)
    for metric in node.metrics:
        if metric.name not in spoken.texts:
            text = f"metric '{metric.name}' of task '{node.name}': its script never speaks of it"
            notes.add("dropped", text, metric.at or node.at)
    declared = [metric.name for metric in node.metrics if metric.name in spoken.texts]
    for key in spoken.perhaps:
        if key not in declared:
            text = f"task '{node.name}' puts '{key}' into resultMap only sometimes: results do not tell of it"
            notes.add("dropped", text, node.at)
    return list(dict.fromkeys([*declared, *filter(is_parameter, spoken.put)]))
