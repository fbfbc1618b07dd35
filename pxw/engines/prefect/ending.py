"""How a run that is told to end does so within seconds, and leaves nothing half written."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from asyncio import CancelledError
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from prefect.exceptions import TerminationSignal

from pxw.stores import publishing

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ends_when_told", "ends_with_flow"]

_GRACE = 3.0  # seconds that tasks on threads are given to end by themselves
_TO_CLEAN_UP = 1.0  # seconds that processes of a pool have to remove what they were writing


@contextmanager
def ends_when_told(run_id: str, task_runner: Any) -> Iterator[None]:
    """Be the flow of a run; where it is interrupted, let Prefect say so at once, and the process end soon after.

    Prefect waits for a runner's threads and processes before it tells the API anything, and Python waits for threads
    before it exits, however long their tasks may go on.
    """
    try:
        yield
    except (KeyboardInterrupt, TerminationSignal, CancelledError) as told:
        _let_go(task_runner)
        # Ctrl-C in a notebook ends the flow, and not the process; a worker's child has nothing else to do.
        if isinstance(told, TerminationSignal) or os.environ.get("PREFECT__FLOW_RUN_ID") == run_id:
            publishing.abandon()
            _end_process_soon()
        raise


def ends_with_flow() -> None:
    """Let a process of a pool that runs a task remove what it is writing when it is told to end."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and multiprocessing.parent_process() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end_process)


def _end_process(*_: Any) -> None:
    publishing.abandon()
    os._exit(128 + signal.SIGTERM)


def _let_go(task_runner: Any) -> None:
    """Keep a task runner from waiting for tasks that cannot be interrupted."""
    pool = getattr(task_runner, "_executor", None)
    if not isinstance(pool, Executor):
        return
    processes = list((getattr(pool, "_processes", None) or {}).values())
    for process in processes:
        process.terminate()
    until = time.monotonic() + _TO_CLEAN_UP
    for process in processes:
        process.join(max(until - time.monotonic(), 0))
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)
    task_runner._executor = None  # noqa: SLF001 - else Prefect would wait for it


def _end_process_soon() -> None:
    timer = threading.Timer(_GRACE, os._exit, [128 + signal.SIGTERM])
    timer.daemon = True
    timer.start()
