"""`pxw ddm`: the commands about a DDM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cyclopts import App

from pxw.cli.ddm_files import get, ls, put, rm
from pxw.cli.ddm_service import login, logout, serve, stop

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["command"]

command = App(
    name="ddm",
    help="""Look into a DDM, move files there and back, sign in, and serve one on this machine.

It is the DDM of `PXW_DDM_URL`; without one, that in the box if it runs (`pxw ddm serve`, or `pxw run` in DDM mode).
An address is `project//name`, or `project` for all of its files.""",
    result_action="return_value",
)
_COMMANDS: tuple[Callable[..., Any], ...] = (ls, get, put, rm, login, logout, serve, stop)
for _order, _command in enumerate(_COMMANDS):
    command.command(_command, sort_key=_order)
