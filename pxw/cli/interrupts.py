"""Ctrl-C: the run ends within seconds, whatever its threads are at."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["interruptible"]

_GRACE = 2.0  # seconds for the flow to tell Prefect that it was interrupted
_EXIT_CODE = 130


@contextmanager
def interruptible(at_once: Callable[[], None], at_end: Callable[[], None]) -> Iterator[None]:
    """Turn the first Ctrl-C in this block into a KeyboardInterrupt; end the process soon after it, or at the second.

    Args:
        at_once: called at the first Ctrl-C.
        at_end: called once before the end, to say what stays.
    """
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield
        return
    said = threading.Lock()

    def say_once() -> None:
        if said.acquire(blocking=False):
            at_end()

    def end() -> None:
        say_once()
        _end_process()

    def interrupted(*_: object) -> None:
        signal.signal(signal.SIGINT, lambda *_: end())
        at_once()
        # Threads of a task runner cannot be interrupted, and Python waits for them at its exit.
        timer = threading.Timer(_GRACE, end)
        timer.daemon = True
        timer.start()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    except KeyboardInterrupt:
        say_once()
        raise
    finally:
        signal.signal(signal.SIGINT, before)


def _end_process() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(_EXIT_CODE)
