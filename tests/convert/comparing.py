"""Is what converted Python would do what the graphs say?"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from types import SimpleNamespace

from pxw.compat import Job
from pxw.convert.names import is_parameter
from pxw.dsl.resolve import resolve
from pxw.experiment import ExperimentTask, Space, arguments, configurations
from pxw.runner.setup import Setup
from pxw.runner.tasks import Left, Work
from pxw.runner.workflows import run_workflow
from pxw.workflow import DataRef, PortRef, as_type
from tests.convert.recording import Recorder


def compare(target, made):
    """Compare every complete workflow and every experiment of a file with its module."""
    found = resolve(target)
    every = dict(found.workflows)
    for one in found.experiments.values():
        every |= {each.name: each for each in one.workflows}
    complete = [each for each in every.values() if all(task.script for task in each.tasks)]
    assert complete or not every
    for workflow in complete:
        for turns in _turns(workflow.conditions):
            _compare_workflow(workflow, made, turns)
    for one in found.experiments.values():
        conditional = [each for each in one.control.transitions if each.condition is not None]
        for turns in _turns(conditional):
            _compare_experiment(one, conditional, turns, made)


def _turns(conditions):
    """The ways in which conditions may turn out; those that the DSL makes of events never hold."""
    texts = [getattr(each, "text", None) or each.condition for each in conditions]
    ways = product([True, False], repeat=len(texts)) if len(texts) < 6 else [[True] * len(texts), [False] * len(texts)]
    return list(
        dict.fromkeys(tuple(turn and text != "False" for turn, text in zip(way, texts, strict=True)) for way in ways)
    )


def _file_of(name, made):
    return next(file for file, text in made.files.items() if f'@pxw.flow(name="{name}")' in text)


def _texts(made):
    return made.files | {name: content.decode() for name, content in made.copies.items()}


def _lines(places, origins):
    """How each line with a condition turns out."""
    known = {f"{at.file.rpartition('/')[2]}:{at.line}:{at.column}": turn for at, turn in places}
    found = {line: place.rpartition("/")[2] for line, place in origins.items()}
    return {line: known[place] for line, place in found.items() if place in known}


# ---------------------------------------------------------------------------------------------------- workflows


def _compare_workflow(workflow, made, turns):
    file = _file_of(workflow.name, made)
    lines = _lines(zip([each.at for each in workflow.conditions], turns, strict=True), made.origins[file])
    recorder = Recorder(made.out, _texts(made), {file: lines})
    recorder.run(file)
    _compare_calls(workflow, recorder.calls, turns)


@dataclass(frozen=True)
class _Turned(Setup):
    """A project whose conditions turn out as it is told."""

    turns: dict = field(default_factory=dict)

    def holds(self, text, kind, known, at):
        return self.turns[at]


class _Silent:
    """The future of a task that does nothing."""

    def __init__(self, name):
        self.name = name

    def result(self):
        return {self.name: Left()}

    def add_done_callback(self, tell):
        tell(self)


def runs_of(workflow, turns):
    """What runs when the conditions turn out like this: the runner's own schedule, with tasks that do nothing."""
    setup = _Turned(turns=dict(zip((each.at for each in workflow.conditions), turns, strict=True)))
    ran = []

    def make(binding, options):
        def submit(before):
            ran.append(binding.name)
            return _Silent(binding.name)

        return SimpleNamespace(submit=submit)

    run_workflow(Work(workflow, setup, Job()), make)
    return set(ran)


def _compare_calls(workflow, calls, turns, values=None):
    before, runs = workflow.predecessors(), runs_of(workflow, turns)
    assert sorted(each.task.name for each in calls) == sorted(runs)
    for call in calls:
        node = workflow.task(call.task.name)
        assert call.task.file == node.script.resolve()
        expected = (tuple(map(str, node.dependencies)), node.requirements, node.python_version)
        assert call.task.environment == expected
        _compare_waits(workflow, call, before, runs)
        _compare_inputs(workflow, node, call, runs)
        _compare_values(node, call, (values or {}).get(node.name, {}))


