"""The local copies of what a DDM holds, by content: each file is named by the sha256 of its bytes."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO
from weakref import WeakValueDictionary

from pxw.errors import PlaceError, PxwError, StorageFullError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

__all__ = ["TEMPORARY", "Cache", "digest_of", "placing", "room", "settle"]

TEMPORARY = ".pxw-"
"""How the names of unfinished files begin."""

_DAY = 86_400  # seconds


def digest_of(stream: BufferedReader) -> str:
    """The sha256 of the rest of a stream, as hex digits."""
    return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def placing(action: str, place: Path) -> Iterator[None]:
    """Translate what the operating system says of a place that cannot be read or written."""
    try:
        yield
    except PxwError:  # some of ours are OSErrors as well
        raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        kind = StorageFullError if full else PlaceError
        raise kind(f"cannot {action}: {error.strerror or error}", at=str(error.filename or place)) from error


@contextmanager
def room(directory: Path) -> Iterator[BinaryIO]:
    """A temporary file in a directory; it goes away at the end, unless `settle` gave it its name."""
    path = directory / f"{TEMPORARY}{uuid.uuid4().hex}"
    try:
        with placing("write", directory):
            directory.mkdir(parents=True, exist_ok=True)
            with path.open("x+b") as file:
                yield file
    finally:
        with suppress(OSError):  # it has its name, or was never made
            path.unlink()


def settle(file: BinaryIO, path: Path) -> None:
    """Give a temporary file its final name, at once and complete."""
    file.flush()
    path.parent.mkdir(parents=True, exist_ok=True)
    Path(file.name).replace(path)


class Cache:
    """Files by digest below one directory; processes and threads may share it.

    A file is hashed when this process meets it for the first time, and again when it looks changed: damage on the
    disk costs a download, never a wrong value.

    >>> import tempfile
    >>> cache = Cache(Path(tempfile.mkdtemp()))
    >>> with cache.room() as file:
    ...     _ = file.write(b"abc")
    ...     path = cache.adopt(file, hashlib.sha256(b"abc").hexdigest())
    >>> path.read_bytes(), cache.find(path.name) == path
    (b'abc', True)
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._seen: set[tuple[str, int, int, int]] = set()
        self._busy: WeakValueDictionary[str, Lock] = WeakValueDictionary()
        self._lock = Lock()
        self._swept = False

    def place(self, sha256: str) -> Path:
        """Where the file of this digest is, or would be."""
        return self.root / sha256[:2] / sha256

    def find(self, sha256: str) -> Path | None:
        """The file of this digest, if it is there and undamaged."""
        path = self.place(sha256)
        with placing("read", path), suppress(FileNotFoundError), path.open("rb") as file:
            look = _look(sha256, os.fstat(file.fileno()))
            if look in self._seen or digest_of(file) == sha256:
                self._seen.add(look)
                with suppress(PermissionError):  # somebody else's
                    os.utime(file.fileno(), ns=(time.time_ns(), look[2]))  # when it was used last
                return path
            path.unlink()
        return None

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Keep other threads and processes from downloading the same content meanwhile."""
        with self._lock:
            lock = self._busy.get(what) or self._busy.setdefault(what, Lock())
        with lock, self._locked(what):
            yield

    @contextmanager
    def _locked(self, what: str) -> Iterator[None]:
        path = self.root / "locks" / _name_of(what)[:2]  # few, so that they can stay
        with placing("write", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = path.open("a+b")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def digest_of_version(self, version: str) -> str | None:
        """The sha256 of a version of something elsewhere, if it was here once."""
        with suppress(FileNotFoundError):
            return self._version(version).read_text("ascii")
        return None

    def note_version(self, version: str, sha256: str) -> None:
        """Remember the sha256 of a version of something elsewhere."""
        with self.room() as file:
            file.write(sha256.encode("ascii"))
            settle(file, self._version(version))

    def _version(self, version: str) -> Path:
        return self.root / "versions" / _name_of(version)

    @contextmanager
    def room(self) -> Iterator[BinaryIO]:
        """A temporary file on the cache's disk."""
        self._sweep()
        with room(self.root) as file:
            yield file

    def adopt(self, file: BinaryIO, sha256: str) -> Path:
        """Keep the content of a temporary file of which the digest was just computed."""
        path = self.place(sha256)
        os.fchmod(file.fileno(), 0o444)  # whoever opens it to write in place is told
        settle(file, path)
        self._seen.add(_look(sha256, path.stat()))
        return path

    def take(self, path: Path, sha256: str) -> Path:
        """Keep a file that its owner gives away; it is moved, and hashed when it is first used."""
        place = self.place(sha256)
        with placing("write", place):
            place.parent.mkdir(parents=True, exist_ok=True)
            path.chmod(0o444)
            try:
                path.replace(place)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                with self.room() as file, path.open("rb") as source:  # from another disk
                    shutil.copyfileobj(source, file)
                    file.flush()
                    Path(file.name).replace(place)
                path.unlink()
        return place

    def collect(self, *, days: float, gb: float, now: float, dry_run: bool = False) -> tuple[int, int]:
        """Remove what was not used for so many days, and what was used longest ago beyond so many gigabytes.

        What was used during the last day stays, however much it is: a task may hold its path.

        Returns:
            How many files and bytes.
        """
        removed, kept = [], 0
        used = {path: path.stat() for path in self.files()}
        for path in sorted(used, key=lambda each: used[each].st_atime, reverse=True):
            age = now - used[path].st_atime
            kept += used[path].st_size
            if age > days * _DAY or (age > _DAY and kept > gb * 1e9):
                kept -= used[path].st_size
                removed.append(path)
        if removed and not dry_run:
            self._remove(removed)
        return len(removed), sum(used[path].st_size for path in removed)

    def files(self) -> Iterator[Path]:
        """All copies."""
        return self.root.glob("??/*")

    def is_whole(self, path: Path) -> bool:
        """Read a copy again: whether its bytes are those that its name tells."""
        with placing("read", path), path.open("rb") as file:
            return digest_of(file) == path.name

    def _remove(self, paths: list[Path]) -> None:
        """Remove files, the names that they have beside, and what is known of their versions."""
        for path in paths:
            path.unlink(missing_ok=True)
        for folder in self.root.glob("named/*"):
            if any(file.is_file() and file.stat().st_nlink == 1 for file in folder.rglob("*")):
                shutil.rmtree(folder)
        for note in self.root.glob("versions/*"):
            if not self.place(note.read_text("ascii")).exists():
                note.unlink()

    def _sweep(self) -> None:
        """Remove, once, what processes that were killed left behind: nobody wrote to it for a day."""
        if self._swept:
            return
        self._swept = True
        for path in self.root.glob(f"{TEMPORARY}*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - _DAY:
                    path.unlink()


def _name_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _look(sha256: str, state: os.stat_result) -> tuple[str, int, int, int]:
    return sha256, state.st_ino, state.st_mtime_ns, state.st_size
