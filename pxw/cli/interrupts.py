"""Ctrl-C and SIGTERM: the run ends within seconds, whatever its threads are at."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pxw.stores import publishing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["interruptible"]

_GRACE = 2.0  # seconds for the flow to tell Prefect that it was interrupted
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible(at_once: Callable[[], None], at_end: Callable[[], None]) -> Iterator[None]:
    """Turn the first Ctrl-C or SIGTERM in this block into a KeyboardInterrupt that holds its number.

    The process ends soon after it, or at the second.

    Args:
        at_once: called at the first signal.
        at_end: called once before the end, to say what stays.
    """
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield
        return
    said = threading.Lock()

    def say_once() -> None:
        if said.acquire(blocking=False):
            at_end()

    def end(number: int) -> None:
        say_once()
        publishing.abandon()
        _end_process(128 + number)

    def interrupted(number: int, _: object) -> None:
        for each in _SIGNALS:
            signal.signal(each, lambda number, _: end(number))
        at_once()
        # Threads of a task runner cannot be interrupted, and Python waits for them at its exit.
        timer = threading.Timer(_GRACE, end, [number])
        timer.daemon = True
        timer.start()
        raise KeyboardInterrupt(number)

    before = {number: signal.signal(number, interrupted) for number in _SIGNALS}
    try:
        yield
    except KeyboardInterrupt:
        say_once()
        raise  # the process ends now, and another signal ends it at once: Python's own handler would tell of its exit
    except BaseException:
        _restore(before)
        raise
    _restore(before)


def _restore(before: dict[signal.Signals, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)


def _end_process(code: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