def _compare_waits(workflow, call, before, runs):
    """It waits for all that it must, and for nothing else than what a condition makes the flow wait for."""
    name = call.task.name
    waits = _closure({each.task.name for each in call.waits}, before)
    assert waits >= {*before[name]} & runs
    held = {each.task.name for each in call.after}
    superfluous = (waits | _closure(held, before)) & runs - _closure({*before[name]}, before)
    excused = {source for each in workflow.conditions for source in each.sources}
    excused |= {each.task.name for each in call.after if not all(map(is_parameter, each.task.outputs))}  # to be renamed
    assert superfluous <= _closure(excused, before)


def _closure(names, before):
    found, left = set(), list(names)
    while left:
        if (name := left.pop()) not in found:
            found.add(name)
            left += before[name]
    return found


def _compare_values(node, call, bound):
    types = {each.name: each.type for each in node.parameters}
    for name, value in {**node.values, **bound}.items():
        kind = types.get(name)
        found = as_type(call.values[name], kind) if kind else call.values[name]
        assert (found, type(found)) == ((value, type(value)) if kind else (str(value), str))


def _compare_inputs(workflow, node, call, runs):
    for port, sources in workflow.sources_of(node.name).items():
        alive = [each for each in sources if isinstance(each, DataRef) or each.task in runs]
        value = call.values[port]
        if not alive:
            assert value is None
            continue
        source = alive[-1]
        if isinstance(source, PortRef):
            assert (value.call.task.name, value.port) == (source.task, source.port)
        else:
            place = workflow.dataset(source.name).place
            known = str(getattr(place, "path", None) or getattr(place, "project", None) or "")
            assert known in _place(value) if known else isinstance(value, str)
    for port, targets in workflow.targets_of(node.name).items():
        if any(isinstance(each, DataRef) for each in targets):
            assert call.task.outputs[port] is not None


def _place(value):
    return f"{Path(value.path).resolve()}" if hasattr(value, "path") else value.project


# -------------------------------------------------------------------------------------------------- experiments


def _compare_experiment(experiment, conditional, turns, made):
    file = _file_of(experiment.name, made)
    lines = _lines(zip([each.at for each in conditional], turns, strict=True), made.origins[file])
    decide = {file: lines}
    for workflow in experiment.workflows:  # their own conditions are compared elsewhere: here they all hold
        own = _file_of(workflow.name, made)
        held = [(each.at, each.text != "False") for each in workflow.conditions]
        decide[own] = _lines(held, made.origins[own])
    recorder = Recorder(made.out, _texts(made), decide)
    results = recorder.run(file)
    nodes = _nodes_of(
        experiment, dict(zip([experiment.control.transitions.index(each) for each in conditional], turns, strict=True))
    )
    tasks = [each.workflow for each in nodes if isinstance(each, ExperimentTask)]
    assert sorted(results) == sorted(each.name for each in nodes if isinstance(each, Space | ExperimentTask))
    _compare_order(experiment, list(results))
    assert sorted(each.task.name for each in recorder.calls) == sorted(
        task.name for each in tasks for task in each.tasks
    )
    for node in nodes:
        if isinstance(node, Space):
            _compare_space(experiment, node, results[node.name], recorder)


def _nodes_of(experiment, taken):
    """The nodes that run, as pxw.experiment says it."""
    finished, skipped = set(), set()
    while True:
        ready, never = experiment.control.advance(finished=finished, skipped=skipped, taken=taken)
        if not ready and not never:
            return [experiment.node(name) for name in finished]
        finished |= set(ready)
        skipped |= set(never)


def _compare_order(experiment, ran):
    for before, after in experiment.control.edges():
        assert {before, after} - set(ran) or ran.index(before) < ran.index(after)


def _compare_space(experiment, space, runs, recorder):
    own = recorder.module("python_configurations.py") if space.filter or space.generator else None
    keep, generate = (getattr(own, name) if name else None for name in (space.filter, space.generator))
    known = configurations(space, keep=keep, generate=generate)
    assert [each["configuration"] for each in runs.values()] == known
    workflow = experiment.workflow(space.workflow)
    for number, run in runs.items():
        values = arguments(space, run["configuration"], workflow)
        _compare_calls(workflow, run["result"], [each.text != "False" for each in workflow.conditions], values)
        places = [_place(each) for call in run["result"] for each in call.task.outputs.values() if each is not None]
        assert all(f"/{space.name}-{number}" in each for each in places)
