"""Files and folders of this machine.

Everything appears by writing to a temporary name beside the target and renaming, so a final name never holds half a
dataset. A temporary is locked while its writer lives; what a killed writer left is removed by the next one. A process
that ends itself in the middle of its threads' work calls `abandon` first.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import shutil
import threading
import time
from contextlib import contextmanager, suppress
from functools import lru_cache
from glob import escape
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from uuid import uuid4

import xxhash

from pxw.errors import (
    DataError,
    DatasetAlteredError,
    MissingDataError,
    PlaceError,
    SpecError,
    StorageFullError,
    nearest,
)
from pxw.specs import Local, Ref
from pxw.stores.base import Found
from pxw.stores.workspace import refuse_passing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "Found",
    "abandon",
    "copy",
    "digest",
    "digest_of",
    "digest_of_folder",
    "entries",
    "entry_path",
    "find",
    "find_ref",
    "fingerprint",
    "glimpse",
    "naming_faults",
    "publish_file",
    "publish_folder",
    "refuse_unwritable",
    "stamp",
    "sweep",
    "target",
    "verify",
]

_TEMPORARY = ".pxw-tmp"
_WINDOW = 1 << 26
_SETTLED = 20_000_000  # nanoseconds: a clock of files may tick only every few milliseconds


def absolute(spec: Local) -> Path:
    """The path that a spec means here and now."""
    return Path(spec.address)


def target(spec: Local) -> Path:
    """The path that a spec means as a place to write to."""
    if spec.is_pattern:
        raise SpecError(f"a pattern is no place to write to: {spec}", help="name a folder, ending in a slash")
    path = absolute(spec)
    refuse_passing(path)
    return path


def find(spec: Local) -> Found:
    """Look at a place; everything that could keep it from being read is found here.

    Raises:
        MissingDataError: nothing is there, or no file fits the pattern.
        PlaceError: a folder where a file is declared, or the other way round, or no permission.
    """
    path = absolute(spec)
    try:
        return _find(spec, path)
    except MissingDataError as error:
        if not Path(spec.path).expanduser().is_absolute():
            error.at = f"{spec.path!r} from the working directory {Path.cwd()}"
        raise


def _find(spec: Local, path: Path) -> Found:
    with naming_faults(path, "read"):
        if spec.is_pattern:
            return _matches(path)
        if path.is_dir():
            return Found(path, _listing(path))
        if not path.exists():
            raise _missing(path)
        if spec.path.endswith(("/", os.sep)):
            raise PlaceError(f"a folder is declared, and {path} is a file", help="leave out the slash at its end")
        if not path.is_file():
            raise PlaceError(f"{path} is neither a file nor a folder", help="save what comes out of it to a file first")
        with path.open("rb"):  # permission
            return Found(path)


def _matches(pattern: Path) -> Found:
    parts = pattern.parts
    first = next(place for place, part in enumerate(parts) if any(sign in part for sign in "*?["))
    root = Path(*parts[:first])
    if not root.is_dir():
        raise _missing(root)
    files = {_name(file, root): file for file in sorted(root.glob(str(Path(*parts[first:])))) if _is_entry(file, root)}
    if not files:
        raise MissingDataError(f"no file fits the pattern {pattern}", help=f"{root} holds {_some(_listing(root))}")
    return Found(root, files)


def _listing(folder: Path) -> dict[str, Path]:
    return {_name(file, folder): file for file in sorted(folder.rglob("*")) if _is_entry(file, folder)}


def _name(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


def _is_entry(file: Path, root: Path) -> bool:
    return file.is_file() and not any(part.endswith(_TEMPORARY) for part in file.relative_to(root).parts)


def _some(files: dict[str, Path]) -> str:
    return ", ".join(list(files)[:5]) + (", ..." if len(files) > 5 else "") or "no files"


def _missing(path: Path) -> MissingDataError:
    if path.is_symlink():
        return MissingDataError(f"{path} is a link to {path.readlink()}, which is not there")
    folder = next(parent for parent in path.parents if parent.is_dir())
    if folder != path.parent:
        return MissingDataError(f"there is no {path}", help=f"the last folder of this path that exists is {folder}")
    with suppress(OSError):
        return MissingDataError(f"there is no {path}", help=f"in {folder}: {nearest(path.name, _names(folder))}")
    return MissingDataError(f"there is no {path}")


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in islice(folder.iterdir(), 2000))


glimpse = find


def find_ref(ref: Ref) -> Found:
    """What a reference means.

    Raises:
        MissingDataError: it was removed, or is on another machine.
        DatasetAlteredError: it has another size than it had.
    """
    try:
        found = find(Local(ref.place))
    except MissingDataError as error:
        raise _gone(ref) from error
    if found.size != ref.size:
        raise DatasetAlteredError(
            f"{ref.place} was changed after {ref.source} wrote it: {ref.size:,} bytes then, {found.size:,} now",
            help="run the flow again",
        )
    return found


def _gone(ref: Ref) -> MissingDataError:
    return MissingDataError(
        f"the data of {ref.source} is gone: {ref.place}",
        at=f"run {ref.run}" if ref.run else "",
        help="`pxw gc` removes intermediates of finished runs by age and size: run the flow again. If another machine "
        "wrote it, the two share no disk: set PXW_STORE to a folder or an object store that both reach, or "
        "PXW_DATASET_MANAGEMENT=DDM",
    )


def entries(source: Ref | Local) -> list[Local]:
    """A spec for each file of a folder or pattern."""
    found = find_ref(source) if isinstance(source, Ref) else find(source)
    if found.files is None:
        raise SpecError(f"{source} is one file, not a folder", help="end its path with a slash, or use a pattern")
    return [Local(path) for path in found.files.values()]


def fingerprint(spec: Local) -> str:
    """The digest of what is at a place."""
    return _fingerprint(find(spec))


def stamp(spec: Local) -> str:
    """Sizes and times; empty if a file was changed just now, since it may be changed again in one tick of the clock."""
    found = find(spec)
    files = found.files if found.files is not None else {"": found.path}
    states = {name: path.stat() for name, path in files.items()}
    if any(state.st_ctime_ns > time.time_ns() - _SETTLED for state in states.values()):
        return ""
    return repr([(name, state.st_size, state.st_mtime_ns, state.st_ctime_ns) for name, state in states.items()])


def verify(ref: Ref) -> None:
    """Compare the bytes behind a reference with its digest."""
    if _fingerprint(find_ref(ref)) != ref.digest:
        raise DatasetAlteredError(f"{ref.place} was changed after {ref.source} wrote it", help="run the flow again")


def _fingerprint(found: Found) -> str:
    if found.files is not None:
        return digest_of_folder(found)
    state = found.path.stat()
    return _known_digest(str(found.path), state.st_mtime_ns, state.st_size)


@lru_cache(1024)
def _known_digest(place: str, _mtime: int, _size: int) -> str:
    return digest(Path(place))


def refuse_unwritable(spec: Local, _name: str = "") -> None:
    """Refuse a pattern, and a place below a file or a folder without permission."""
    place = target(spec)
    folder = next(parent for parent in (place.parent, *place.parents) if parent.exists())
    if not folder.is_dir():
        raise PlaceError(f"a part of {place} is a file, not a folder: {folder}")
    if not os.access(folder, os.W_OK):
        raise PlaceError(f"no permission to write to {folder}")


@contextmanager
def naming_faults(path: Path, doing: str) -> Iterator[None]:
    """Word what the operating system says about a place."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise _missing(path) from error
    except PermissionError as error:
        raise PlaceError(f"no permission to {doing} {error.filename or path}", help="ask who owns it") from error
    except IsADirectoryError as error:
        raise PlaceError(f"{path} is a folder, and a file is declared", help="end the path with a slash") from error
    except (NotADirectoryError, FileExistsError) as error:
        raise PlaceError(f"a part of {path} is a file, not a folder") from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFullError(
                f"no space left to {doing} {path}", help=f"free some ({_free(path)} are left), or choose another place"
            ) from error
        raise PlaceError(f"cannot {doing} {path}: {error}") from error


