"""`pxw server`: the local Prefect server, which `pxw run` starts where it needs one."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Literal

from rich.text import Text

from pxw.cli import DONE, FAILED
from pxw.cli.console import err, out, print_json, shown_path
from pxw.cli.progress import Waiting
from pxw.engines.prefect import local_server
from pxw.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from pxw.engines.prefect.local_server import LocalServer

__all__ = ["command", "server_url"]


def command(action: Literal["status", "start", "stop"] = "status", /, *, json: bool = False) -> int:
    """The local Prefect server, which `pxw run` starts where it needs one: its status, its start, its end.

    Parameters
    ----------
    action
        `status` says whether it runs, and where (exit code 1 if it does not); `start` starts it if it does not run, and
        prints what tells a shell and Prefect's own commands where it is: `eval "$(pxw server start)"`; `stop` ends it.
    json
        Print one JSON object: `url` (null if none runs), `pid`, `answers`.
    """
    home = load_settings().home
    match action:
        case "start":
            server: LocalServer | None = _ensure(err(), home)
        case "stop":
            server = local_server.stop(home)
        case "status":
            server = local_server.find(home)
    is_well = server is not None and action != "stop" and local_server.answers(server.url)
    if json:
        print_json({"url": server and server.url, "pid": server and server.pid, "answers": is_well})
    elif server is not None and action == "start":
        out().print(Text(f"export PREFECT_API_URL={shlex.quote(server.url)}"), soft_wrap=True)
    else:
        words = "no local Prefect server runs"
        if server is not None:
            state = "ended" if action == "stop" else "running" if is_well else "alive, and not answering"
            log = shown_path(home / "prefect" / "server.log")
            words = f"local Prefect server {state}: {server.ui} (pid {server.pid}, log {log})"
        out().print(Text(words))
    return DONE if action == "stop" or is_well else FAILED


def server_url(console: Console, home: Path) -> str:
    """The API that is configured, or that of the local server, which is started if it does not run."""
    from pxw.engines.prefect import launching  # noqa: PLC0415 - `pxw server` does not pay for Prefect

    url = launching.configured_url()
    if url is None:
        return _ensure(console, home).url
    if not local_server.answers(url, timeout=10):  # cheaper than a client of Prefect's, which can say why not
        launching.refuse_unreachable(url)
    return url


def _ensure(console: Console, home: Path) -> LocalServer:
    with Waiting(console, "looking for the local Prefect server") as waiting:
        server, is_new = local_server.ensure(home, waiting.say)
    words = "started a local Prefect server" if is_new else "the local Prefect server"
    ends = ", ended by `pxw server stop`" if is_new else ""
    console.print(Text(f"{words}: {server.ui}{ends}", style="dim"))
    return server
