"""Files and folders appear whole.

Everything is written to a temporary name beside the target and renamed, so a final name never holds half a dataset. A
temporary is locked while its writer lives; what a killed writer left is removed by the next one. A process that ends
itself in the middle of its threads' work calls `abandon` first.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from uuid import uuid4

from pxw.errors import PlaceError
from pxw.stores.faults import naming_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["TEMPORARY", "abandon", "copy", "entry_path", "publish_file", "publish_folder", "sweep"]

TEMPORARY = ".pxw-tmp"
"""How the names of unfinished files and folders end."""


@contextmanager
def publish_file(target: Path, *, durable: bool) -> Iterator[Path]:
    """Give a temporary path; when the block ends well, what was written there appears as `target`.

    Args:
        target: the final name; what it named before is replaced at once or not at all.
        durable: also wait until the disk holds it (for declared outputs; intermediates can be made again).
    """
    with naming_faults(target, "write"):
        if target.is_dir():
            raise IsADirectoryError
        with _temporary(target, _create_file) as temporary:
            yield temporary
            with suppress(FileNotFoundError):  # what stays is the mode that its owner gave it
                temporary.chmod(target.stat().st_mode & 0o7777)
            if durable:
                _sync(temporary)
            temporary.replace(target)
        if durable:
            _sync(target.parent)


@contextmanager
def publish_folder(target: Path, *, durable: bool) -> Iterator[Path]:
    """Give a temporary folder; when the block ends well, its files appear in `target`, a new folder at once.

    Files that the folder already held, and that the new ones do not replace, stay.
    """
    with naming_faults(target, "write"):
        if target.exists() and not target.is_dir():
            raise PlaceError(f"{target} is a file, and a folder is to be written there")
        with _temporary(target, Path.mkdir) as temporary:
            yield temporary
            if durable:
                for file in temporary.rglob("*"):
                    _sync(file)
            _move(temporary, target)
        if durable:
            _sync(target.parent)


def _move(temporary: Path, target: Path) -> None:
    try:
        temporary.rename(target)  # also onto an empty folder
    except OSError:
        for file in sorted(temporary.rglob("*")):
            place = target / file.relative_to(temporary)
            if not place.parent.resolve().is_relative_to(target.resolve()):
                raise PlaceError(f"{place} leads out of {target}: {place.parent} is a link") from None
            if file.is_dir():
                place.mkdir(exist_ok=True)
            else:
                file.replace(place)


@contextmanager
def _temporary(target: Path, create: Callable[[Path], None]) -> Iterator[Path]:
    """A new file or folder beside the target, locked while its writer lives, and removed if it is still there then."""
    stem = f".{target.name[:50]}."
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep(target.parent, stem)
    temporary, lock = _locked(target.with_name(f"{stem}{uuid4().hex[:12]}{TEMPORARY}"), create)
    try:
        yield temporary
    finally:
        os.close(lock)
        _remove(temporary)
        _LIVING.discard(temporary)


_LIVING: set[Path] = set()
_CREATING = threading.RLock()  # a signal may come while it is held
_ENDING = threading.Event()


def abandon() -> None:
    """Remove what this process is writing, and let it write no more: it ends without waiting for its threads."""
    with _CREATING:
        _ENDING.set()
    for temporary in list(_LIVING):
        _remove(temporary)


def _create_file(path: Path) -> None:
    path.touch(exist_ok=False)


def _locked(path: Path, create: Callable[[Path], None]) -> tuple[Path, int]:
    while True:
        with _CREATING:
            if _ENDING.is_set():
                raise InterruptedError("the process is about to end")
            create(path)
            _LIVING.add(path)
        with suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDONLY)
            with suppress(
                OSError
            ):  # where a folder cannot be locked, on some network file systems, nobody sweeps either
                fcntl.flock(handle, fcntl.LOCK_SH)  # there, an exclusive lock asks for permission to write
            if os.fstat(handle).st_nlink:  # nobody swept it before it was locked
                return path, handle
            os.close(handle)


def sweep(folder: Path, stem: str = ".") -> None:
    """Remove what killed writers left in a folder, of all targets or of one; a living one holds a lock."""
    for stale in folder.glob(f"{escape(stem)}*{TEMPORARY}"):
        with suppress(OSError):
            handle = os.open(stale, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(stale)
            finally:
                os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def entry_path(folder: Path, name: str) -> Path:
    """Where an entry of a folder dataset goes; a name cannot lead out of its folder.

    >>> entry_path(Path("out"), "a/b.csv").as_posix()
    'out/a/b.csv'
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise PlaceError(
            f"{name!r} is no name for a file in a folder", help="use names without '..', backslashes or a leading slash"
        )
    return folder.joinpath(*parts)


def copy(source: Path, target: Path) -> None:
    """Copy a file's bytes, sharing them on disk where the file system can."""
    with naming_faults(source, "read"):
        source.open("rb").close()
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
