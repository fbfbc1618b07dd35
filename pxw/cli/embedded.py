"""The DDM in the box: a server of this user's own, started where datasets are managed by a DDM and none is set."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.text import Text

from pxw.cli.console import shown_path
from pxw.errors import DDMUnavailableError
from pxw.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from pxw.server import Running

__all__ = ["ensure_ddm", "root_of", "start", "stop", "use_running"]

_PATIENCE = 60.0  # seconds
_started: dict[int, subprocess.Popen[bytes]] = {}


def root_of(home: Path) -> Path:
    """Where the server of an installation keeps its data."""
    return home / "ddm" / "server"


def ensure_ddm(console: Console) -> None:
    """Let this process, and those that it starts, use a DDM, if datasets are managed by one and no other is set.

    In LOCAL mode the one in the box is used if it runs, for datasets that say that they live in a DDM.
    """
    settings = load_settings()
    if settings.ddm_url is not None:
        return
    if settings.dataset_management == "LOCAL":
        use_running()
        return
    running, is_new = start(root_of(settings.home))
    _use(running)
    ends = ", ended by `pxw ddm stop`" if is_new else ""
    console.print(Text(f"{'started a' if is_new else 'the'} local DDM: {running.url}{ends}", style="dim"))


def use_running() -> bool:
    """Let this process use the server in the box, if it runs and no other is set; whether there is one to use now."""
    settings = load_settings()
    if settings.ddm_url is not None:
        return True
    root = root_of(settings.home)
    if not (root / "server.json").exists():  # most installations have none, and do not pay for the question
        return False
    from pxw.server import find  # noqa: PLC0415 - as above

    running = find(root)
    if running is not None:
        _use(running)
    return running is not None


def _use(running: Running) -> None:
    # Through the environment, as any other setting: the processes of a task runner read it, too.
    os.environ["PXW_DDM_URL"] = running.url
    os.environ["PXW_DDM_TOKEN"] = running.token.get_secret_value()


def start(root: Path) -> tuple[Running, bool]:
    """The server on a root, started if none runs there, as a process of its own; and whether this call did.

    Raises:
        DDMUnavailableError: it did not start; the error holds what it said last.
    """
    from pxw.server import find  # noqa: PLC0415 - only DDM mode pays for it

    found = find(root)
    if found is not None:
        return found, False
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = root.with_name("server.log")
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - no shell, our own words
            [sys.executable, "-m", "pxw.cli", "ddm", "serve", "--root", str(root), "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=root,
            env={name: value for name, value in os.environ.items() if name != "PXW_DDM_TOKEN"},  # another service's
            start_new_session=True,  # it outlives the run, and its Ctrl-C
        )
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        has_ended = process.poll() is not None
        found = find(root)
        if found is not None and found.pid != process.pid:  # two runs started one at once, and the other was first
            process.kill()
            process.wait()
            return found, False
        if found is not None:
            _started[process.pid] = process
            return found, True
        if has_ended:
            break
        time.sleep(0.02)
    process.kill()
    process.wait()
    said = log.read_text(errors="replace").splitlines()[-8:]
    raise DDMUnavailableError("the local DDM did not start", at=shown_path(log), details=said)


def stop(root: Path) -> Running | None:
    """End the server on a root; gives the one that was ended."""
    from pxw.server import find  # noqa: PLC0415 - as above

    found = find(root)
    if found is None:
        return None
    for how, patience in ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0)):
        with suppress(ProcessLookupError):
            os.kill(found.pid, how)
        deadline = time.monotonic() + patience
        while find(root) is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        if find(root) is None:
            break
    if found.pid in _started:
        _started.pop(found.pid).wait()
    return found
