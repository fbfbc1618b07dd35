"""`pxw run`: run a flow, show how it is doing, and tell where its outputs are."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from cyclopts import Parameter
from rich.text import Text

from pxw.cli import FAILED, FOUND_ERRORS
from pxw.cli.check import report, walked
from pxw.cli.console import err
from pxw.cli.faults import exit_code, show
from pxw.cli.inputs import missing_inputs
from pxw.cli.progress import Waiting
from pxw.cli.session import Session
from pxw.cli.target import load_target, parameters
from pxw.errors import TargetError
from pxw.inline import InlineFlow
from pxw.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["command"]


def command(
    target: str,
    /,
    *,
    param: Annotated[list[str], Parameter(name=["--param", "-p"])] = [],  # noqa: B006 - cyclopts copies it
    set: list[str] = [],  # noqa: A002, B006 - the option's name; cyclopts copies it
    inline: bool = False,
    check: bool = False,
    temporary_server: bool = False,
    logs: bool = False,
    traceback: bool = False,
) -> int:
    """Run a flow.

    Before its first task the places and headers of the flow's inputs are looked at: a missing one is found at once.
    Where no Prefect API is configured, a local Prefect server is started in the background, or the one that runs is
    used.

    Parameters
    ----------
    target
        `file.py`, or `file.py:flow` where a file has several.
    param
        `name=value`: a parameter of the flow, as JSON or as text; `-p 'raw={"path": "x.csv"}'` is a dataset.
    set
        `dataset=path`: read, or write, a dataset elsewhere, with its format and schema as declared. `dataset` is a
        parameter of the flow that takes a spec (`--set raw=other.csv`), or a declared input of a task, which is then
        read from there whatever the flow passes (`--set process.dataset=other.csv`).
    inline
        Run in this process and without Prefect: no retries, no caching, no task runners.
    check
        Walk the flow first, as `pxw check` does, and run it only if nothing is found.
    temporary_server
        Use Prefect's own temporary server, which ends with the run.
    logs
        Show also what Prefect itself logs.
    traceback
        Show errors with the whole traceback.
    """
    try:
        flow = _flow(target, inline)
        given = parameters(flow, param, set)
        if check and _has_findings(flow, given):
            return FOUND_ERRORS
        missing = [] if check else missing_inputs(flow, given)
        for problem in missing:
            show(problem, full=traceback)
        if missing:
            return FAILED
        session = Session(flow.name, load_settings().home, traceback=traceback)
        if inline:
            return session.run(lambda: _inline(flow, given, session))
        return session.run(lambda: _on_prefect(flow, given, session, temporary=temporary_server, logs=logs))
    except Exception as error:
        show(error, full=traceback)
        return exit_code(error)


def _flow(target: str, inline: bool) -> Any:
    with Waiting(err(), f"reading {target}"):
        flow = load_target(target, inline_only=inline)
    if inline and not isinstance(flow, InlineFlow):
        raise TargetError(f"{flow.name!r} is a plain Prefect flow", help="--inline runs those of @pxw.flow")
    return flow


def _has_findings(flow: Any, given: dict[str, Any]) -> bool:
    walk = walked(flow, given)
    report(walk, err())
    return bool(walk.findings)


def _inline(flow: Any, given: dict[str, Any], session: Session) -> Any:
    run_id = f"inline-{uuid4()}"
    session.console.print(Text("inline: without Prefect, so no retries and no caching", style="dim"))

    def execute(on_start: Callable[[str], None]) -> Any:
        on_start(run_id)
        result = flow.with_options(run_id=run_id)(**given)
        return asyncio.run(result) if inspect.iscoroutine(result) else result

    return session.follow(execute)


def _on_prefect(flow: Any, given: dict[str, Any], session: Session, *, temporary: bool, logs: bool) -> Any:
    from pxw import prefect_flows  # noqa: PLC0415 - --inline does not pay for Prefect

    url = None if temporary else _server_url(session)
    with ExitStack() as stack:
        stack.enter_context(prefect_flows.logging_to(session.console, everything=logs))
        stack.enter_context(prefect_flows.at_server(url))
        session.page = prefect_flows.ui_of(url)
        return session.follow(lambda on_start: prefect_flows.run_flow(flow, given, on_start))


def _server_url(session: Session) -> str:
    """The API that is configured, or that of the local server, which is started if it does not run."""
    from pxw import prefect_flows, prefect_server  # noqa: PLC0415 - --inline does not pay for Prefect

    url = prefect_flows.configured_url()
    if url is not None:
        prefect_flows.refuse_unreachable(url)
        return url
    with Waiting(session.console, "looking for the local Prefect server") as waiting:
        server, is_new = prefect_server.ensure(session.home, waiting.say)
    words = "started a local Prefect server" if is_new else "the local Prefect server"
    ends = ", ended by `pxw server stop`" if is_new else ""
    session.console.print(Text(f"{words}: {server.ui}{ends}", style="dim"))
    return server.url
