"""`pxw run`: run a flow, show how it is doing, and tell where its outputs are."""

from __future__ import annotations

import asyncio
import inspect
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from cyclopts import Parameter
from rich.text import Text

from pxw.cli import FAILED, FOUND_ERRORS, INTERRUPTED, WRONG_USE
from pxw.cli.console import err, out, seconds, shown_path
from pxw.cli.faults import exit_code, show
from pxw.errors import PxwError, TargetError
from pxw.runs import folder_of
from pxw.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console

    from pxw.cli.journal import Progress

__all__ = ["command"]


def command(
    target: str,
    /,
    *,
    param: Annotated[list[str], Parameter(name=["--param", "-p"], negative="")] = [],  # noqa: B006 - cyclopts copies it
    set: Annotated[list[str], Parameter(negative="")] = [],  # noqa: A002, B006 - the option's name; cyclopts copies it
    inline: Annotated[bool, Parameter(negative="")] = False,
    check: Annotated[bool, Parameter(negative="")] = False,
    temporary_server: Annotated[bool, Parameter(negative="")] = False,
    logs: Annotated[bool, Parameter(negative="")] = False,
    traceback: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Run a flow.

    Before its first task the places and headers of the flow's inputs are looked at: a missing one is found at once.
    Where no Prefect API is configured, a local Prefect server is started in the background, or the one that runs is used.

    Parameters
    ----------
    target
        `file.py`, or `file.py:flow` where a file has several.
    param
        `name=value`: a parameter of the flow, as JSON or as text; `-p 'raw={"path": "x.csv"}'` is a dataset.
    set
        `dataset=path`: read, or write, a dataset elsewhere, with its format and schema as declared. `dataset` is a
        parameter of the flow that takes a spec (`--set raw=other.csv`), or a declared input of a task, which is then read
        from there whatever the flow passes (`--set process.dataset=other.csv`).
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
        flow = _target(target, inline)
        try:
            given = _parameters(flow, param, set)
        except PxwError as error:
            show(error, full=traceback)
            return WRONG_USE
        problems = _problems(flow, given, walk=check)
        if problems:
            return FOUND_ERRORS if check else FAILED
        session = Session(flow.name, load_settings().home, traceback=traceback)
        if inline:
            return session.run(lambda: _inline(flow, given, session))
        return session.run(lambda: _on_prefect(flow, given, session, temporary=temporary_server, logs=logs))
    except Exception as error:  # noqa: BLE001 - the user's code may raise anything
        show(error, full=traceback)
        return exit_code(error)


def _target(target: str, inline: bool) -> Any:
    from pxw.cli.target import load_target  # noqa: PLC0415 - --help does not pay for it
    from pxw.inline import InlineFlow  # noqa: PLC0415 - as above

    flow = load_target(target, inline_only=inline)
    if inline and not isinstance(flow, InlineFlow):
        raise TargetError(f"{flow.name!r} is a plain Prefect flow", help="--inline runs those of @pxw.flow")
    return flow


def _parameters(flow: Any, given: list[str], moved: list[str]) -> dict[str, Any]:
    from pxw.cli.target import parameters  # noqa: PLC0415 - --help does not pay for it

    return parameters(flow, given, moved)


def _problems(flow: Any, given: dict[str, Any], *, walk: bool) -> list[PxwError]:
    """Look before the run, and show what is found."""
    from pxw.cli.check import report, walked  # noqa: PLC0415 - --help does not pay for it
    from pxw.cli.inputs import missing_inputs  # noqa: PLC0415 - as above

    if walk:
        found = walked(flow, given)
        report(found, err())
        return found.findings
    findings = missing_inputs(flow, given)
    for error in findings:
        show(error)
    return findings


class Session:
    """One run as its user sees it: progress, the closing table, the end.

    Args:
        flow: the flow's name.
        home: `PXW_HOME`.
        traceback: show errors with the whole traceback.
    """

    def __init__(self, flow: str, home: Path, *, traceback: bool) -> None:
        from pxw.cli.journal import Follower, Progress  # noqa: PLC0415 - --help does not pay for it

        self.home = home
        self.console = err()
        self.progress: Progress = Progress()
        self.page: Callable[[str], str] = lambda _: ""
        self._follower = Follower(home / "runs", self._take)
        self._show: Callable[[dict[str, Any]], None] = self.progress.take
        self._flow = flow
        self._run_id = ""
        self._traceback = traceback
        self._began = time.monotonic()

    def run(self, execute: Callable[[], Any]) -> int:
        """Run, and give the exit code."""
        from pxw.cli.interrupts import interruptible  # noqa: PLC0415 - --help does not pay for it

        try:
            with interruptible(self._say_interrupted):
                returned = execute()
        except KeyboardInterrupt:
            return INTERRUPTED
        except Exception as error:  # noqa: BLE001 - the user's code may raise anything
            show(error, console=self.console, full=self._traceback)
            self._say("failed", "red")
            return exit_code(error)
        self._close(returned)
        return 0

    def follow(self, execute: Callable[[Callable[[str], None]], Any]) -> Any:
        """Show the progress of what is executed; it tells the run's id as soon as there is one."""
        from pxw.cli.progress import showing  # noqa: PLC0415 - --help does not pay for it

        self._began = time.monotonic()
        with showing(self.console, self.progress) as self._show:
            self._follower.start()
            try:
                return execute(self._started)
            finally:
                self._follower.stop()

    def _started(self, run_id: str) -> None:
        self._run_id = run_id
        self._follower.watch(run_id)

    def _take(self, event: dict[str, Any]) -> None:
        self._show(event)

    def _close(self, returned: Any) -> None:
        from pxw.cli.outputs import outputs_of, table_of  # noqa: PLC0415 - --help does not pay for it

        outputs = outputs_of(self.progress.saved, returned, self.home / "runs")
        if outputs:
            out().print(table_of(outputs))
        self._say("done", "green")
        failed = [task.name for task in self.progress.tasks.values() if task.count("failed")]
        if failed:
            text = f"the flow went on although a task failed: {', '.join(failed)}"
            self.console.print(Text.assemble(("warning", "bold yellow"), f": {text}"))

    def _say(self, how: str, style: str) -> None:
        ran = sum(len(task.states) for task in self.progress.tasks.values())
        words = f" in {seconds(time.monotonic() - self._began)}, {ran} task{'' if ran == 1 else 's'}"
        line = Text.assemble((f"{self._flow} {how}", f"bold {style}"), words)
        page = self.page(self._run_id) if self._run_id else ""
        self.console.print(line.append(f"\n{page}" if page else f", run {self._run_id}", style="dim"))

    def _say_interrupted(self) -> None:
        done = sum(task.count("done") for task in self.progress.tasks.values())
        ran = sum(len(task.states) for task in self.progress.tasks.values())
        saved = [event["place"] for event in self.progress.saved if event["place"]]
        outputs = [place for place in saved if not place.startswith(f"{self.home}/runs/")]
        lines = Text.assemble((f"{self._flow} interrupted", "bold yellow"), f" after {done} of {ran} started tasks")
        lines.append("\n   = nothing is half-written: a dataset is there as a whole, or not at all")
        if self._run_id:
            folder = shown_path(folder_of(self._run_id, self.home))
            lines.append(f"\n   = intermediates stay in {folder} until `pxw gc` removes them")
        if outputs:
            lines.append(f"\n   = written already: {', '.join(map(shown_path, dict.fromkeys(outputs)))}")
        self.console.print(lines)


def _inline(flow: Any, given: dict[str, Any], session: Session) -> Any:
    run_id = f"inline-{uuid4()}"
    session.console.print(Text("inline: without Prefect, so no retries and no caching", style="dim"))

    def execute(on_start: Callable[[str], None]) -> Any:
        on_start(run_id)
        result = flow.with_options(run_id=run_id)(**given)
        return asyncio.run(result) if inspect.iscoroutine(result) else result

    return session.follow(execute)


def _on_prefect(flow: Any, given: dict[str, Any], session: Session, *, temporary: bool, logs: bool) -> Any:
    from pxw import prefect_flows  # noqa: PLC0415 - --help and --inline do not pay for Prefect

    url = None if temporary else _server_url(session)
    with ExitStack() as stack:
        stack.enter_context(prefect_flows.at_server(url))
        stack.enter_context(prefect_flows.logging_to(session.console, everything=logs))
        session.page = prefect_flows.ui_of
        return session.follow(lambda on_start: prefect_flows.run_flow(flow, given, on_start))


def _server_url(session: Session) -> str:
    """The API that is configured, or that of the local server, which is started if it does not run."""
    from pxw import prefect_flows, prefect_server  # noqa: PLC0415 - --help and --inline do not pay for Prefect

    url = prefect_flows.configured_url()
    if url is not None:
        prefect_flows.refuse_unreachable(url)
        return url
    with _Waiting(session.console) as waiting:
        server, is_new = prefect_server.ensure(session.home, waiting.say)
    words = "started a local Prefect server" if is_new else "the local Prefect server"
    ends = ", ended by `pxw server stop`" if is_new else ""
    session.console.print(Text(f"{words}: {server.ui}{ends}", style="dim"))
    return server.url


class _Waiting:
    """A line that says what is being waited for; it appears only if there is something."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("", spinner_style="cyan")
        self._is_shown = False

    def __enter__(self) -> _Waiting:
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def say(self, words: str) -> None:
        """Show these words now."""
        if self._console.is_terminal:
            self._status.update(words)
            self._status.start()
        elif not self._is_shown:
            self._console.print(words)
        self._is_shown = True
