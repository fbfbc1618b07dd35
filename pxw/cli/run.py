"""`pxw run`: run a flow, show how it is doing, and tell where its outputs are."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from cyclopts import Parameter
from rich.text import Text

from pxw.cli import FAILED, FOUND_ERRORS
from pxw.cli.check import report, walked
from pxw.cli.console import err
from pxw.cli.embedded import ensure_ddm
from pxw.cli.faults import exit_code, show
from pxw.cli.inputs import missing_inputs
from pxw.cli.prints import scripts_printing_to
from pxw.cli.progress import Waiting
from pxw.cli.project_options import ProjectOptions
from pxw.cli.resuming import Asked
from pxw.cli.server import server_url
from pxw.cli.session import Session
from pxw.cli.target import awaited, is_xxp, load_target, parameters
from pxw.compat.asking import asker
from pxw.engines.inline import InlineFlow
from pxw.errors import TargetError
from pxw.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pxw.compat.asking import Ask
    from pxw.settings import Settings

__all__ = ["command"]


def command(
    target: str = "",
    /,
    *,
    param: Annotated[list[str], Parameter(name=["--param", "-p"])] = [],  # noqa: B006 - cyclopts copies it
    set: list[str] = [],  # noqa: A002, B006 - the option's name; cyclopts copies it
    resume: str = "",
    inline: bool = False,
    check: bool = False,
    temporary_server: bool = False,
    logs: bool = False,
    traceback: bool = False,
    project: ProjectOptions = ProjectOptions(),  # noqa: B008 - it is frozen
) -> int:
    """Run a flow, or a workflow or experiment of the old system.

    Before its first task the places and headers of the flow's inputs are looked at: a missing one is found at once.
    Where no Prefect API is configured, a local Prefect server is started in the background, or the one that runs is
    used.

    Parameters
    ----------
    target
        `file.py`, or `file.py:flow` where a file has several; `file.xxp`, or `file.xxp:Name`.
    param
        `name=value`: a parameter of the flow, as JSON or as text; `-p 'raw={"path": "x.csv"}'` is a dataset. Of a
        `.xxp` workflow: `Task.parameter=value`.
    set
        `dataset=path`: read, or write, a dataset elsewhere, with its format and schema as declared. `dataset` is a
        parameter of the flow that takes a spec (`--set raw=other.csv`), or a declared input of a task, which is then
        read from there whatever the flow passes (`--set process.dataset=other.csv`).
    resume
        The id of a run that did not finish, or `last`: go on with it, and reuse what its finished tasks gave. Target
        and parameters are those that it was started with.
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
    project
        Those of `.xxp` files.
    """
    try:
        settings = load_settings()
        asked = Asked(target=target, param=param, set=set, inline=inline, project=project)
        if resume:
            asked = asked.resuming(resume, settings)
        return _run(asked, settings, check=check, temporary_server=temporary_server, logs=logs, traceback=traceback)
    except Exception as error:
        show(error, full=traceback)
        return exit_code(error)


def _run(asked: Asked, settings: Settings, *, check: bool, temporary_server: bool, logs: bool, traceback: bool) -> int:
    if not asked.target:
        raise TargetError("nothing is named to run", help="name a file: pxw run flow.py; pxw run --help tells the rest")
    if is_xxp(asked.target):
        from pxw.cli.xxp import Chosen  # noqa: PLC0415 - a Python flow does not pay for the language

        chosen = Chosen.of(asked.target, asked, err())
        if chosen is None:
            return FOUND_ERRORS
        ensure_ddm(err())
        session = Session(chosen.graph.name, asked, settings, traceback=traceback)
        ask = session.ask if sys.stdin.isatty() else _asked_elsewhere(asked.inline or temporary_server)
        flow, given, missing = chosen.flow(inline_only=asked.inline, ask=ask), {}, chosen.missing_inputs()
    else:
        flow = _flow(asked.target, asked.inline)
        session = Session(flow.name, asked, settings, traceback=traceback)
        asker.set(session.ask if sys.stdin.isatty() else None)
        given = parameters(flow, asked.param, asked.set)
        ensure_ddm(err())
        if check and _has_findings(flow, given):
            return FOUND_ERRORS
        missing = [] if check else missing_inputs(flow, given)
    for problem in missing:
        show(problem, full=traceback)
    if missing:
        return FAILED
    if asked.inline:
        return session.run(lambda: _inline(flow, given, session, asked.resume))
    url = None if temporary_server else server_url(session.console, settings.home)
    return session.run(lambda: _on_prefect(flow, given, session, url, logs=logs, resume=asked.resume))


def _asked_elsewhere(is_alone: bool) -> Ask | None:
    """Who answers a run that nobody started at a terminal: whoever looks at Prefect's page of it."""
    if is_alone:
        return None
    from pxw.engines.prefect.pausing import pause  # noqa: PLC0415 - --inline does not pay for Prefect

    return pause


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


def _inline(flow: Any, given: dict[str, Any], session: Session, resume: str) -> Any:
    run_id = resume or f"inline-{uuid4()}"
    session.console.print(Text("inline: without Prefect, so no retries and no caching", style="dim"))

    def execute(on_start: Callable[[str], None]) -> Any:
        on_start(run_id)
        with scripts_printing_to(session.console):
            return awaited(flow.with_options(run_id=run_id)(**given))

    return session.follow(execute)


def _on_prefect(flow: Any, given: dict[str, Any], session: Session, url: str | None, *, logs: bool, resume: str) -> Any:
    from pxw.engines.prefect import launching  # noqa: PLC0415 - --inline does not pay for Prefect
    from pxw.engines.prefect.logs import logging_to  # noqa: PLC0415 - as above

    with ExitStack() as stack:
        stack.enter_context(logging_to(session.console, everything=logs))
        stack.enter_context(launching.at_server(url))
        session.page = launching.ui_of(url)
        return session.follow(lambda on_start: launching.run_flow(flow, given, on_start, resume))
