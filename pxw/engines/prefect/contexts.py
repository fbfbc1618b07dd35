"""Where the code at hand is, as Prefect's contexts say: in which run."""

from __future__ import annotations

import random
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING

from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext, TaskRunContext
from prefect.utilities.visualization import get_task_viz_tracker

from pxw.runs import Run, open_run
from pxw.threads import is_beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from prefect.client.schemas.objects import FlowRun

__all__ = ["counted", "current_run", "in_prefect", "run_of"]


def in_prefect() -> bool:
    """Whether Prefect runs this code."""
    return FlowRunContext.get() is not None or TaskRunContext.get() is not None or get_task_viz_tracker() is not None


@contextmanager
def counted() -> Iterator[None]:
    """Let Prefect count the calls of tasks and flows, but for those that go on side by side: they have no order.

    When a flow is tried again, Prefect takes by that number the result that an earlier attempt kept of a call: it would
    be that of another one.
    """
    context = FlowRunContext.get()
    if context is None or not is_beside():
        yield
    else:
        with context.model_copy(update={"task_run_dynamic_keys": _Unrepeated()}):
            yield


class _Unrepeated(dict[str, int]):
    """Numbers of calls that no other call has."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> int:
        return random.SystemRandom().getrandbits(48)


def current_run() -> Run:
    """The run that Prefect's context names; a task on its own is a run of its own."""
    flow, task_run = FlowRunContext.get(), TaskRunContext.get()
    if flow is not None and flow.flow_run is not None:
        return run_of(flow.flow_run, flow.flow.name if flow.flow else "")
    if task_run is not None:
        return open_run(str(task_run.task_run.flow_run_id or task_run.task_run.id), "")
    return open_run("tasks", "")


def run_of(flow_run: FlowRun, flow: str) -> Run:
    """The run that a flow run of Prefect is, in whichever process this is."""
    return open_run(str(flow_run.id), flow, partial(_deployment, flow_run.deployment_id))


@cache
def _deployment(deployment_id: UUID | None) -> str:
    """The name of a deployment; runs without one have the old system's word for it."""
    if deployment_id is None:
        return "run"
    with get_client(sync_client=True) as client:
        return client.read_deployment(deployment_id).name
