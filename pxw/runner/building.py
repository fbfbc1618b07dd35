"""From a graph to a flow of whichever engine is active."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pxw
from pxw.compat import Job
from pxw.errors import DSLError
from pxw.runner.experiments import run_experiment
from pxw.runner.scripts import Work
from pxw.runner.workflows import run_workflow
from pxw.workflow import Workflow

if TYPE_CHECKING:
    from pxw.experiment import Experiment
    from pxw.runner.setup import Setup

__all__ = ["flow_of"]


def flow_of(graph: Workflow | Experiment, setup: Setup) -> Any:
    """A flow that runs a workflow or an experiment; `pxw.importing.inline()` decides the engine, as for users' files.

    Raises:
        DSLError: a task that waits for a person, or has no implementation.
    """
    workflows = [graph] if isinstance(graph, Workflow) else list(graph.workflows)
    for workflow in workflows:
        _refuse_unrunnable(workflow)
    task, flow = pxw.task, pxw.flow

    def run() -> Any:
        if isinstance(graph, Workflow):
            job = Job(workflow=graph.name, id=uuid4().hex[:12], management=setup.management)
            return dict(run_workflow(Work(graph, setup, job), task).outputs)
        return run_experiment(graph, setup, task)

    run.__name__ = run.__qualname__ = graph.name
    run.__doc__ = graph.description or f"{type(graph).__name__} {graph.name}."
    return flow(name=graph.name)(run)


def _refuse_unrunnable(workflow: Workflow) -> None:
    for task in workflow.tasks:
        if task.interactive:
            raise DSLError(
                f"task {task.name!r} of {workflow.name!r} waits for a person",
                at=str(task.at or ""),
                help="run it by hand",
            )
        if task.script is None:
            raise DSLError(f"task {task.name!r} of {workflow.name!r} has no implementation", at=str(task.at or ""))
