"""A local Prefect server in the background: started once, used by every later run, and ended on request.

PXW_HOME/prefect/server.json    where it is: url and pid
PXW_HOME/prefect/server.log     what it says
PXW_HOME/prefect/.alive         locked by the server as long as it lives
PXW_HOME/prefect/.starting      locked by the process that starts it, so that two do not
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pxw.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["LocalServer", "answers", "ensure", "find", "stop"]

_PATIENCE = 300.0  # seconds; a new database takes 15 on a quiet machine, and minutes on one that many share


@dataclass(frozen=True)
class LocalServer:
    """A server that runs.

    Args:
        url: of its API; its pages are one level above.
        pid: of the process that leads its group.
    """

    url: str
    pid: int

    @property
    def ui(self) -> str:
        """The address for a browser."""
        return self.url.removesuffix("/api")


def answers(url: str, timeout: float = 2.0) -> bool:
    """Whether a Prefect API says that it is well."""
    with suppress(OSError, ValueError), urllib.request.urlopen(f"{url}/health", timeout=timeout) as answer:  # noqa: S310 - http, as configured
        return bool(answer.status == 200)
    return False


def find(home: Path) -> LocalServer | None:
    """The local server of this home, if it runs."""
    folder = home / "prefect"
    if not _is_locked(folder / ".alive"):
        return None
    with suppress(FileNotFoundError, ValueError, TypeError):
        return LocalServer(**json.loads((folder / "server.json").read_text()))
    return None


def ensure(home: Path, on_wait: Callable[[str], None] = lambda _: None) -> tuple[LocalServer, bool]:
    """The local server of this home, started if it does not run yet.

    Args:
        home: `PXW_HOME`.
        on_wait: told, a few times a second, what is being waited for.

    Returns:
        The server, and whether this call started it.

    Raises:
        ServerError: it did not start; the message holds what it said last.
    """
    found = find(home)
    if found and answers(found.url):
        return found, False
    folder = home / "prefect"
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / ".starting", on_wait):
        found = find(home)
        if found and answers(found.url, timeout=10):
            return found, False
        if found:
            stop(home)  # it lives, and has not answered for ten seconds
        return _start(folder, on_wait), True


def stop(home: Path) -> LocalServer | None:
    """End the local server of this home; gives the one that was ended."""
    found = find(home)
    if found is None:
        return None
    for how, patience in ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0)):
        with suppress(ProcessLookupError):
            os.killpg(found.pid, how)
        if _eventually(lambda: not _is_locked(home / "prefect" / ".alive"), patience):
            break
    (home / "prefect" / "server.json").unlink(missing_ok=True)
    return found


def _start(folder: Path, on_wait: Callable[[str], None]) -> LocalServer:
    (folder / "server.json").unlink(missing_ok=True)  # from here on a lock would make an old one count
    port = _free_port()
    command = [
        sys.executable,
        "-m",
        "pxw.engines.prefect.serving",
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with (folder / ".alive").open("a") as alive, (folder / "server.log").open("wb") as log:
        fcntl.flock(alive, fcntl.LOCK_EX)  # the child inherits the open file, and the lock with it
        process = subprocess.Popen(  # noqa: S603 - no shell, our own words
            command,
            env=_environment(),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[alive.fileno()],
        )
    threading.Thread(target=process.wait, daemon=True).start()  # no zombie stays if this process outlives it
    server = LocalServer(f"http://127.0.0.1:{port}/api", process.pid)
    _tell(folder / "server.json", server)
    began = time.monotonic()
    while not answers(server.url):
        took = time.monotonic() - began
        if process.poll() is not None or took > _PATIENCE:
            stop(folder.parent)
            raise _failed(process.returncode, folder / "server.log")
        on_wait(f"starting a local Prefect server ({took:.0f} s)")
        time.sleep(0.1)
    return server


def _environment() -> dict[str, str]:
    """The environment without what points at a server, and without telemetry."""
    kept = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    return kept | {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "PREFECT_CLI_PROMPT": "false"}


def _failed(code: int | None, log: Path) -> ServerError:
    said = log.read_text(errors="replace").splitlines()[-8:]
    what = f"it took more than {_PATIENCE:.0f} s" if code is None else f"it ended with code {code}"
    return ServerError(
        f"the local Prefect server did not start: {what}",
        at=str(log),
        details=said,
        help="`pxw doctor` looks for the cause; --temporary-server and --inline need no such server",
    )


def _tell(path: Path, server: LocalServer) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(asdict(server)))
    temporary.replace(path)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def _alone(path: Path, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Be the only process in this block."""

    def is_ours() -> bool:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        on_wait("waiting for another run to start the local Prefect server")
        return False

    with path.open("a") as lock:
        if not _eventually(is_ours, _PATIENCE):
            raise ServerError(
                f"another process is starting the local Prefect server, for {_PATIENCE:.0f} s now", at=str(path)
            )
        yield


def _eventually(holds: Callable[[], bool], patience: float) -> bool:
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
