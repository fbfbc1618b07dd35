"""`pxw server`: the local Prefect server that `pxw run` starts."""

from __future__ import annotations

from typing import Literal

from rich.text import Text

from pxw import prefect_server
from pxw.cli import DONE, FAILED
from pxw.cli.console import out, print_json, shown_path
from pxw.settings import load_settings

__all__ = ["command"]


def command(action: Literal["status", "stop"] = "status", /, *, json: bool = False) -> int:
    """The local Prefect server that `pxw run` starts: its status, and its end.

    Parameters
    ----------
    action
        `status` says whether it runs, and where (exit code 1 if it does not); `stop` ends it.
    json
        Print one JSON object: `url` (null if none runs), `pid`, `answers`.
    """
    home = load_settings().home
    server = prefect_server.stop(home) if action == "stop" else prefect_server.find(home)
    is_well = server is not None and action == "status" and prefect_server.answers(server.url)
    if json:
        print_json({"url": server and server.url, "pid": server and server.pid, "answers": is_well})
    else:
        words = "no local Prefect server runs"
        if server is not None:
            state = "ended" if action == "stop" else "running" if is_well else "alive, and not answering"
            log = shown_path(home / "prefect" / "server.log")
            words = f"local Prefect server {state}: {server.ui} (pid {server.pid}, log {log})"
        out().print(Text(words))
    return DONE if action == "stop" or is_well else FAILED
