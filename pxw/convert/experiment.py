"""An experiment as a module of Python: loops over the configurations of its spaces, and `if`s between them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from pxw.convert.axes import only, write_space
from pxw.convert.beside import Arrangement, first, items_of
from pxw.convert.branches import FALSE, Choice, Flowchart
from pxw.convert.chain import Chain
from pxw.convert.conditions import Tests
from pxw.convert.frame import MOST, framed, write_constants, write_main, write_stubs
from pxw.convert.ifs import Ifs
from pxw.convert.names import Names
from pxw.convert.parameters import Argument
from pxw.convert.places import spec
from pxw.convert.runs import Runs
from pxw.convert.source import Source, call, prefixed, quoted, written
from pxw.convert.tasks import imported
from pxw.convert.wiring import NEVER, TAKEN, Wiring
from pxw.experiment import Event, ExperimentTask, Space
from pxw.runner.asking import asking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from pxw.convert.branches import Beside, Node
    from pxw.convert.modules import Modules
    from pxw.convert.report import Notes
    from pxw.convert.shared import Shared
    from pxw.dsl.project import Project
    from pxw.experiment import Experiment

__all__ = ["ExperimentModule"]


class ExperimentModule:
    """Writes one experiment; `uses` are the project's own modules that it calls.

    Args:
        experiment: the graph.
        modules: those of the workflows.
        project: where it is from.
        functions: what is defined in the conditions module.
        notes: where surprises go.
        inclusive: whether the end of a range belongs to it.
    """

    def __init__(
        self,
        experiment: Experiment,
        modules: Modules,
        project: Project,
        functions: Iterable[str],
        notes: Notes,
        *,
        inclusive: bool = True,
    ) -> None:
        self.experiment, self.project, self.notes, self.inclusive = experiment, project, notes, inclusive
        self.module = modules.name(experiment)
        self.tests = Tests(project.conditions.stem if project.conditions else "", list(functions), {}, notes)
        self.configurations = project.configurations.stem if project.configurations else ""
        nodes = [experiment.node(name) for name in experiment.control.nodes]
        self.spaces = [each for each in nodes if isinstance(each, Space)]
        self.called = {each.name: modules.of(experiment.workflow(each.workflow)) for each in self.spaces}
        self.flows = list({each.module: each for each in self.called.values()}.values())
        own = {self.tests.module, self.configurations, *(each.flow for each in self.flows)}
        self.names = Names({*TAKEN, *own, "seed", "parallel", "submit", "begin", "number", "configuration", "found"})
        self.flow = self.names.new(self.module)
        self.variables = {each.name: self.names.new(each.name, f"{each.name}_space") for each in self.spaces}
        self.begun: set[str] = set()
        """Nodes whose results have a place before they begin."""
        self.inputs = self._unplaced()
        self.tasks = {
            each.name: Wiring(asking(each).workflow, notes, project.root, bound={}, names=self.names)
            for each in nodes
            if isinstance(each, ExperimentTask)
        }
        self.runs = {each.name: self._runs(each) for each in self.spaces}

    def _unplaced(self) -> dict[str, str]:
        """An argument for each dataset without a place that a workflow reads."""
        datasets = (wiring.workflow.dataset(name) for wiring in self.flows for name in wiring.datasets)
        names = {
            each.name for each in datasets if each.direction == "input" and spec(each.place, self.project.root) is None
        }
        return {name: self.names.new(name, f"{name}_data") for name in sorted(names)}

    def _runs(self, space: Space) -> Runs:
        wiring = self.called[space.name]
        inputs = {name: argument for name, argument in self.inputs.items() if name in wiring.datasets}
        return Runs(space, wiring, inputs, only(space, inclusive=self.inclusive))

    @property
    def uses(self) -> list[Path]:
        """The project's own modules that the module imports."""
        functions = any(each.filter or each.generator for each in self.spaces)
        found = [self.project.conditions if self.tests.uses_module else None]
        found += [self.project.configurations if functions else None]
        return list(dict.fromkeys(each for each in found if each))

    @property
    def wirings(self) -> list[Wiring]:
        """The graphs of the experiment's own tasks."""
        return list(self.tasks.values())

    def source(self, shared: Shared, out: Path) -> Source:
        """The whole module."""
        body, flow = Source(), Source()
        self._write_flow(flow)
        below = any("PROJECT" in line for line in flow.lines)
        write_constants(body, self.tasks.values(), self.project.root, out, below=below)
        for definition in shared.own(self.module):
            body.append(definition)
        write_stubs(body, self.tests)
        body.append(flow)
        own = [f"import {each.stem}" for each in self.uses] + shared.imports(self.module)
        own += [f"from {each.module} import {each.flow}" for each in self.flows]
        steps = [step for wiring in self.tasks.values() for step in wiring.steps.values()]
        own += [imported(step) for step in steps if step.code is not None]
        at = self.experiment.at
        place = f", converted from {self.notes.place(at)}" if at else ""
        return framed(f"The experiment {self.experiment.name}{place}.", body, own)

    # ------------------------------------------------------------------------------------------ the flow

    def _write_flow(self, body: Source) -> None:
        arguments = self._arguments()
        body.blank(2)
        body.add(f"@pxw.flow(name={quoted(self.experiment.name)})")
        star = ["*"] if len(arguments) > MOST else []
        head = call(f"def {self.flow}", [*star, *map(str, arguments)], ") -> dict[str, pxw.Runs]:")
        body.add(head, self.experiment.at)
        body.depth += 1
        intent = f"Intent: {self.experiment.intent}" if self.experiment.intent else ""
        body.docstring(self.experiment.description or intent or f"Run the experiment {self.experiment.name}")
        for space in self.spaces:
            self._list(body, space)
        body.add("results: dict[str, pxw.Runs] = {}")
        self._write_nodes(body)
        body.blank(1)
        body.add("return results")
        body.depth -= 1
        write_main(body, self.flow, arguments)

    def _arguments(self) -> list[Argument]:
        found = {each.name: each for wiring in self.tasks.values() for each in wiring.arguments}
        found |= {name: Argument(name, "pxw.Spec", None) for name in self.inputs.values()}
        found.pop("experiment_results", None)
        if any(space.strategy == "randomsearch" and space.runs for space in self.spaces):
            found["seed"] = Argument("seed", "int", "0")
        if any(runs.only is None for runs in self.runs.values()):
            count = self.project.settings.get("MAX_WORKFLOWS_IN_PARALLEL_PER_NODE", 1)
            found["parallel"] = Argument("parallel", "int", written(count if isinstance(count, int) else 1))
        return sorted(found.values(), key=lambda each: each.default is not None)

    def _list(self, body: Source, space: Space) -> None:
        """Write down a space's configurations, before anything runs: an empty one is an error."""
        self._note_ranges(space)
        if self.runs[space.name].only is not None:
            return
        name = self.variables[space.name]
        configurations = write_space(space, self.configurations, inclusive=self.inclusive)
        body.add(prefixed(f"{name} = ", configurations), space.at)
        sampled = space.strategy == "randomsearch" and space.runs
        if (space.filter or space.generator) and not sampled:
            body.add(f"if not {name}:")
            body.add(f"    raise ValueError({quoted(f'the space {space.name} has no configuration')})")

    def _note_ranges(self, space: Space) -> None:
        for point in space.points:
            for each in point.choices:
                counts = each.size(inclusive=True), each.size(inclusive=False)
                if counts[0] != counts[1]:
                    kept = "belongs to it; the old engine left it out" if self.inclusive else "is left out"
                    self.notes.add(
                        "decided", f"'{point.name}' of space '{space.name}': the end of {each} {kept}", point.at
                    )

    # ------------------------------------------------------------------------------------------ nodes

    def _write_nodes(self, body: Source) -> None:
        control = self.experiment.control
        links = [
            pair
            for each in control.transitions
            if each.condition is None
            for pair in product(each.sources, each.targets)
        ]
        self.decided = [each for each in control.transitions if each.condition is not None]
        choices = [Choice(each.sources, each.targets, never=each.condition == NEVER) for each in self.decided]
        chart = Flowchart(control.nodes, links, choices)
        ifs = Ifs(
            body,
            chart,
            self.names,
            node=lambda name: self._write_node(body, name),
            test=self._test,
            before=lambda _: _leave_gap(body),
            at=lambda index: self.decided[index].at,
            arranged=Arrangement(chart.before(), [each.name for each in self.experiment.events]).arranged,
            beside=lambda node, write: self._write_beside(body, node, write),
        )
        for index in ifs.idle():
            each = self.decided[index]
            if each.condition != NEVER:
                self.notes.add("dropped", f"nothing depends on the condition '{each.condition}'", each.at)
        for name, formula in chart.alive.items():
            if formula == FALSE:
                self.notes.add("dropped", f"node '{name}' can never run", self.experiment.node(name).at)
        ifs.write()

    def _test(self, index: int) -> str:
        each = self.decided[index]
        return self.tests.test(each.condition or "", each.kind, each.at)

    def _write_beside(self, body: Source, node: Beside, write: Callable[[list[Node]], None]) -> None:
        """Write each branch as a function, and the calls of them."""
        _leave_gap(body)
        begun = [name for name in first([node]) if name not in self.begun]
        if len(begun) > 1:  # so that they are in this order, whichever begins first
            for name in begun:
                self._begin(body, self.experiment.node(name))
            self.begun.update(begun)
            body.blank(1)
        said = ["_to_".join(_ends(branch)) for branch in node.branches]
        functions = [self.names.new(f"run_{each}") for each in said]
        awaited = {place for waits in node.waits for place in waits}
        futures = {place: self.names.new(f"{said[place]}_future") for place in sorted(awaited)}
        for function, branch, waits in zip(functions, node.branches, node.waits, strict=True):
            body.add(f"def {function}() -> None:")
            body.depth += 1
            for place in waits:
                body.add(f"{futures[place]}.result()")
            write(branch)
            body.depth -= 1
            body.blank(1)
        body.add("with pxw.parallel() as begin:")
        body.depth += 1
        for place, function in enumerate(functions):
            body.add(f"{futures[place]} = begin({function})" if place in futures else f"begin({function})")
        body.depth -= 1

    def _write_node(self, body: Source, name: str) -> None:
        node = self.experiment.node(name)
        _leave_gap(body)
        match node:
            case Space():
                self._begin(body, node)
                self.runs[name].write(body, self.variables[name])
            case ExperimentTask():
                self._write_task(body, node)
            case Event():
                said = "; ".join(f"{key} {value}" for key, value in node.fields)
                body.comment(
                    f"The event {name} is for people, and nothing waits for it here{f': {said}' if said else ''}."
                )

    def _begin(self, body: Source, node: Space | ExperimentTask | Event) -> None:
        """Write the place of a node's results, if it has none yet."""
        if node.name not in self.begun and not isinstance(node, Event):
            body.add(f"results[{quoted(node.name)}] = pxw.Runs()", node.at if isinstance(node, Space) else None)

    def _write_task(self, body: Source, node: ExperimentTask) -> None:
        wiring = self.tasks[node.name]
        for step in wiring.steps.values():
            if "experiment_results" in step.passed:
                step.passed["experiment_results"] = "results"
        chain = Chain(wiring, body)
        chain.write()
        self._begin(body, node)
        body.add(call(f"results[{quoted(node.name)}].add", ["{}", chain.results()]))


def _ends(branch: list[Node]) -> list[str]:
    """The first node of a branch, and the last one, if there are several."""
    names = [item for item in items_of(branch) if isinstance(item, str)]
    return names if len(names) == 1 else [names[0], names[-1]]


def _leave_gap(body: Source) -> None:
    if body.lines[-1] and not body.lines[-1].endswith(":"):
        body.blank(1)
