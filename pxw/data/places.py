"""From a spec or a `Ref` to the files behind it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pxw.codecs import File, registry
from pxw.codecs.registry import known_as
from pxw.errors import CorruptDataError, FormatError, PxwError, SpecError, nearest
from pxw.settings import load_settings
from pxw.specs import Dataset, Placed, Ref, suffixes
from pxw.stores import faults, own, store_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pxw.codecs.registry import AnyCodec
    from pxw.stores.base import Found

__all__ = [
    "Place",
    "codec_of",
    "entries",
    "find",
    "fingerprint",
    "format_name",
    "glimpse",
    "is_whole",
    "nowhere",
    "reading",
    "stamp",
    "verify",
]


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
    if not isinstance(spec, Placed):
        raise nowhere(spec)
    return _place(store_of(spec).find(spec), spec, spec.compressed)


def glimpse(spec: Placed, declared: Dataset) -> Place:
    """The same, as far as looking at the files is cheap."""
    spec = spec.inherit(declared)
    return _place(store_of(spec).glimpse(spec), spec, spec.compressed)


def nowhere(spec: Dataset) -> SpecError:
    """The error of a spec that should say where."""
    return SpecError(
        f"{spec} says what a dataset is, not where",
        help="use pxw.Local(path), pxw.Remote(url) or pxw.DDM(project=..., name=...)",
    )


def _of_ref(ref: Ref, declared: Dataset) -> Place:
    compression = None if ref.format == "folder" else ref.compression  # in a folder each file's name tells its own
    spec = declared.model_copy(update={"format": ref.format, "compression": compression})
    place = _place(store_of(ref).find_ref(ref), spec, ref.compression)
    return replace(place, checked=ref.checked, columns=ref.columns, python=ref.python)


def _place(found: Found, spec: Dataset, compression: str) -> Place:
    if found.files is None:
        file = File(found.path, spec, compression, found.origin or str(found.path))
        return Place(spec, {found.path.name: file})
    files = {
        name: File(
            path, spec, spec.compression or suffixes(name)[1], f"{found.origin}{name}" if found.origin else str(path)
        )
        for name, path in found.files.items()
    }
    return Place(spec, files, found.path)


def verify(ref: Ref) -> None:
    """Make sure that the bytes behind a `Ref` are there: what a later run does before it reuses an intermediate.

    Raises:
        MissingDataError, DatasetAlteredError: they are not what was written.
    """
    if ref.place:
        store_of(ref).verify(ref)


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


def fingerprint(spec: Placed) -> str:
    """What tells whether the same bytes are at a place as before."""
    return store_of(spec).fingerprint(spec)


def stamp(spec: Placed) -> str:
    """The same without reading files; empty where nothing can tell yet."""
    return store_of(spec).stamp(spec)


def entries(source: Ref | Placed) -> list[Placed]:
    """A spec for each file of a folder or pattern, sorted by name; what else was said of the whole holds for each."""
    found = store_of(source).entries(source)
    if isinstance(source, Ref):
        return list(found)
    said = source if source.format != "folder" else source.model_copy(update={"format": None})
    return [entry.inherit(said) for entry in found]


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
    except Exception as error:
        if _means_broken(error):
            raise _broken(file, error) from error
        with faults.naming_faults(file.path, "read"):
            raise


def _means_broken(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno is None  # a decompressor's
    return isinstance(error, EOFError | UnicodeDecodeError) or known_as(error, "pyarrow", "ArrowException")


def _broken(file: File, error: Exception) -> CorruptDataError:
    kind = format_name(file.spec) or suffixes(file.path.name)[0].lstrip(".")
    return CorruptDataError(
        f"{file} is not a whole {kind} file",
        details=[str(error).partition("\n")[0]],
        help="it may be cut short, or of another format: say format=... if its suffix is wrong",
    )
