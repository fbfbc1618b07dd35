"""A script ends with its parent, however that one ends."""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["end_with_parent"]


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
    os.killpg(0, signal.SIGKILL)
