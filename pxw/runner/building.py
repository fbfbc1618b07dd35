"""From a graph to a flow of whichever engine is active."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pxw
from pxw.compat import Job
from pxw.experiment import Experiment
from pxw.runner.asking import asking
from pxw.runner.experiments import plan
from pxw.runner.tasks import Work, refuse_unrunnable
from pxw.runner.workflows import run_workflow
from pxw.runs import active, open_run
from pxw.scripts import task_maker
from pxw.workflow import DataRef, PortRef, Workflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from pxw.runner.setup import Setup
    from pxw.runner.tasks import Handed
    from pxw.specs import Ref

__all__ = ["flow_of"]


def flow_of(graph: Workflow | Experiment, setup: Setup) -> Any:
    """A flow that runs a workflow or an experiment; `pxw.importing.inline()` decides the engine, as for users' files.

    That of a workflow returns the references to its output datasets, by their names; that of an experiment
    `results[node][run]`.

    Raises:
        DSLError: what cannot be run, or a space without configurations.
    """
    run = _of_experiment(graph, setup) if isinstance(graph, Experiment) else _of_workflow(graph, setup)
    run.__name__ = run.__qualname__ = graph.name
    run.__doc__ = graph.description or f"{type(graph).__name__} {graph.name}."
    return pxw.flow(name=graph.name, validate_parameters=False)(run)  # it has none, and to look costs 30 ms


def _of_workflow(workflow: Workflow, setup: Setup) -> Callable[[], Any]:
    refuse_unrunnable(workflow, setup)
    make = task_maker()

    def run() -> Any:
        work = Work(workflow, setup, Job(workflow=workflow.name), setup.values)
        return _outputs(workflow, run_workflow(work, make))

    return run


def _outputs(workflow: Workflow, handed: Handed) -> dict[str, Ref]:
    """The references to a workflow's output datasets; those of branches that were not chosen are not there."""
    return {
        link.target.name: handed[link.source.task].outputs[link.source.port]
        for link in workflow.data_links
        if isinstance(link.source, PortRef) and isinstance(link.target, DataRef) and link.source.task in handed
    }


def _of_experiment(experiment: Experiment, setup: Setup) -> Callable[[], Any]:
    experiment = replace(experiment, tasks=tuple(map(asking, experiment.tasks)))
    for workflow in (*experiment.workflows, *(task.workflow for task in experiment.tasks)):
        refuse_unrunnable(workflow, setup)
    for each in experiment.control.transitions:
        setup.refuse_undecidable(each.condition or "", each.kind if each.condition else "expression", each.at)
    planned, make = plan(experiment, setup), task_maker()

    def run() -> Any:
        return planned.run(active.get() or open_run(str(uuid4()), experiment.name), make)

    return run
