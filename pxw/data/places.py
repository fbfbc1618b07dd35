"""From a spec or a `Ref` to the files behind it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pxw.codecs import File, registry
from pxw.ddm.address import address as ddm_address
from pxw.ddm.address import is_address
from pxw.errors import (
    CorruptDataError,
    DatasetAlteredError,
    FormatError,
    MissingDataError,
    PxwError,
    SpecError,
    nearest,
)
from pxw.settings import load_settings
from pxw.specs import DDM, Dataset, Local, Ref, suffixes
from pxw.stores import local, own

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pxw.codecs.registry import AnyCodec

__all__ = [
    "Place",
    "address",
    "codec_of",
    "entries",
    "find",
    "fingerprint",
    "format_name",
    "is_whole",
    "reading",
    "stamp",
    "verify",
]


def address(spec: Dataset) -> str:
    """The place that a spec means here and now, as one text that tells it from all others; empty if it has none."""
    if isinstance(spec, DDM):
        return ddm_address(spec.project, spec.name)
    return str(local.absolute(spec)) if isinstance(spec, Local) else ""


@dataclass(frozen=True)
class Place:
    """The files of a dataset: one, or a folder's by name.

    Args:
        spec: what is known of the format, and what the reader declared of the content.
        files: by their names; that of a single file is its own.
        folder: the folder, where the dataset is one.
        checked: fingerprint of the schema that the content is known to fit.
        columns: the types that the columns had when they were saved.
        python: the type that was saved.
    """

    spec: Dataset
    files: dict[str, File]
    folder: Path | None = None
    checked: str = ""
    columns: dict[str, str] | None = None
    python: str = ""

    @property
    def file(self) -> File:
        """The single file."""
        return next(iter(self.files.values()))


def find(source: Ref | Dataset, declared: Dataset | None = None) -> Place:
    """Find the files behind a spec or a `Ref`, as `declared` by whoever reads them."""
    declared = declared or Dataset()
    if isinstance(source, Ref):
        return _of_ref(source, declared)
    spec = source.inherit(declared)
    if isinstance(spec, Local):
        found = local.find(spec)
        compression = None if found.files is not None else spec.compressed
        return _place(found, spec, compression)
    if isinstance(spec, DDM):
        from pxw.data import remote  # noqa: PLC0415 - httpx is paid for only where there is a DDM

        return remote.find(spec)
    raise SpecError(
        f"{spec} says what a dataset is, not where", help="use pxw.Local(path) or pxw.DDM(project=..., name=...)"
    )


def _of_ref(ref: Ref, declared: Dataset) -> Place:
    compression = None if ref.format == "folder" else ref.compression  # in a folder each file's name tells its own
    spec = declared.model_copy(update={"format": ref.format, "compression": compression})
    if is_address(ref.place):
        from pxw.data import remote  # noqa: PLC0415 - as above

        return remote.find_ref(ref, spec)
    try:
        found = local.find(Local(ref.place))
    except MissingDataError as error:
        raise MissingDataError(
            f"the data of {ref.source} is gone: {ref.place}",
            at=f"run {ref.run}" if ref.run else "",
            help="intermediates of finished runs are removed by age and size (`pxw gc`): run the flow again",
        ) from error
    if found.size != ref.size:
        raise DatasetAlteredError(
            f"{ref.place} was changed after {ref.source} wrote it: {ref.size:,} bytes then, {found.size:,} now",
            help="run the flow again",
        )
    place = _place(found, spec, ref.compression)
    return Place(spec, place.files, place.folder, ref.checked, ref.columns, ref.python)


def _place(found: local.Found, spec: Dataset, compression: str | None) -> Place:
    if found.files is None:
        return Place(spec, {found.path.name: File(found.path, spec, compression or "none", str(found.path))})
    files = {
        name: File(path, spec, spec.compression or suffixes(name)[1], str(path)) for name, path in found.files.items()
    }
    return Place(spec, files, found.path)


def verify(ref: Ref) -> None:
    """Compare the bytes behind a `Ref` with its digest: what a later run does before it reuses an intermediate.

    Raises:
        DatasetAlteredError: they are not what was written.
    """
    if is_address(ref.place):
        from pxw.data import remote  # noqa: PLC0415 - as above

        remote.verify(ref)
    elif ref.place:
        _of_ref(ref, Dataset())  # it is there, and as large as it was
        if fingerprint(Local(ref.place)) != ref.digest:
            raise DatasetAlteredError(f"{ref.place} was changed after {ref.source} wrote it", help="run the flow again")


def is_whole(result: Any) -> bool:
    """Whether what is behind every reference in a result, also in its lists and dicts, is still what was written."""
    if isinstance(result, list | tuple | dict):
        return all(map(is_whole, result.values() if isinstance(result, dict) else result))
    try:
        if isinstance(result, Ref):
            verify(result)
    except (PxwError, OSError):
        return False
    return True


def fingerprint(spec: Local | DDM) -> str:
    """What tells whether the same bytes are at a place as before."""
    if isinstance(spec, DDM):
        from pxw.data import remote  # noqa: PLC0415 - as above

        return remote.fingerprint(spec)
    found = local.find(spec)
    if found.files is not None:
        return local.digest_of_folder(found)
    state = found.path.stat()
    return _digest(str(found.path), state.st_mtime_ns, state.st_size)


_SETTLED = 20_000_000  # nanoseconds: a clock of files may tick only every few milliseconds


def stamp(spec: Dataset) -> str:
    """What tells, without reading them, whether a place's files are those that were there before.

    It is empty where nothing can tell yet: a file may be written twice in one tick of the clock.
    """
    if not isinstance(spec, Local):
        return fingerprint(spec) if isinstance(spec, DDM) else ""
    found = local.find(spec)
    files = found.files if found.files is not None else {"": found.path}
    states = {name: path.stat() for name, path in files.items()}
    if any(state.st_ctime_ns > time.time_ns() - _SETTLED for state in states.values()):
        return ""
    return repr([(name, state.st_size, state.st_mtime_ns, state.st_ctime_ns) for name, state in states.items()])


@lru_cache(1024)
def _digest(place: str, _mtime: int, _size: int) -> str:
    return local.digest(Path(place))


def entries(source: Ref | Local | DDM) -> list[Local] | list[DDM]:
    """A spec for each file of a folder or pattern, sorted by name; what else was said of the whole holds for each."""
    if isinstance(source, DDM) or (isinstance(source, Ref) and is_address(source.place)):
        from pxw.data import remote  # noqa: PLC0415 - as above

        return remote.entries(source)
    place = find(source)
    if place.folder is None:
        raise SpecError(f"{source} is one file, not a folder", help="end its path with a slash, or use a pattern")
    update = {"format": place.spec.format if place.spec.format != "folder" else None}
    plain = Dataset.model_fields.keys() & place.spec.model_fields_set
    said = {name: getattr(place.spec, name) for name in plain} | update
    return [Local(file.path, **said) for file in place.files.values()]


def format_name(spec: Dataset) -> str | None:
    """The name of the format that a spec spells out."""
    return spec.format if spec.format is None or isinstance(spec.format, str) else spec.format.name


def codec_of(file: File) -> tuple[AnyCodec, File]:
    """The codec that a file is read with, and the file with what its codec may know of its trust."""
    name = format_name(file.spec)
    suffix = suffixes(file.path.name)[0]
    if not name or name == "folder":
        name = None if suffix else "bytes"
    codec = registry.by_format(name) if name else registry.by_suffix(suffix)
    if codec is None:
        raise FormatError(
            f"the suffix {suffix!r} of {file} tells no format",
            help=f"say format=..., {nearest(suffix.lstrip('.'), registry.formats())}",
        )
    if codec.runs_code:
        trusted = file.spec.allow_pickle or own.wrote(file.path, load_settings().home)
        file = File(file.path, file.spec, file.compression, file.name, trusted)
    return codec, file


@contextmanager
def reading(file: File) -> Iterator[None]:
    """Word what a broken file makes a codec say."""
    try:
        yield
    except PxwError:
        raise
    except (pa.ArrowException, EOFError, UnicodeDecodeError) as error:
        raise _broken(file, error) from error
    except OSError as error:
        if error.errno is None:  # a decompressor's
            raise _broken(file, error) from error
        with local.naming_faults(file.path, "read"):
            raise


def _broken(file: File, error: Exception) -> CorruptDataError:
    kind = format_name(file.spec) or suffixes(file.path.name)[0].lstrip(".")
    return CorruptDataError(
        f"{file} is not a whole {kind} file",
        details=[str(error).partition("\n")[0]],
        help="it may be cut short, or of another format: say format=... if its suffix is wrong",
    )
