"""One task of a graph: an old script, what it gets from the tasks before it, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pxw import data
from pxw.binding import Binding, Step
from pxw.binding.identity import identity_of
from pxw.compat import Job, Script, place_in_run, run_script
from pxw.compat.asking import Question
from pxw.compat.process import log_of
from pxw.errors import DSLError
from pxw.runner.asking import form_of
from pxw.runs.folders import safe
from pxw.specs import DDM, Dataset, Local, Ref, Remote
from pxw.values import plain
from pxw.workflow import DataNode, DataRef, DDMPlace, LocalPlace, TaskNode, Value, Workflow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pxw.runner.setup import Setup

__all__ = ["Handed", "Left", "NodeBinding", "Work", "merged", "place_of", "refuse_unrunnable"]

_SHOWN = 200  # signs of a value that a person is shown


@dataclass(frozen=True)
class Left:
    """What one task left behind.

    Args:
        outputs: what it saved, by port.
        variables: what it put into `variables`.
        result_map: what it put into `resultMap`: its metrics among them.
    """

    outputs: dict[str, Ref] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    result_map: dict[str, Any] = field(default_factory=dict)

    def result(self) -> dict[str, Any]:
        """Its part of `results[node][run]["result"]`."""
        return {key: plain(ref) for key, ref in self.outputs.items()} | self.metrics()

    def metrics(self) -> dict[str, Any]:
        """What it put into `resultMap`, without what the old system says there of datasets."""
        told = {key: value for key, value in self.result_map.items() if key not in self.outputs}
        return {key: plain(value) for key, value in told.items() if not key.startswith("file:")}


Handed: TypeAlias = dict[str, Left]
"""What a task hands on: what it left, and what all tasks before it left, by their names."""


def merged(several: Iterable[Handed], order: Iterable[str]) -> Handed:
    """What several tasks hand on together, in the order in which the tasks ran."""
    whole = {name: left for each in several for name, left in each.items()}
    return {name: whole[name] for name in order if name in whole}


@dataclass(frozen=True)
class Work:
    """One run of a workflow.

    Args:
        workflow: the graph.
        setup: its project.
        job: the run in the old system's words.
        values: values for tasks' parameters, over those of the graph.
        label: which run of an experiment it is, such as `S1-3`: the others write to the same declared places.
    """

    workflow: Workflow
    setup: Setup
    job: Job
    values: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    label: str = ""


def _takes(before: list[Handed]) -> Handed: ...  # type: ignore[empty-body]  # the signature that the engines see


@dataclass(frozen=True, eq=False)
class NodeBinding(Binding):
    """A task of a graph, seen as a function of what the tasks before it hand on.

    Args:
        work: the run of the workflow.
        order: the workflow's tasks in the order in which they may run.
    """

    work: Work = None  # type: ignore[assignment]  # the base's fields have defaults
    order: tuple[str, ...] = ()

    @classmethod
    def at(cls, work: Work, name: str, order: tuple[str, ...]) -> NodeBinding:
        """The task of this name."""
        return cls(_takes, name, work=work, order=order)

    def call(self, step: Step, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Handed:
        """Run the script after all that it waits for; or give what an earlier attempt of the run got."""
        with step.noted(self.name, self.work.label) as noting:
            before = merged(self.signature.bind(*args, **kwargs).arguments["before"], self.order)
            given, code = self._known(before)
            noting.takes(given, code)
            again = noting.again(self._identity(before, code))
            left = self._run(before, step) if again is None else Left(*again[0])
            self._note_saved(left, step)
            noting.keep((left.outputs, left.variables, left.result_map))
            return {**before, self.name: left}

    def _known(self, before: Handed) -> tuple[dict[str, Any], str]:
        """What the task is given, and what tells whether it would do the same again."""
        node, work = self.work.workflow.task(self.name), self.work
        given = {**_inputs(node, work, before), **_parameters(node, work)}
        return given, f"{node.name} {_script(node, work).fingerprint()}"

    def _identity(self, before: Handed, code: str) -> str:
        node, work = self.work.workflow.task(self.name), self.work
        given = (_inputs(node, work, before), _outputs(node, work), _parameters(node, work))
        script, job = _script(node, work), work.job
        if not script.asks_for_results():  # which runs have ended when this one begins is chance
            job = replace(job, results=None)
        return identity_of(code, {"given": given, "before": before, "job": job, "settings": work.workflow.settings})

    def _note_saved(self, left: Left, step: Step) -> None:
        for ref in left.outputs.values():
            step.run.note_saved(ref, step.key)
        for key, value in left.metrics().items():
            step.run.note_saved(Ref(value=value, size=len(str(value)), task=self.name, output=key), step.key)

    def _run(self, before: Handed, step: Step) -> Left:
        work, node = self.work, self.work.workflow.task(self.name)
        parameters, answers = _parameters(node, work), self._answers(node, before)
        variables: dict[str, Any] = dict(work.workflow.settings)
        result_map: dict[str, Any] = {}
        for left in before.values():
            variables |= left.variables
            result_map |= left.result_map
        outcome = run_script(
            _script(node, work),
            run=step.run,
            key=step.key,
            inputs=_inputs(node, work, before),
            outputs=_outputs(node, work),
            parameters=parameters | answers,
            job=replace(work.job, previous=next(reversed(before), ""), variables=variables, result_map=result_map),
            log=log_of(" ".join(filter(None, [work.label, node.name]))),
        )
        return Left(
            self._shelved(outcome.outputs, "", step),
            answers | self._shelved(outcome.variables, "variables", step),
            self._shelved(outcome.result_map, "resultMap", step),
        )

    def _shelved(self, found: Mapping[str, Any], kind: str, step: Step) -> dict[str, Any]:
        """With intermediates moved to the object store, if the run keeps its data there."""
        shelf = step.run.shelf(self.name, step.key)
        if not isinstance(shelf, Remote):
            return dict(found)
        shelf = shelf.below(kind) if kind else shelf
        return {
            key: data.copy(value, Dataset(format=value.format), shelf=shelf.below(safe(key)))
            if isinstance(value, Ref) and Path(value.place).is_relative_to(step.run.folder)
            else value
            for key, value in found.items()
        }

    def _answers(self, node: TaskNode, before: Handed) -> dict[str, Any]:
        """What a person says to an interactive task; as good as put into `variables` by it."""
        work, ask = self.work, self.work.setup.ask
        if not node.interactive or ask is None:
            return {}
        found = [(f"{name}.{key}", value) for name, left in before.items() for key, value in left.result().items()]
        facts = [f"{name}: {str(value)[:_SHOWN]}" for name, value in found]
        return ask(
            Question(
                key=f"{work.job.id or work.workflow.name}-{node.name}",
                title=" ".join(filter(None, ["task", node.name, "of", work.workflow.name, work.label])),
                facts=tuple(filter(None, [node.description, *facts])),
                form=form_of(node, _parameters(node, work)),
            )
        )


def _script(node: TaskNode, work: Work) -> Script:
    if node.script is None:
        raise _without_script(node, work.workflow)
    return Script(
        path=node.script,
        name=node.name,
        dependencies=node.dependencies,
        requirements=node.requirements,
        python_version=node.python_version,
        executionware=work.setup.executionware,
        pre_script=node.pre_script,
    )


def _parameters(node: TaskNode, work: Work) -> dict[str, Any]:
    """Values of the declared types; as text where nothing was declared, as in the old system."""
    values = {**node.values, **work.values.get(node.name, {})}
    types = {each.name: each.type for each in node.parameters}
    return {name: value if types.get(name) else str(value) for name, value in values.items()}


def _inputs(node: TaskNode, work: Work, before: Handed) -> dict[str, Any]:
    """Whatever earlier tasks saved, under its own name; what data links lead to a port counts more."""
    found: dict[str, Any] = {}
    for left in before.values():
        found |= left.outputs
    for port, sources in work.workflow.sources_of(node.name).items():
        for source in sources:
            if isinstance(source, DataRef):
                found[port] = place_of(work.workflow.dataset(source.name), work.workflow, work.setup)
            elif source.task in before and source.port in before[source.task].outputs:
                found[port] = before[source.task].outputs[source.port]
    return found


def _outputs(node: TaskNode, work: Work) -> dict[str, Dataset | None]:
    """The ports that something waits for, and the places of those that lead out of the workflow."""
    found: dict[str, Dataset | None] = {}
    for port, targets in work.workflow.targets_of(node.name).items():
        places = [each for each in targets if isinstance(each, DataRef)]
        found[port] = None
        for target in places:
            spec = place_of(work.workflow.dataset(target.name), work.workflow, work.setup)
            found[port] = place_in_run(spec, work.job, node.name) if work.label else spec
    return found


def place_of(node: DataNode, workflow: Workflow, setup: Setup) -> Dataset:
    """Where a dataset of a workflow is.

    Raises:
        DSLError: nobody says it.
    """
    if node.name in setup.places:
        return setup.places[node.name]
    match node.place:
        case LocalPlace(path, kind):
            return Local(f"{path}/" if kind == "directory" else path)
        case DDMPlace(project, name) if project is not None:
            return DDM(project=project, name=name)
    raise DSLError(
        f"the dataset {node.name!r} of workflow {workflow.name!r} has no place",
        at=str(node.at or ""),
        help=f"configure it in the DSL, or give it as --set {node.name}=path",
    )


def refuse_unrunnable(workflow: Workflow, setup: Setup) -> None:
    """Refuse a workflow that cannot be run to its end, before any of its tasks runs.

    Raises:
        DSLError: a task that waits for a person where nobody is, or has no script; a condition for people; a dataset
            without a place.
    """
    for task in workflow.tasks:
        if task.interactive and setup.ask is None:
            raise DSLError(
                f"task {task.name!r} of {workflow.name!r} waits for a person, and nobody can answer",
                at=str(task.at or ""),
                help="run it at a terminal, or on Prefect, whose page of the run shows a form",
            )
        if task.script is None:
            raise _without_script(task, workflow)
    for condition in workflow.conditions:
        setup.refuse_undecidable(condition.text, condition.kind, condition.at)
    for node in workflow.datasets:
        if any(DataRef(node.name) in (link.source, link.target) for link in workflow.data_links):
            place_of(node, workflow, setup)


def _without_script(task: TaskNode, workflow: Workflow) -> DSLError:
    return DSLError(f"task {task.name!r} of {workflow.name!r} has no implementation", at=str(task.at or ""))
