"""`pxw check`: walk a flow without running its tasks, and report all that would go wrong."""

from __future__ import annotations

import asyncio
import inspect
import sys
from contextlib import ExitStack, redirect_stdout
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from pxw.cli import DONE, FOUND_ERRORS, WRONG_USE
from pxw.cli.console import err, out, print_json
from pxw.cli.faults import as_json, show
from pxw.errors import PxwError, SettingsError, TargetError

if TYPE_CHECKING:
    from rich.console import Console

    from pxw.walks import Walk

__all__ = ["command", "report", "walked"]


def command(
    target: str,
    /,
    *,
    param: Annotated[list[str], Parameter(name=["--param", "-p"], negative="")] = [],  # noqa: B006 - cyclopts copies it
    set: Annotated[list[str], Parameter(negative="")] = [],  # noqa: A002, B006 - the option's name; cyclopts copies it
    json: Annotated[bool, Parameter(negative="")] = False,
    traceback: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Walk a flow without running its tasks, and report all that would go wrong.

    Every edge between tasks is compared, schema against schema; every input must be there, be readable, and have a header
    that fits its schema. The flow's own body does run, but no task's. Where it asks for the value of a task, the walk
    ends, and says so.

    Parameters
    ----------
    target
        `file.py`, or `file.py:flow` where a file has several.
    param
        `name=value`: a parameter of the flow, as for `pxw run`.
    set
        `dataset=path`: read, or write, a dataset elsewhere, as for `pxw run`.
    json
        Print one JSON object: `flow`, `tasks` (names, in order), `edges` (how many were compared), `stopped` (file, line
        and reason, or null) and `findings` (`code`, `message`, `at`, `details`, `help`; `code` is null for an error of
        the user's own code).
    traceback
        Show errors with the whole traceback.
    """
    from pxw.cli.target import load_target, parameters  # noqa: PLC0415 - --help does not pay for it
    from pxw.walks import Walk  # noqa: PLC0415 - as above

    console = err() if json else out()
    name, walk, crash = "", Walk(), None
    with redirect_stdout(sys.stderr):  # what the user's file prints is no part of the report
        try:
            flow = load_target(target, inline_only=True)
            name = flow.name
            try:
                given = parameters(flow, param, set)
            except PxwError as error:
                show(error, full=traceback)
                return WRONG_USE
            walk = walked(flow, given)
        except (SettingsError, TargetError):
            raise
        except Exception as error:  # noqa: BLE001 - the user's code may raise anything
            crash = error
    return _tell(name, walk, crash, console, json=json, traceback=traceback)


def _tell(
    name: str, walk: Walk, crash: Exception | None, console: Console, *, json: bool, traceback: bool
) -> int:
    faults = [*walk.findings, *([crash] if crash else [])]
    if json:
        findings = [as_json(fault) for fault in faults]
        print_json(
            {
                "flow": name or None,
                "tasks": walk.tasks,
                "edges": walk.edges,
                "stopped": walk.stopped or None,
                "findings": findings,
            }
        )
    else:
        report(walk, console, crash, traceback=traceback)
    return FOUND_ERRORS if faults else DONE


def walked(flow: Any, given: dict[str, Any]) -> Walk:
    """Walk a flow: no body of a task runs."""
    from pxw.walks import Walk  # noqa: PLC0415 - --help does not pay for it

    walk = Walk()
    with ExitStack() as stack:
        if "prefect" in sys.modules:
            from pxw.prefect_flows import stand_ins  # noqa: PLC0415 - only if the user's file imports Prefect

            stack.enter_context(stand_ins())
        with walk.going():
            result = flow(**given)
            if inspect.iscoroutine(result):
                asyncio.run(result)
    return walk


def report(walk: Walk, console: Console, crash: Exception | None = None, *, traceback: bool = False) -> None:
    """Print all findings of a walk, and how far it came."""
    faults = [*walk.findings, *([crash] if crash else [])]
    for fault in faults:
        show(fault, console=console, full=traceback)
        console.print()
    if walk.stopped:
        text = Text.assemble(("note", "bold cyan"), f": the walk ended at {walk.stopped}")
        console.print(text.append("\n   = what comes after it was not looked at", style="dim"))
    looked = f"{_many(len(walk.tasks), 'task')} and {_many(walk.edges, 'edge')} looked at"
    verdict = (_many(len(faults), "error"), "bold red") if faults else ("no errors", "bold green")
    console.print(Text.assemble(verdict, f", {looked}"))


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
