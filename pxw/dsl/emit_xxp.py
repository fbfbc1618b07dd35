"""From graphs back to text: the canonical DSL, in the syntax of the current engine (G5) wherever that can say it.

Reading the text again, in the same project, gives the same graph.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from pxw.dsl.values import written
from pxw.experiment import Event, Experiment, ExperimentTask, Listing, Range, Space
from pxw.workflow import Choices, Condition, DDMPlace, LocalPlace, Parameter, TaskNode, Value, Workflow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pxw.dsl.project import Project
    from pxw.workflow import DataNode

__all__ = ["print_experiment", "print_project", "print_workflow"]

STEP = "  "


def print_project(workflows: Iterable[Workflow], experiments: Iterable[Experiment], project: Project) -> str:
    """Print workflows and experiments, and the workflows that those need, as one file; but no templates."""
    experiments = list(experiments)
    every = {each.name: each for each in workflows}
    for one in experiments:
        every |= {each.name: each for each in one.workflows if each.name not in every}
    complete = [each for each in every.values() if not any(task.abstract for task in each.tasks)]
    blocks = [print_workflow(each, project) for each in complete]
    blocks += [print_experiment(each, project) for each in experiments]
    return "\n".join(blocks)


def print_workflow(workflow: Workflow, project: Project) -> str:
    """Print one workflow.

    Every implementation and dataset is named by its path below the project's libraries.
    """
    return _block(f"workflow {workflow.name}", _Printer(project).workflow(workflow))


def print_experiment(experiment: Experiment, project: Project) -> str:
    """Print one experiment, without the workflows that it runs."""
    return _block(f"experiment {experiment.name}", _Printer(project).experiment(experiment))


def _block(head: str, lines: Iterable[str]) -> str:
    return "\n".join(_nested(head, lines)) + "\n"


def _nested(head: str, lines: Iterable[str]) -> list[str]:
    body = [f"{STEP}{line}" if line else "" for line in lines]
    while body and not body[-1]:
        body.pop()
    return [f"{head} {{", *body, "}"]


def _described(text: str) -> list[str]:
    return [f"description {written(text)};"] if text else []


class _Printer:
    """Prints with paths below the libraries of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project

    # ------------------------------------------------------------------------------------------ workflows

    def workflow(self, workflow: Workflow) -> Iterator[str]:
        yield from _described(workflow.description)
        yield from (f"param {name} = {written(value)};" for name, value in workflow.settings)
        yield from _control(workflow)
        yield ""
        for task in workflow.tasks:
            yield from self.task(task)
        yield ""
        for data in workflow.datasets:
            yield f"define {data.direction} data {data.name};"
            yield from self.place(data)
        yield ""
        yield from (f"{link.source} --> {link.target};" for link in workflow.data_links)

    def place(self, data: DataNode) -> Iterator[str]:
        place = data.place
        fields = []
        if isinstance(place, LocalPlace):
            end = "/**" if place.kind == "directory" else ""
            fields.append(f"path {written(_below(place.path, self.project.datasets) + end)};")
        elif isinstance(place, DDMPlace):
            said = {"name": place.name, "project": place.project}
            fields += [f"{word} {written(value)};" for word, value in said.items() if value is not None]
        if data.type is not None:
            fields.append(f"type {written(data.type)};")
        if fields:
            yield f"configure data {data.name} {{ {' '.join(fields)} }}"

    def task(self, task: TaskNode) -> list[str]:
        lines = list(self.task_body(task))
        return _nested(f"task {task.name}", lines) if lines else [f"task {task.name};"]

    def task_body(self, task: TaskNode) -> Iterator[str]:
        for each in task.parameters:
            yield from self.parameter(each, task)
        yield from self.implementation(task)
        yield from self.environment(task)
        if "metrics" in task.stated:
            for metric in task.metrics:
                said = {"semanticType": metric.semantic_type, "kind": metric.kind, "type": metric.type}
                fields = [f"{word} {written(value)};" for word, value in said.items() if value is not None]
                yield f"define metric {metric.name} {{ {' '.join([*fields, *_described(metric.description)])} }}"
        for direction, ports in (("input", task.inputs), ("output", task.outputs)):
            if f"{direction}s" in task.stated:
                for port in ports:
                    kind = f" {{ type {written(port.type)}; }}" if port.type else ";"
                    yield f"define {direction} data {port.name}{kind}"

    def parameter(self, parameter: Parameter, task: TaskNode) -> Iterator[str]:
        if f"param {parameter.name}" in task.stated:
            yield f"define param {parameter.name} {{ {' '.join(_declaration(parameter))} }}"
        elif parameter.given:
            yield f"param {parameter.name} = {written(parameter.value)};"
        elif not parameter.declared:
            yield f"param {parameter.name};"

    def implementation(self, task: TaskNode) -> Iterator[str]:
        target = task.definition.parent if task.definition else task.script
        if target is not None and target.name == "task.py" and not target.with_name("task.xxp").exists():
            target = target.parent
        if target is not None:
            below_tasks = target.is_relative_to(self.project.tasks)
            base = self.project.tasks if below_tasks else self.project.root
            yield f"implementation {written(_below(target, base))};"

    def environment(self, task: TaskNode) -> Iterator[str]:
        if "dependencies" in task.stated:
            for pattern in task.dependencies:
                yield f"dependency {written(_below(Path(pattern), self.project.dependencies))};"
        if "requirements" in task.stated and task.requirements:
            yield f"venv {written(_below(task.requirements, self.project.tasks))};"
        if "python_version" in task.stated and task.python_version:
            yield f"python_version {written(task.python_version)};"
        if "interactive" in task.stated:
            yield f"type {'interactive' if task.interactive else 'custom'};"
        if "pre_script" in task.stated and task.pre_script:
            yield f"pre_script {written(_below(task.pre_script, self.project.tasks))};"
        if "description" in task.stated:
            yield from _described(task.description)

    # ------------------------------------------------------------------------------------------ experiments

    def experiment(self, experiment: Experiment) -> Iterator[str]:
        if experiment.intent is not None:
            yield f"intent {written(experiment.intent)};"
        yield from _described(experiment.description)
        yield from _nested("control", _transitions(experiment))
        for task in experiment.tasks:
            yield ""
            yield from self.experiment_task(task)
        for event in experiment.events:
            yield ""
            yield from _event(event)
        for space in experiment.spaces:
            yield ""
            yield from _space(space)

    def experiment_task(self, task: ExperimentTask) -> list[str]:
        lines = [line for node in task.workflow.tasks for line in self.task_body(node)]
        for data in task.workflow.datasets:
            place = next(self.place(data), f"{{ path {written('')}; }}")
            lines.append(f"input data {data.name} {place[place.index('{') :]}")
        return _nested(f"{'interaction' if task.interaction else 'task'} {task.name}", lines)


