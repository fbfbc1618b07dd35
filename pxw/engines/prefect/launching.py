"""Run a flow on Prefect from the command line: at which server, with which patience."""

from __future__ import annotations

import asyncio
import inspect
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect import flow_engine as engine
from prefect.client.orchestration import get_client
from prefect.context import SettingsContext, get_settings_context, refresh_global_settings_context
from prefect.events.worker import EventsWorker
from prefect.exceptions import ObjectNotFound, TerminationSignal
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL
from prefect.states import Pending
from prefect.utilities.callables import get_call_parameters

from pxw.errors import ServerError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from prefect.client.schemas.objects import FlowRun

__all__ = ["at_server", "configured_url", "refuse_unreachable", "run_flow", "ui_of"]


def configured_url() -> str | None:
    """The API that the environment or Prefect's profile names."""
    url = PREFECT_API_URL.value()
    return str(url) if url else None


def refuse_unreachable(url: str) -> None:
    """Ask the configured API whether it is there.

    Raises:
        ServerError: it is not.
    """
    with get_client(sync_client=True, httpx_settings={"timeout": 10}) as client:
        problem = client.api_healthcheck()
    if problem is not None:
        raise ServerError(
            f"no Prefect server answers at {url}",
            at="PREFECT_API_URL, or Prefect's profile",
            details=[f"{type(problem).__name__}: {problem}"],
            help="start it, or unset PREFECT_API_URL (pxw then starts one), or use --temporary-server or --inline",
        )


_PATIENT = 6  # waits of 2, 4, ... 64 seconds: an API that is away for a minute is waited for


@contextmanager
def at_server(url: str | None) -> Iterator[None]:
    """Use this API, or a temporary one (None), while the block runs; without heartbeats, and with patience.

    Every flow waits up to a second for its heartbeat's thread when it ends. Heartbeats tell a server that a process
    died; this one has somebody watching it.
    """
    now = get_settings_context()
    before = now.settings
    changes: dict[str, Any] = {
        "api": before.api.model_copy(update={"url": url}),
        "flows": before.flows.model_copy(update={"heartbeat_frequency": None}),
        "ui_url": ui_of(url) or None,
    }
    if "max_retries" not in before.client.model_fields_set:
        changes["client"] = before.client.model_copy(update={"max_retries": _PATIENT})
    if url is None:
        ephemeral = before.server.ephemeral.model_copy(update={"enabled": True})
        changes["server"] = before.server.model_copy(update={"ephemeral": ephemeral})
    settings = before.model_copy(update=changes)
    with _everywhere(url), SettingsContext(profile=now.profile, settings=settings):
        yield
        _drain()


@contextmanager
def _everywhere(url: str | None) -> Iterator[None]:
    """Tell also the processes that a task runner starts, and the threads that bring what these tell to the API."""
    before = os.environ.get("PREFECT_API_URL")
    _tell(url, before)
    try:
        yield
    finally:
        _tell(before, url)


def _tell(url: str | None, before: str | None) -> None:
    if url == before:
        return
    os.environ.pop("PREFECT_API_URL", None)
    if url is not None:
        os.environ["PREFECT_API_URL"] = url
    refresh_global_settings_context()  # what a thread of Prefect's knows whose context is not a copy of ours


def _drain() -> None:
    """Send what is still to be sent, here rather than at the exit of the process, where it would be warned of."""
    APILogWorker.drain_all(timeout=_DRAIN)
    EventsWorker.drain_all(timeout=_DRAIN)


_DRAIN = 20  # seconds


def ui_of(url: str | None) -> str:
    """The address for a browser that belongs to an API; a temporary server (None) has none."""
    if url is None:
        return ""
    return str(PREFECT_UI_URL.value()) if url == configured_url() else url.removesuffix("/api")


def run_flow(flow: Any, parameters: dict[str, Any], on_start: Callable[[str], None], resume: str = "") -> Any:
    """Run a flow, and give what it returns.

    Args:
        flow: of ours, or of Prefect.
        parameters: those that differ from its defaults.
        on_start: told the flow run's id.
        resume: the id of a flow run that is to go on; it has parameters of its own.
    """

    def started(_flow: Any, flow_run: Any, _state: Any) -> None:
        on_start(str(flow_run.id))

    watched = flow.with_options(on_running=[*flow.on_running_hooks, started])
    if not resume:
        result = watched(**parameters)
    else:
        flow_run = _scheduled_again(resume)
        given = get_call_parameters(watched.fn, (), {**flow_run.parameters, **parameters})
        result = engine.run_flow(watched, flow_run=flow_run, parameters=given)
    return _awaited(result) if inspect.iscoroutine(result) else result


def _awaited(result: Coroutine[Any, Any, Any]) -> Any:
    """Run an async flow to its end, and tell of SIGTERM as Prefect does after a sync one: by the handler before its."""
    try:
        return asyncio.run(result)
    except TerminationSignal as told:
        os.kill(os.getpid(), told.signal)
        raise


def _scheduled_again(run_id: str) -> FlowRun:
    """A flow run, ready to be executed again under its own id, as `prefect flow-run retry` does it.

    Raises:
        TargetError: this server does not know it.
    """
    try:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(UUID(run_id), Pending(message="Resumed"), force=True)
            return client.read_flow_run(UUID(run_id))
    except (ObjectNotFound, ValueError) as error:
        raise TargetError(
            f"the Prefect server at {configured_url()} knows no flow run {run_id}",
            help="use the server that it was started on, or go on with it by --inline",
        ) from error
