"""`pxw runs`: the commands about runs that were, or are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cyclopts import App

from pxw.cli.runs_diff import diff
from pxw.cli.runs_ls import ls
from pxw.cli.runs_show import show

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["command"]

command = App(
    name="runs",
    help="""Look at runs: which there are, what one did, what differs between two.

RUN is a run's id, or the first signs of one; `last` is the newest, `last~1` the one before it.""",
    result_action="return_value",
)
_COMMANDS: tuple[Callable[..., Any], ...] = (ls, show, diff)
for _order, _command in enumerate(_COMMANDS):
    command.command(_command, sort_key=_order)
