"""Folders of this machine in which files are written before they are sent elsewhere.

Its writer holds a lock on each: one that nobody locks was left behind by a process that was killed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pxw.settings import Settings

__all__ = ["collect", "folder"]


@contextmanager
def folder(settings: Settings) -> Iterator[Path]:
    """An empty folder, which goes away with all that is in it when the block ends."""
    parent = settings.home / "outgoing"
    parent.mkdir(parents=True, exist_ok=True)
    made, lock = _locked(parent)
    try:
        yield made
    finally:
        shutil.rmtree(made)
        os.close(lock)


def _locked(parent: Path) -> tuple[Path, int]:
    while True:
        made = Path(tempfile.mkdtemp(dir=parent))
        with suppress(FileNotFoundError):  # it is collected just now
            lock = os.open(made, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if made.exists():
                return made, lock
            os.close(lock)


def collect(settings: Settings, *, dry_run: bool = False) -> tuple[int, int]:
    """Remove what killed processes left.

    Returns:
        How many folders and bytes.
    """
    sizes = [size for path in (settings.home / "outgoing").glob("*/") if (size := _remove(path, dry_run)) is not None]
    return len(sizes), sum(sizes)


def _remove(path: Path, dry_run: bool) -> int | None:
    """Remove a folder that nobody writes to, and give its bytes."""
    with suppress(FileNotFoundError):  # its writer has just done so
        lock = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            if not dry_run:
                shutil.rmtree(path)
        except BlockingIOError:
            return None
        finally:
            os.close(lock)
        return size
    return None
