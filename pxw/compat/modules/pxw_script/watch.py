"""A script ends with its parent, however that one ends."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

__all__ = ["MARK", "end_marked", "end_with_parent"]

MARK = "PXW_PROCESS"
"""The environment variable by which a script and all that it started are known, also those that left its group."""


def end_with_parent(pipe: int) -> None:
    """Leave a process behind that ends this whole process group when the other end of a pipe closes.

    A process, because a thread would make a script that forks multi-threaded; and nobody's child, because a script
    may wait for all of its children. The group keeps its number as long as this process is in it.
    """
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        os.close(pipe)
        return
    if os.fork():
        os._exit(0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())  # else the parent would wait for what they may still say
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.read(pipe, 1)
    end_marked(os.environ.get(MARK, ""))
    os.killpg(0, signal.SIGKILL)


def end_marked(mark: str) -> None:
    """Kill every process with a mark, but for this one; only Linux tells which these are."""
    wanted = os.fsencode(MARK + "=" + mark)
    for _ in range(10):  # one that starts others may be quicker than a single look
        found = [pid for pid in _others() if mark and wanted in _environment(pid)]
        for pid in found:
            with suppress(OSError):  # it has ended meanwhile
                os.kill(pid, signal.SIGKILL)
        if not found:
            return


def _others() -> list[int]:
    names = os.listdir("/proc") if os.path.isdir("/proc") else []
    return [int(name) for name in names if name.isdigit() and int(name) != os.getpid()]


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:  # it has ended, or is somebody else's
        return []
