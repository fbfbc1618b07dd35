"""A child process in a group of its own: streamed, limited, and never left behind."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias
from uuid import uuid4

from pxw.compat.modules.pxw_script.watch import MARK, end_marked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Ended", "Log", "log_of", "run_process"]

Log: TypeAlias = Callable[[str, Literal["stdout", "stderr"]], None]
"""Called with each line, in the thread that waits for the process."""

_TICK = 0.1  # seconds between two looks at the clock, and at who wants the process to stop
_GRACE = 2.0  # seconds from "please end" to SIGKILL
_LONGEST = 65_536  # bytes of a line
_LAST = 20  # lines


@dataclass(frozen=True)
class Ended:
    """How a process ended: its status (that of a signal is negative), why it was stopped, and its last lines."""

    status: int
    stopped: Literal["", "timeout", "cancelled"]
    last: tuple[str, ...]

    def how(self) -> str:
        """How it ended that did not come to its end: `was killed by SIGKILL`."""
        if self.stopped == "cancelled":
            return "was cancelled"
        if self.status < 0:
            names = {number.value: number.name for number in signal.Signals}
            return f"was killed by {names.get(-self.status, f'signal {-self.status}')}"
        return f"ended with status {self.status}, before its end was reached"

    def remedy(self) -> str:
        """What may be done about it."""
        if self.status == -signal.SIGKILL and not self.stopped:
            return "when memory runs out, the system kills the process that has most of it"
        return ""


def log_of(task: str) -> Log:
    """What a child process prints goes to the log of its task run; without Prefect, to `pxw.scripts.<task>`."""
    prefect = sys.modules.get("prefect.context")
    logger: Any = logging.getLogger(f"pxw.scripts.{task}")
    if prefect is not None and prefect.TaskRunContext.get() is not None:
        logger = sys.modules["prefect"].get_run_logger()

    def log(line: str, stream: str) -> None:
        logger.log(logging.WARNING if stream == "stderr" else logging.INFO, "%s", line)

    return log


def run_process(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    log: Log,
    timeout: float | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Ended:
    """Run a command to its end; the last argument that it gets is a pipe which closes when this process dies.

    Nothing that it started outlives it, also if the calling thread is interrupted.
    """
    until = time.monotonic() + (timeout if timeout is not None else float("inf"))
    with _started(command, folder, environment) as child, _Streams(child, log) as streams:
        stopped: Literal["", "timeout", "cancelled"] = ""
        while not stopped and child.poll() is None:
            streams.read(child)
            if is_stopped():
                stopped = "cancelled"
            elif time.monotonic() > until:
                stopped = "timeout"
        if child.poll() is None:
            _ask_to_end(child, lambda: streams.read(child))
        else:
            stopped = ""  # it ended by itself meanwhile
        child.kill_all()
        streams.drain()
        return Ended(child.wait(), stopped, tuple(streams.last))


class _Child(subprocess.Popen[bytes]):
    """A process that leads a session, and whose mark all that it starts inherits, whichever session that goes to."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str], pipe: int) -> None:
        self.mark = uuid4().hex
        super().__init__(
            [*command, str(pipe)],
            cwd=folder,
            env={**environment, MARK: self.mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=(pipe,),
        )

    def kill_all(self) -> None:
        """End whatever is left; the group's number is its own as long as the watching process is in it."""
        with suppress(ProcessLookupError, PermissionError):  # nothing is
            os.killpg(self.pid, signal.SIGKILL)
        end_marked(self.mark)


@contextmanager
def _started(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[_Child]:
    watched, held = os.pipe()
    try:
        try:
            child = _Child(command, folder, environment, watched)
        finally:
            os.close(watched)
        try:
            yield child
        finally:
            if child.returncode is None:  # this thread was interrupted, as by Prefect's timeout
                _ask_to_end(child, lambda: time.sleep(_TICK))
                child.kill_all()
                child.wait()
    finally:
        os.close(held)


def _ask_to_end(child: _Child, wait: Callable[[], object]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGTERM)
    until = time.monotonic() + _GRACE
    while child.poll() is None and time.monotonic() < until:
        wait()


class _Streams:
    """What a child says, as lines."""

    def __init__(self, child: subprocess.Popen[bytes], log: Log) -> None:
        pipes: list[tuple[Any, Literal["stdout", "stderr"]]] = [(child.stdout, "stdout"), (child.stderr, "stderr")]
        self.last: deque[str] = deque(maxlen=_LAST)
        self._log = log
        self._names: dict[Any, Literal["stdout", "stderr"]] = dict(pipes)
        self._rests = dict.fromkeys(self._names, b"")
        self._selector = selectors.DefaultSelector()
        for stream in self._names:
            self._selector.register(stream, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for stream in self._names:
            stream.close()

    def read(self, child: subprocess.Popen[bytes]) -> None:
        """Wait a moment for something to be said, or for the child to end."""
        if self._selector.get_map():
            self._read_ready(_TICK)
        else:
            with suppress(subprocess.TimeoutExpired):
                child.wait(_TICK)

    def drain(self) -> None:
        """Read what is left; a process that has left the group does not keep us waiting."""
        while self._selector.get_map() and self._read_ready(_TICK):
            pass
        for stream, rest in self._rests.items():
            if rest:
                self._say(rest, stream)

    def _read_ready(self, timeout: float) -> bool:
        ready = self._selector.select(timeout)
        for key, _ in ready:
            stream = key.fileobj
            data = os.read(key.fd, _LONGEST)
            if not data:
                self._selector.unregister(stream)
            *lines, rest = (self._rests[stream] + data).split(b"\n")
            if len(rest) >= _LONGEST:
                lines, rest = [*lines, rest], b""
            self._rests[stream] = rest
            for line in lines:
                self._say(line, stream)
        return bool(ready)

    def _say(self, line: bytes, stream: Any) -> None:
        # A progress bar draws over itself: what counts is its last state.
        text = line.decode("utf-8", "replace").rstrip("\r").rpartition("\r")[2]
        self.last.append(text)
        self._log(text, self._names[stream])
