"""One task of a graph: an old script, what it gets from the tasks before it, and what it hands on."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pxw.compat import Job, Script, place_in_run, run_script
from pxw.errors import DSLError
from pxw.runs import active
from pxw.specs import DDM, Dataset, Local, Ref
from pxw.workflow import DataNode, DataRef, DDMPlace, LocalPlace, TaskNode, Value, Workflow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pxw.runner.setup import Setup

__all__ = ["Handed", "Work", "run_task"]

_log = logging.getLogger("pxw.scripts")


@dataclass(frozen=True)
class Handed:
    """What the tasks so far hand on: the outputs by task and port, and what they put into the shared maps.

    Args:
        outputs: the reference of each `task.port`.
        variables: what was put into `variables`.
        result_map: what was put into `resultMap`.
        results: by task, its outputs and metrics: what `results[node][run]["result"]` shows.
    """

    outputs: dict[str, Ref] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    result_map: dict[str, Any] = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def merged(cls, several: Iterable[Handed]) -> Handed:
        """What several tasks hand on together; a later one's word counts where they say different things."""
        whole = cls()
        for each in several:
            whole = cls(
                whole.outputs | each.outputs,
                whole.variables | each.variables,
                whole.result_map | each.result_map,
                whole.results | each.results,
            )
        return whole


@dataclass(frozen=True)
class Work:
    """One run of a workflow.

    Args:
        workflow: the graph.
        setup: its project.
        job: the run in the old system's words.
        values: values for tasks' parameters, over those of the graph.
        is_one_of_many: whether other runs of the same workflow write to the same declared places.
    """

    workflow: Workflow
    setup: Setup
    job: Job
    values: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    is_one_of_many: bool = False


def run_task(work: Work, name: str, before: list[Handed]) -> Handed:
    """Run one task of a workflow after those that it waits for."""
    run = active.get()
    if run is None:
        raise RuntimeError("a task of a workflow runs within a flow")
    node, known = work.workflow.task(name), Handed.merged(before)
    key = f"{work.job.id}-{name}"
    outcome = run_script(
        _script(node, work),
        run=run,
        key=key,
        inputs=_inputs(node, work, known),
        outputs=_outputs(node, work),
        parameters=_parameters(node, work),
        job=replace(
            work.job,
            previous=next(iter(work.workflow.predecessors()[name]), ""),
            variables={**dict(work.workflow.settings), **known.variables},
            result_map=known.result_map,
        ),
        log=_say(name),
    )
    made = {port: replace(ref, task=name, output=port) for port, ref in outcome.outputs.items()}
    for ref in made.values():
        run.note_saved(ref, key)
    shown = {port: ref.place or ref.value for port, ref in made.items()}
    return Handed(
        known.outputs | {f"{name}.{port}": ref for port, ref in made.items()},
        known.variables | outcome.variables,
        known.result_map | outcome.result_map,
        known.results | {name: {**shown, **outcome.result_map}},
    )


def _say(task: str) -> Any:
    def log(line: str, stream: str) -> None:
        _log.log(logging.WARNING if stream == "stderr" else logging.INFO, "%s: %s", task, line)

    return log


def _script(node: TaskNode, work: Work) -> Script:
    if node.script is None:
        raise DSLError(f"task {node.name!r} has no implementation", at=str(node.at or ""))
    return Script(
        path=node.script,
        name=node.name,
        dependencies=node.dependencies,
        requirements=node.requirements,
        python_version=node.python_version,
        executionware=work.setup.executionware,
    )


def _parameters(node: TaskNode, work: Work) -> dict[str, Any]:
    """Values of the declared types; as text where nothing was declared, as in the old system."""
    values = {**node.values, **work.values.get(node.name, {})}
    types = {each.name: each.type for each in node.parameters}
    return {name: value if types.get(name) else _text(value) for name, value in values.items()}


def _text(value: Value) -> str:
    return value if isinstance(value, str) else str(value)


def _inputs(node: TaskNode, work: Work, known: Handed) -> dict[str, Any]:
    """Whatever an earlier task saved, under its own name; what data links lead to a port counts more."""
    found: dict[str, Any] = {address.partition(".")[2]: ref for address, ref in known.outputs.items()}
    for port, sources in work.workflow.sources_of(node.name).items():
        for source in sources:
            if isinstance(source, DataRef):
                found[port] = _place(work.workflow.dataset(source.name), work)
            elif str(source) in known.outputs:
                found[port] = known.outputs[str(source)]
    return found


def _outputs(node: TaskNode, work: Work) -> dict[str, Dataset | None]:
    """The ports that something waits for, and the places of those that lead out of the workflow."""
    found: dict[str, Dataset | None] = {}
    for port, targets in work.workflow.targets_of(node.name).items():
        found[port] = None
        for target in targets:
            if isinstance(target, DataRef):
                spec = _place(work.workflow.dataset(target.name), work)
                found[port] = place_in_run(spec, work.job, node.name) if work.is_one_of_many else spec
    return found


def _place(data: DataNode, work: Work) -> Dataset:
    if data.name in work.setup.places:
        return work.setup.places[data.name]
    match data.place:
        case LocalPlace(path, kind):
            return Local(f"{path}/" if kind == "directory" else path)
        case DDMPlace(project, name) if project is not None:
            return DDM(project=project, name=name)
    raise DSLError(
        f"the dataset {data.name!r} of workflow {work.workflow.name!r} has no place",
        at=str(data.at or ""),
        help=f"configure it in the DSL, or give it as --set {data.name}=path",
    )