def _below(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _declaration(parameter: Parameter) -> Iterator[str]:
    if parameter.type is not None:
        yield f"type {parameter.type};"
    if parameter.default is not None:
        yield f"default {written(parameter.default)};"
    if isinstance(parameter.domain, Choices):
        yield f"enum ({', '.join(map(written, parameter.domain.values))});"
    elif parameter.domain is not None:
        bounds: list[Value] = [parameter.domain.low, parameter.domain.high]
        bounds += [] if parameter.domain.step is None else [parameter.domain.step]
        yield f"range ({', '.join(map(written, bounds))});"
    yield from _described(parameter.description)


# -------------------------------------------------------------------------------------------------- control


def _control(workflow: Workflow) -> Iterator[str]:
    """Print chains as long as they get, from START and to END; then the conditions."""
    after: dict[str, list[str]] = {}
    for link in workflow.links:
        after.setdefault(link.before, []).append(link.after)
    waiting = {target for _, target in workflow.edges()}
    waited_for = {source for source, _ in workflow.edges()}
    chosen = {name for each in workflow.conditions for name in (*each.then, *each.otherwise)}
    heads = [task.name for task in workflow.tasks if task.name not in waiting and task.name not in chosen]
    for chain in _chains([*heads, *(task.name for task in workflow.tasks)], after):
        start = ["START"] if chain[0] in heads else []
        end = ["END"] if chain[-1] not in waited_for else []
        if len(chain) > 1:
            yield " -> ".join([*start, *chain, *end]) + ";"
        heads = [each for each in heads if each != chain[0]]
    for head in heads:
        yield f"START -> {head}{' -> END' if head not in waited_for else ''};"
    yield from map(_condition, workflow.conditions)
    following = {name for each in workflow.conditions for name in (*each.then, *each.otherwise, *each.continuation)}
    linked = {link.after for link in workflow.links}
    yield from (f"{task.name} -> END;" for task in workflow.tasks if task.name in following - waited_for - linked)


def _chains(names: Sequence[str], after: dict[str, list[str]]) -> Iterator[list[str]]:
    """Take edges off the graph, path by path."""
    for name in names:
        while after.get(name):
            chain = [name]
            while after.get(chain[-1]):
                chain.append(after[chain[-1]].pop(0))
            yield chain


def _condition(condition: Condition) -> str:
    sources, text = _step(condition.sources) or "START", written(condition.text)
    if not condition.otherwise and not condition.continuation and condition.then:
        return f"{sources} ?-> {_step(condition.then)} {{ condition {text}; }}"
    branches = f"{_step(condition.then) or 'END'} : {_step(condition.otherwise) or 'END'}"
    continuation = f" -> {_step(condition.continuation)}" if condition.continuation else ""
    return f"{sources} -> {text} ? {branches}{continuation};"


def _step(names: Sequence[str]) -> str:
    return f"({' || '.join(names)})" if len(names) > 1 else "".join(names)


def _transitions(experiment: Experiment) -> Iterator[str]:
    control = experiment.control
    after = {name for _, name in control.edges()}
    before = {name for name, _ in control.edges()}
    roots = [name for name in control.nodes if name not in after]
    chain: list[tuple[str, ...]] = []
    for each, following in pairwise([*control.transitions, None]):
        if each is None:
            break
        if each.condition is not None:
            yield f"{_step(each.sources)} ?-> {_step(each.targets)} {{ condition {written(each.condition)} }};"
            continue
        chain = chain or [each.sources]
        chain.append(each.targets)
        if following is None or following.condition is not None or following.sources != each.targets:
            yield _whole(chain, roots, before)
            chain = []
    for name in roots:
        yield f"START -> {name}{'' if name in before else ' -> END'};"


def _whole(chain: list[tuple[str, ...]], roots: list[str], before: set[str]) -> str:
    start = ["START"] if roots and set(chain[0]) <= set(roots) else []
    end = [] if before & set(chain[-1]) else ["END"]
    for name in chain[0] if start else ():
        roots.remove(name)
    return " -> ".join([*start, *map(_step, chain), *end]) + ";"


def _event(event: Event) -> list[str]:
    return _nested(f"event {event.name}", (_event_field(word, value) for word, value in event.fields))


def _event_field(word: str, value: str) -> str:
    return f"{word} {value};" if word == "task" or value.isidentifier() else f"{word} {written(value)};"


def _space(space: Space) -> list[str]:
    lines = [f"strategy {space.strategy};"]
    if space.runs is not None:
        lines.append(f"runs = {space.runs};")
    for point in space.points:
        lines += [f"param_values {point.name} = {_choices(each)};" for each in point.choices]
    if space.filter is not None:
        lines.append(f"filter {written(space.filter)};")
    if space.generator is not None:
        lines.append(f"generator {written(space.generator)};")
    tasks: dict[str, list[str]] = {}
    for each in space.bindings:
        value = each.point if each.point is not None else written(each.value)
        tasks.setdefault(each.task, []).append(f"param {each.parameter} = {value};")
    for name, params in tasks.items():
        lines += _nested(f"task {name}", params)
    return _nested(f"space {space.name} of {space.workflow}", lines)


def _choices(choices: Listing | Range) -> str:
    if isinstance(choices, Listing):
        return f"enum({', '.join(map(written, choices.values))})"
    numbers = [choices.start, choices.stop, *([choices.step] if choices.step != 1 else [])]
    return f"range({', '.join(map(written, numbers))})"
