"""Files and folders of this machine."""

from __future__ import annotations

import os
import time
from functools import lru_cache
from pathlib import Path

from pxw.errors import DatasetAlteredError, MissingDataError, PlaceError, SpecError
from pxw.specs import Local, Ref
from pxw.stores.base import Found
from pxw.stores.digests import digest, digest_of_folder
from pxw.stores.faults import missing, naming_faults
from pxw.stores.publishing import TEMPORARY
from pxw.stores.workspace import refuse_passing

__all__ = [
    "Found",
    "absolute",
    "entries",
    "find",
    "find_ref",
    "fingerprint",
    "glimpse",
    "refuse_unwritable",
    "stamp",
    "target",
    "verify",
]

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
            raise missing(path)
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
        raise missing(root)
    files = {_name(file, root): file for file in sorted(root.glob(str(Path(*parts[first:])))) if _is_entry(file, root)}
    if not files:
        raise MissingDataError(f"no file fits the pattern {pattern}", help=f"{root} holds {_some(_listing(root))}")
    return Found(root, files)


def _listing(folder: Path) -> dict[str, Path]:
    return {_name(file, folder): file for file in sorted(folder.rglob("*")) if _is_entry(file, folder)}


def _name(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


def _is_entry(file: Path, root: Path) -> bool:
    return file.is_file() and not any(part.endswith(TEMPORARY) for part in file.relative_to(root).parts)


def _some(files: dict[str, Path]) -> str:
    return ", ".join(list(files)[:5]) + (", ..." if len(files) > 5 else "") or "no files"


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
        help="`pxw cache gc` removes intermediates of finished runs by age and size: run the flow again. If another "
        "machine wrote it, the two share no disk: set PXW_STORE to a folder or an object store that both reach, or "
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
