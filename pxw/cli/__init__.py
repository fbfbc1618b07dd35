"""The command line: `pxw run`, `pxw check`, and what belongs to them.

Each command is a file of its own that is imported when the command is called, so that `pxw --help` stays quick. Results
go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 the run failed, 2 wrong use,
3 check found errors, 130 interrupted by Ctrl-C, 143 by SIGTERM.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cyclopts import App, CycloptsError, Parameter

from pxw import __version__
from pxw.cli.console import for_help
from pxw.cli.faults import exit_code, show, show_wrong_use
from pxw.cli.starting import starting
from pxw.errors import PxwError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DONE", "FAILED", "FOUND_ERRORS", "INTERRUPTED", "WRONG_USE", "app", "main"]

DONE, FAILED, WRONG_USE, FOUND_ERRORS, INTERRUPTED = 0, 1, 2, 3, 130

app = App(
    name="pxw",
    version=__version__,
    help="Computational experiments as plain, typed Python functions: Prefect orchestrates, pxw owns the data.",
    help_format="markdown",
    default_parameter=Parameter(negative=(), show_default=False),
    result_action="return_value",
)

# The help is said here, since a command's module is not imported for the list of all commands.
_COMMANDS = {
    "init": "Start a small project that runs at once.",
    "run": "Run a flow.",
    "check": "Walk a flow without running its tasks, and report all that would go wrong.",
    "convert": "Write the workflows of `.xxp` files as Python.",
    "deploy": "Deploy a workflow or experiment of a `.xxp` file to a work pool of Prefect.",
    "ddm": "Look into a DDM, move files there and back, sign in, and serve one on this machine.",
    "doctor": "Look at the installation: packages, server, disk, settings.",
    "runs": "Look at runs: which there are, what one did, what differs between two.",
    "cache": "What pxw keeps by itself: how much it is, whether it is undamaged; remove what is old.",
    "server": "The local Prefect server, which `pxw run` starts where it needs one: its status, its start, its end.",
}
for _order, (_name, _help) in enumerate(_COMMANDS.items()):
    app.command(f"pxw.cli.{_name}:command", name=_name, help=_help, sort_key=_order)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name, and give its exit code.

    >>> main(["--version"])
    0.1.0
    0
    """
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with starting():
            code = app(tokens, exit_on_error=False, print_error=False, console=for_help())
    except CycloptsError as error:
        show_wrong_use(error)
        return WRONG_USE
    except PxwError as error:
        show(error)
        return exit_code(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `pxw runs ls | head`
        sys.stdout = None
        return DONE
    return code if isinstance(code, int) else DONE
