"""A run's folder below `PXW_HOME`, and the locks that say who needs it.

    runs/<run id>/journal.jsonl          one line an event; written by every process of the run, followed by the CLI
    runs/<run id>/<task>-<task run>/     the outputs of one task run
    runs/<run id>/claims/                which task run writes to which declared place
    runs/<run id>/.lock                  locked (shared) by every process that needs the folder
    runs/<run id>/.caller                of a subflow: the run that called it, which needs the folder, too
    runs/<run id>/.running               locked by the process that runs the flow's function
    runs/<run id>/.stop                  the run was interrupted: its scripts end
    runs/<run id>/earlier.json           what earlier attempts of the run finished

A run's folder is removed by `collect` when it is old, or when all folders together are too large; never while a
process holds its lock, and a process that dies holds none.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any

from pxw.errors import RunningError
from pxw.runs import journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pxw.settings import Settings

__all__ = ["Hold", "alone", "caller_of", "folder_of", "hold_for_process", "refuse_running", "remove", "safe"]


@lru_cache(4096)
def safe(name: str) -> str:
    """A name as a file's: what may not stand there, or leads elsewhere, becomes `_`."""
    return "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in name).lstrip(".")[:100] or "_"


def folder_of(run_id: str, settings: Settings) -> Path:
    """The folder of a run."""
    return settings.runs / safe(run_id)


class Hold:
    """A run's folder in use by this process: locked against being collected, its journal open."""

    def __init__(self, folder: Path) -> None:
        self._lock = _share(folder)
        self._journal = journal.OpenJournal(folder)

    def close(self) -> None:
        """Use it no more."""
        self._journal.close()
        self._lock.close()


_HELD: dict[Path, Hold] = {}


def _share(folder: Path) -> IO[str]:
    """Lock a run's folder against being collected, until what is returned is closed."""
    while True:
        with suppress(FileNotFoundError, FileExistsError):  # it is collected just now
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / ".lock").open("a+")  # on NFS, a shared lock asks for permission to read
            fcntl.flock(lock, fcntl.LOCK_SH)
            if os.fstat(lock.fileno()).st_nlink:  # it was not collected before it was locked
                return lock
            lock.close()


def hold_for_process(folder: Path) -> None:
    """Keep a run's folder from being collected as long as this process lives: a worker's part of a run."""
    _HELD[folder] = _HELD.pop(folder) if folder in _HELD else Hold(folder)
    while len(_HELD) > 64:  # a worker lives long; the runs that it served last are those that go on
        _HELD.pop(next(iter(_HELD))).close()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only process that runs the flow of a run.

    Raises:
        RunningError: another process does.
    """
    with (folder / ".running").open("a") as running:
        if not _locks_soon(running):
            raise _running(folder)
        yield


def _locks_soon(file: IO[Any]) -> bool:
    """Whether a lock is to be had; who only looks whether the run goes on (`pxw runs`) holds one for an instant."""
    for wait in (0, 0.02, 0.1):
        time.sleep(wait)
        if locks(file):
            return True
    return False


def refuse_running(folder: Path) -> None:
    """Refuse to go on with a run that is going on.

    Raises:
        RunningError: a process runs its flow.
    """
    with suppress(FileNotFoundError), (folder / ".running").open("rb") as running:
        if not locks(running):
            raise _running(folder)


def _running(folder: Path) -> RunningError:
    return RunningError(
        f"run {folder.name} is going on in another process",
        at=str(folder),
        help="wait for its end, or end that process",
    )


def remove(folder: Path, dry_run: bool) -> bool:
    """Remove a folder, unless some process needs it."""
    with suppress(FileNotFoundError), (folder / ".lock").open("a+") as lock:  # or another process removes it just now
        if not locks(lock) or _caller_is_needed(folder):
            return False
        if not dry_run:
            shutil.rmtree(folder)
        return True
    return False


def _caller_is_needed(folder: Path) -> bool:
    """Whether a process needs the run that called this one: what a subflow made belongs to its caller, too."""
    with suppress(FileNotFoundError):
        if caller := caller_of(folder):
            with (caller / ".lock").open("r+b") as lock:
                return not locks(lock) or _caller_is_needed(caller)
    return False


def caller_of(folder: Path) -> Path | None:
    """The folder of the run that called this one."""
    with suppress(FileNotFoundError):
        return folder.parent / (folder / ".caller").read_text()
    return None


def locks(lock: IO[Any]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
