"""`pxw check`: walk a flow without running its tasks, and report all that would go wrong."""

from __future__ import annotations

import sys
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from pxw.cli import DONE, FOUND_ERRORS, WRONG_USE
from pxw.cli.console import err, out, print_json
from pxw.cli.embedded import use_running
from pxw.cli.faults import WrongUseError, as_json, exit_code, show
from pxw.cli.target import awaited, is_xxp, load_target, parameters
from pxw.errors import SettingsError, TargetError
from pxw.walks import Walk

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["command", "report", "walked"]


def command(
    target: str,
    /,
    *more: str,
    param: Annotated[list[str], Parameter(name=["--param", "-p"])] = [],  # noqa: B006 - cyclopts copies it
    set: list[str] = [],  # noqa: A002, B006 - the option's name; cyclopts copies it
    json: bool = False,
    traceback: bool = False,
    config: str | None = None,
    syntax: bool = False,
    gcc: bool = False,
) -> int:
    """Walk a flow, or read a `.xxp` project, without running any task, and report all that would go wrong.

    Every edge between tasks is compared, schema against schema; every input must be there, be readable, and have a
    header that fits its schema. The flow's own body does run, but no task's. Where it asks for the value of a task,
    the walk ends, and says so.

    Parameters
    ----------
    target
        `file.py`, or `file.py:flow` where a file has several; `file.xxp`, or a folder with some.
    more
        Further `.xxp` files and folders.
    param
        `name=value`: a parameter of the flow, as for `pxw run`.
    set
        `dataset=path`: read, or write, a dataset elsewhere, as for `pxw run`.
    json
        Print one JSON object: `flow`, `tasks` (names, in order), `edges` (how many were compared), `stopped` (file,
        line and reason, or null) and `findings` (`code`, `message`, `at`, `details`, `help`; `code` is null for an
        error of the user's own code). Of `.xxp` files: a list of diagnostics (`code`, `severity`, `message`, `file`,
        `line`, `column`, `end_column`, `help`).
    traceback
        Show errors with the whole traceback.
    config
        Of a `.xxp` file: the project's `eexp_config.py`; by default the next one upwards.
    syntax
        Judge `.xxp` files on their own, without what they refer to.
    gcc
        Of `.xxp` files: one line a diagnostic, as compilers write them.
    """
    if is_xxp(target) or Path(target).is_dir():
        from pxw.cli import projects  # noqa: PLC0415 - a Python flow does not pay for the language

        return projects.check([target, *more], config=config, syntax=syntax, json=json, gcc=gcc)
    if more or syntax or gcc or config:
        show(
            TargetError(f"{target} is no .xxp file", help="check one flow at a time, without --syntax, --gcc, --config")
        )
        return WRONG_USE
    console = err() if json else out()
    name, walk, crash = "", Walk(), None
    with redirect_stdout(sys.stderr):  # what the user's file prints is no part of the report
        try:
            flow = load_target(target, inline_only=True)
            name = flow.name
            use_running()
            walk = walked(flow, parameters(flow, param, set))
        except (SettingsError, TargetError, WrongUseError) as error:
            show(error, full=traceback)
            return exit_code(error)
        except Exception as error:
            crash = error
    if json:
        print_json(_as_json(name, walk, crash))
    else:
        report(walk, console, crash, traceback=traceback)
    return FOUND_ERRORS if walk.findings or crash else DONE


def _as_json(name: str, walk: Walk, crash: Exception | None) -> dict[str, Any]:
    findings = [*walk.findings, *([crash] if crash else [])]
    return {
        "flow": name or None,
        "tasks": walk.tasks,
        "edges": walk.edges,
        "stopped": walk.stopped or None,
        "findings": [as_json(finding) for finding in findings],
    }


def walked(flow: Any, given: dict[str, Any]) -> Walk:
    """Walk a flow: no body of a task runs."""
    walk = Walk()
    with ExitStack() as stack:
        if "prefect" in sys.modules:
            from pxw.engines.prefect.stand_ins import stand_ins  # noqa: PLC0415 - only if the user's file imports Prefect

            stack.enter_context(stand_ins())
        with walk.going():
            awaited(flow(**given))
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