def _free(path: Path) -> str:
    folder = next(parent for parent in path.parents if parent.is_dir())
    return f"{shutil.disk_usage(folder).free:,} bytes"


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
    temporary, lock = _locked(target.with_name(f"{stem}{uuid4().hex[:12]}{_TEMPORARY}"), create)
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
    for stale in folder.glob(f"{escape(stem)}*{_TEMPORARY}"):
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


def digest(path: Path) -> str:
    """A fingerprint of a file's bytes (XXH3, 128 bits), to tell whether they changed; no defence against forgery."""
    state = xxhash.xxh3_128()
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        for start in range(0, size, _WINDOW):  # mapped bytes are not copied, and counted as memory while they are
            length = min(_WINDOW, size - start)
            with mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ, offset=start) as data:
                state.update(data)
    return f"xxh3:{state.hexdigest()}"


def digest_of(data: bytes) -> str:
    """The same of bytes at hand."""
    return f"xxh3:{xxhash.xxh3_128_hexdigest(data)}"


def digest_of_folder(found: Found) -> str:
    """The same of a folder: its files' names and fingerprints."""
    lines = [f"{name}\0{digest(file)}\n" for name, file in (found.files or {}).items()]
    return digest_of("".join(lines).encode())


def copy(source: Path, target: Path) -> None:
    """Copy a file's bytes, sharing them on disk where the file system can."""
    with naming_faults(source, "read"):
        source.open("rb").close()
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
