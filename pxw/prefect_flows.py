"""Run a flow on Prefect from the command line, and keep plain Prefect tasks from running in a walk."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import prefect
from prefect import flow_engine as engine
from prefect.client.orchestration import get_client
from prefect.context import SettingsContext, get_settings_context
from prefect.events.worker import EventsWorker
from prefect.exceptions import ObjectNotFound
from prefect.logging.configuration import setup_logging
from prefect.logging.handlers import APILogWorker, PrefectConsoleHandler
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL
from prefect.states import Pending
from prefect.utilities.callables import get_call_parameters

from pxw.errors import ServerError, TargetError
from pxw.inline import Done, DoneList
from pxw.walks import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prefect.client.schemas.objects import FlowRun
    from rich.console import Console

__all__ = ["at_server", "configured_url", "logging_to", "refuse_unreachable", "run_flow", "stand_ins", "ui_of"]


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
    with _environment("PREFECT_API_URL", url), SettingsContext(profile=now.profile, settings=settings):
        yield
        _drain()


@contextmanager
def _environment(name: str, value: str | None) -> Iterator[None]:
    """Set a variable, for the processes that a task runner starts."""
    before = os.environ.get(name)
    _set(name, value)
    try:
        yield
    finally:
        _set(name, before)


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


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
    return asyncio.run(result) if inspect.iscoroutine(result) else result


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


# Logs ----------------------------------------------------------------------------------------------------------------


class _ToConsole(logging.Handler):
    def __init__(self, console: Console, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self._console = console
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        style = "red" if record.levelno >= logging.ERROR else "yellow" if record.levelno >= logging.WARNING else "dim"
        self._console.print(self.format(record), style=style, markup=False)


_PREFECT = f"{Path(prefect.__file__).parent}/"
_TOLD = ("task_engine", "flow_engine", "engine", "task_runners", "futures", "services")


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record is the user's own, or a warning; what the progress shows already is none."""
    if not record.pathname.startswith(_PREFECT):
        return True
    return record.levelno >= (logging.CRITICAL if record.module in _TOLD else logging.WARNING)


@contextmanager
def logging_to(console: Console, *, everything: bool) -> Iterator[None]:
    """Send what Prefect would write to the terminal to our console, while the block runs.

    Args:
        console: where the progress is shown, too.
        everything: also Prefect's own lines about states, which the progress shows in its own way.
    """
    setup_logging()
    with ExitStack() as undo:
        for handler in [handler for handler in logging.root.handlers if isinstance(handler, PrefectConsoleHandler)]:
            ours = _ToConsole(console, handler.formatter)
            if not everything:
                ours.addFilter(_is_news)
            logging.root.removeHandler(handler)
            logging.root.addHandler(ours)
            undo.callback(logging.root.addHandler, handler)
            undo.callback(logging.root.removeHandler, ours)
        yield


# Walks ---------------------------------------------------------------------------------------------------------------


@contextmanager
def stand_ins() -> Iterator[None]:
    """While the block walks a flow, plain Prefect tasks give a value that nobody knows, and their bodies do not run."""
    stands: dict[type, dict[str, Any]] = {
        prefect.Task: {"__call__": _called, "submit": _submitted, "map": _mapped, "delay": _submitted},
        prefect.Flow: {"__call__": _walked},
    }
    with ExitStack() as undo:
        for owner, methods in stands.items():
            for name, stand in methods.items():
                undo.callback(setattr, owner, name, getattr(owner, name))
                setattr(owner, name, stand)
        yield


def _called(task: Any, *_args: Any, **_kwargs: Any) -> Any:
    unknown = Unknown(f"task {task.name!r}")

    async def later() -> Unknown:
        return unknown

    return later() if inspect.iscoroutinefunction(task.fn) else unknown


def _submitted(task: Any, *_args: Any, **_kwargs: Any) -> Done:
    return Done(lambda: Unknown(f"task {task.name!r}"))


def _mapped(task: Any, *_args: Any, **_kwargs: Any) -> DoneList:
    return DoneList([_submitted(task)])


def _walked(flow: Any, *args: Any, **kwargs: Any) -> Any:
    return flow.fn(*args, **kwargs)
