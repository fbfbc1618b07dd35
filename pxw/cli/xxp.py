"""`pxw run x.xxp`: projects of the old system, as they are."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter
from rich.text import Text

from pxw import data
from pxw.binding.declare import spec_of
from pxw.cli.console import shown_path
from pxw.cli.faults import WrongUseError
from pxw.cli.projects import counted, resolved, split
from pxw.dsl.rendering import render_rich
from pxw.errors import ArgumentError, PxwError, TargetError, nearest
from pxw.experiment import Experiment
from pxw.importing import inline
from pxw.runner import Setup, flow_of, place_of
from pxw.settings import load_settings
from pxw.specs import Dataset, Spec
from pxw.workflow import DataRef, Workflow, as_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.console import Console

    from pxw.cli.resuming import Asked
    from pxw.compat.asking import Ask
    from pxw.dsl.project import Project
    from pxw.dsl.resolve import Resolution
    from pxw.workflow import DataNode, Parameter, Value

T = TypeVar("T")

__all__ = ["Chosen"]


@dataclass(frozen=True)
class Chosen:
    """The workflow or experiment that is meant, in its project."""

    graph: Workflow | Experiment
    setup: Setup

    @classmethod
    def of(cls, target: str, request: Asked, console: Console) -> Chosen | None:
        """Read the project; None if it has errors, which are shown.

        Raises:
            TargetError: no such file, or nothing in it that is meant.
            WrongUseError: names or values that do not fit what is meant.
        """
        file, name = split(target)
        found = resolved(file, request.project.config)
        errors = found.report.errors
        if errors:
            console.print(render_rich(errors, console.width))
            console.print(counted(found.diagnostics))
            return None
        if found.diagnostics:
            console.print(Text(f"{counted(found.diagnostics)}: pxw check {shown_path(file)}", style="dim"))
        graph = _meant(found, request.project.workflow, request.project.experiment, name)
        _use_settings(found.project)
        try:
            return cls(graph, _setup(found.project, graph, request))
        except PxwError as error:
            raise WrongUseError(error) from error

    def flow(self, *, inline_only: bool, ask: Ask | None) -> Any:
        """The flow that runs it; `ask` answers its interactive tasks."""
        with inline() if inline_only else nullcontext():
            return flow_of(self.graph, replace(self.setup, ask=ask))

    def missing_inputs(self) -> list[PxwError]:
        """The inputs of a workflow that are not there; those of an experiment may be made on the way."""
        if isinstance(self.graph, Experiment):
            return []
        read = {link.source.name for link in self.graph.data_links if isinstance(link.source, DataRef)}
        nodes = (node for node in self.graph.datasets if node.name in read)
        return [error for node in nodes if (error := self._look(node, self.graph)) is not None]

    def _look(self, node: DataNode, workflow: Workflow) -> PxwError | None:
        try:
            data.look(place_of(node, workflow, self.setup), Dataset(format="bytes"))
        except PxwError as error:
            error.at = ", ".join(filter(None, [f"dataset {node.name!r}, {node.at}", error.at]))
            error.help = "; ".join(filter(None, [error.help, f"or read it from elsewhere: --set {node.name}=path"]))
            return error
        return None


def _meant(found: Resolution, workflow: str | None, experiment: str | None, name: str) -> Workflow | Experiment:
    """The workflow or experiment that is meant: a named one, else the only experiment, else the only whole workflow."""
    given = [f"--workflow {workflow}"] * bool(workflow) + [f"--experiment {experiment}"] * bool(experiment)
    given += [f"{shown_path(found.target)}:{name}"] * bool(name)
    if len(given) > 1:
        raise TargetError(f"{' and '.join(given)}: only one can be run", help="leave the others out")
    if workflow is not None:
        return _named(workflow, found.workflows, "workflow", found)
    if experiment is not None:
        return _named(experiment, found.experiments, "experiment", found)
    if name:
        every: dict[str, Workflow | Experiment] = {**found.workflows, **found.experiments}
        return _named(name, every, "workflow or experiment", found)
    whole = {key: each for key, each in found.workflows.items() if key not in found.templates}
    known: Mapping[str, Workflow | Experiment] = found.experiments or whole or found.workflows
    if len(known) == 1:
        return next(iter(known.values()))
    file = shown_path(found.target)
    if not known:
        raise TargetError(f"{file} has neither a workflow nor an experiment", help="name the file that has")
    kind = "experiments" if found.experiments else "workflows"
    raise TargetError(
        f"{file} has {len(known)} {kind}", help=f"name one: {', '.join(f'{file}:{key}' for key in known)}"
    )


def _named(name: str, known: Mapping[str, T], what: str, found: Resolution) -> T:
    if name not in known:
        other = found.experiments if what == "workflow" else found.workflows
        remedy = nearest(name, known) if known else f"it has {', '.join(other) or 'nothing to run'}"
        raise TargetError(f"{shown_path(found.target)} has no {what} {name!r}", help=remedy)
    return known[name]


# What the project and the command line set ----------------------------------------------------------------------------

_SETTINGS = {
    "DATASET_MANAGEMENT": "dataset_management",
    "DATASET_MANAGEMENT_URL": "ddm_url",
    "DDM_URL": "ddm_url",
    "PORTAL_USERNAME": "ddm_username",
    "PORTAL_PASSWORD": "ddm_password",
    "DDM_USERNAME": "ddm_username",
    "DDM_PASSWORD": "ddm_password",
    "DDM_TOKEN": "ddm_token",
}
_SIGN_IN = {"ddm_username", "ddm_password", "ddm_token"}


def _use_settings(project: Project) -> None:
    """Let this process use what `eexp_config.py` says, where neither the environment nor `pxw.toml` does.

    Its names and passwords are for the DDM that it names, and go to no other.
    """
    settings = load_settings()
    said = {ours: project.settings[theirs] for theirs, ours in _SETTINGS.items() if project.settings.get(theirs)}
    secrets = {ours: project.secrets[theirs] for theirs, ours in _SETTINGS.items() if theirs in project.secrets}
    own_ddm = "ddm_url" in said and "ddm_url" not in settings.model_fields_set
    for name, value in said.items():
        if name not in settings.model_fields_set:
            os.environ[f"PXW_{name.upper()}"] = str(value)
    if own_ddm and not _SIGN_IN & settings.model_fields_set:
        for name, secret in secrets.items():
            if secret.get_secret_value():
                os.environ[f"PXW_{name.upper()}"] = secret.get_secret_value()


def _setup(project: Project, graph: Workflow | Experiment, request: Asked) -> Setup:
    workflows = _workflows(graph)
    datasets = {node.name for workflow in workflows for node in workflow.datasets}
    places = {}
    for text in request.set:
        name, place = _pair("--set", text)
        if name not in datasets:
            raise ArgumentError(f"--set {text}: there is no dataset {name!r}", help=nearest(name, sorted(datasets)))
        places[name] = _spec(place)
    return Setup(
        conditions=project.conditions,
        configurations=project.configurations,
        executionware=str(project.settings.get("EXECUTIONWARE") or "PROACTIVE"),
        inclusive=request.project.range == "inclusive",
        seed=request.project.seed,
        parallel=_parallel(project, request.project.parallel),
        places=places,
        values=_values(graph, request.param),
    )


def _parallel(project: Project, given: int | None) -> int:
    """How many runs of a space go on at a time."""
    setting = "MAX_WORKFLOWS_IN_PARALLEL_PER_NODE"
    said, count = ("--parallel", given) if given is not None else (setting, project.settings.get(setting, 1))
    if type(count) is not int or count < 1:
        raise ArgumentError(
            f"{said} {count!r}: expected a whole number from 1 on",
            at=str(project.config) if said == setting else "",
        )
    return count


def _workflows(graph: Workflow | Experiment) -> list[Workflow]:
    return [graph] if isinstance(graph, Workflow) else [*graph.workflows, *(task.workflow for task in graph.tasks)]


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ArgumentError(f"{option} {text!r} is no name=value")
    return name.strip(), value


def _spec(place: str) -> Dataset:
    """A path, or a spec as JSON."""
    return TypeAdapter(Spec).validate_json(place) if place.startswith("{") else spec_of(place)


def _values(graph: Workflow | Experiment, given: Iterable[str]) -> dict[str, dict[str, Value]]:
    """Values for the parameters of a workflow's tasks: `Task.parameter`, or `parameter` where one task has it."""
    values: dict[str, dict[str, Value]] = {}
    for text in given:
        if isinstance(graph, Experiment):
            raise ArgumentError(
                f"-p {text}: the values of experiment {graph.name!r} come from its spaces",
                help="change the space, or run one of its workflows: --workflow NAME -p Task.parameter=value",
            )
        name, value = _pair("-p", text)
        parameters = {f"{task.name}.{each.name}": each for task in graph.tasks for each in task.parameters}
        found = [key for key in parameters if name in {key, key.partition(".")[2]}]
        if len(found) != 1:
            known = found or list(parameters)
            none = f"the tasks declare none; write `param {name.rpartition('.')[2]} = {value};` into one of them"
            raise ArgumentError(
                f"-p {text}: {'several tasks have' if found else 'no task has'} a parameter {name!r}",
                help=f"name one: {', '.join(found)}" if found else nearest(name, known) if known else none,
            )
        task, _, key = found[0].partition(".")
        values.setdefault(task, {})[key] = _cast(found[0], value, parameters[found[0]])
    return values


def _cast(name: str, text: str, parameter: Parameter) -> Value:
    try:
        value = as_type(text, parameter.type)
    except ValueError:
        raise ArgumentError(f"-p {name}={text}: a value of type {parameter.type} is expected") from None
    if parameter.domain is not None and value not in parameter.domain:
        raise ArgumentError(f"-p {name}={text}: expected {parameter.domain}")
    return value
