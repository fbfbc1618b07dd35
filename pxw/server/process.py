"""The server as a process: its socket, its signals, and the small file that tells others where it is."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, SecretStr, ValidationError

from pxw.errors import PlaceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Running", "find", "serve"]

STATE = "server.json"
OPTIONS: dict[str, Any] = {
    "access_log": False,
    "log_config": None,
    "proxy_headers": False,
    "server_header": False,
    "timeout_graceful_shutdown": 10,  # seconds for the answers under way
    "timeout_keep_alive": 75,  # longer than clients keep idle connections, so that they are the ones to hang up
}


class Running(BaseModel):
    """A server that runs: where it is, and what it wants to hear."""

    url: str
    token: SecretStr
    pid: int
    lost: list[str] = []


def find(root: Path) -> Running | None:
    """Find the server that runs on a root; None if none does.

    Example:
        ```python
        running = find(Path("data"))
        if running:
            client = pxw.ddm.Client(running.url, token=running.token)
        ```
    """
    running = _last(root)
    if running is None or _holder(root / "lock") != str(running.pid):
        return None
    return running


def serve(
    root: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    token: SecretStr | None = None,
    *,
    username: str | None = None,
    password: SecretStr | None = None,
    on_ready: Callable[[Running], None] = lambda _: None,
) -> None:
    """Serve the data below a root until SIGTERM or SIGINT; prints nothing.

    Args:
        root: where catalogue and bytes live; made if it is not there.
        host: the address to listen on.
        port: the port; 0 takes a free one.
        token: what clients must send; without one, the last one of this root is used, or a random one made.
        username: the one user of the login route, if there is to be one.
        password: that user's password.
        on_ready: called once, as soon as connections are accepted.

    Raises:
        PlaceError: another process serves the same root, or the port is taken.
    """
    import uvicorn  # noqa: PLC0415 - `find` is asked at every start of a run

    from pxw.server.app import create_app  # noqa: PLC0415 - as above
    from pxw.server.auth import new_token  # noqa: PLC0415 - as above

    last = _last(root)
    token = token or (last.token if last else SecretStr(new_token()))
    with _listening(host, port) as listener, _own_process(), suppress(KeyboardInterrupt):
        app = create_app(root, token, username=username, password=password)
        with closing(app.state.archive):
            running = Running(url=_url(listener), token=token, pid=os.getpid(), lost=app.state.archive.lost)
            _tell(root, running)
            on_ready(running)
            uvicorn.Server(uvicorn.Config(app, **OPTIONS)).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol left open, asyncio would not switch Nagle's algorithm off: 40 ms for every answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise PlaceError(
            f"cannot listen on {host}:{port}: {error.strerror}", help="choose another port; 0 takes a free one"
        ) from error
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _own_process() -> Iterator[None]:
    mask = os.umask(0o077)  # catalogue and bytes are for this user only, whoever may look into the root
    # uvicorn stops cleanly on a signal and then raises it again, which would end the process before its clean-up;
    # before uvicorn listens to signals, one must not be lost either.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        os.umask(mask)


def _holder(path: Path) -> str | None:
    """Tell which process holds the lock; what is in the file is older than that if nobody does."""
    try:
        with path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return path.read_text()
    return None


def _tell(root: Path, running: Running) -> None:
    temporary = root / f".{STATE}"
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps({**running.model_dump(), "token": running.token.get_secret_value()}))
    temporary.replace(root / STATE)


def _last(root: Path) -> Running | None:
    try:
        return Running.model_validate_json((root / STATE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
