"""From a value to the bytes of a format at a place."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pxw.codecs import File, TableCodec, registry
from pxw.codecs.documents import to_json
from pxw.codecs.tables import refuse_labels
from pxw.data.fitting import fitted, fitted_stream
from pxw.data.loading import hold_file, load
from pxw.data.places import codec_of, find, format_name, nowhere, reading
from pxw.data.writing import Facts, python_of, write
from pxw.errors import FormatError
from pxw.specs import Dataset, Local, Ref, suffixes
from pxw.stores import digests, local, publishing

if TYPE_CHECKING:
    from pxw.codecs.registry import AnyCodec
    from pxw.data.places import Place
    from pxw.specs import Compression

__all__ = ["copy", "save"]

_INLINE = 4096  # bytes of JSON that travel inside a Ref
_EXPLICIT = (
    "name a format for it: 'skops' (scikit-learn models), 'joblib' or 'pickle', as in pxw.Dataset(format='skops'), "
    "or register a codec for its type"
)


@dataclass(frozen=True)
class Target:
    """Where a value goes.

    Args:
        path: the final file or folder, without a suffix where the value decides it.
        durable: whether the disk must hold it before `save` returns.
        is_open: whether pxw chose the path, so that the value's format gives it a suffix.
    """

    path: Path
    durable: bool = True
    is_open: bool = False


def save(value: Any, spec: Dataset, *, beside: Path | None = None) -> Ref:
    """Write a value to a path of this machine: that of its spec or, if it has none, `beside` with a suffix."""
    target = _target(spec, beside)
    if isinstance(value, Path):
        return _save_path(value, spec, target)
    if _is_folder(value, spec):
        return _save_folder(value, spec, target)
    codec = _codec(value, spec, target)
    if target.is_open and codec.format in {"json", "text"}:
        ref = _inlined(value, codec, spec)
        if ref is not None:
            return ref
    path = _suffixed(target, codec, spec)
    with publishing.publish_file(path, durable=target.durable) as temporary:
        file = File(temporary, spec, _compression(spec), str(path))
        facts = write(value, codec, file)
        if codec.format in {"bytes", "text"}:
            hold_file(_as_target(file, path))
        return _ref(path, codec, spec, facts, temporary)


def _target(spec: Dataset, beside: Path | None) -> Target:
    if isinstance(spec, Local):
        return Target(local.target(spec))
    if beside is None:
        raise nowhere(spec)
    return Target(beside, durable=False, is_open=True)


def _is_folder(value: Any, spec: Dataset) -> bool:
    if isinstance(spec, Local) and spec.path.endswith("/"):
        return True
    if not isinstance(value, dict) or not value or not all(isinstance(name, str) for name in value):
        return False
    return _codec_of_target(spec) is None and any(
        _default_format(item) not in {"json", "text"} for item in value.values()
    )


def _codec(value: Any, spec: Dataset, target: Target) -> AnyCodec:
    """The codec that writes a value: what is bytes or text already is written as it is."""
    name = format_name(spec)
    default = _default_format(value)
    if default == "bytes" or (default == "text" and name != "json"):
        return registry.by_format(default)
    if name is not None:
        return registry.by_format(name)
    suffix = "" if target.is_open else suffixes(target.path.name)[0]
    by_suffix = registry.by_suffix(suffix)
    if by_suffix is not None:
        return by_suffix
    if suffix:
        raise FormatError(
            f"the suffix {suffix!r} of {target.path} tells no format", help=f"say format=...; {_formats()}"
        )
    if default is None:
        raise FormatError(f"no format holds a {type(value).__module__}.{type(value).__qualname__}", help=_EXPLICIT)
    return registry.by_format(default)


def _formats() -> str:
    return f"there are: {', '.join(registry.formats())}"


def _default_format(value: Any) -> str | None:
    return registry.by_type(type(value)) or ("bytes" if hasattr(value, "read") else None)


def _inlined(value: Any, codec: AnyCodec, spec: Dataset) -> Ref | None:
    if spec.format is not None or spec.compression not in {None, "none"} or spec.table is not None:
        return None
    text = value if codec.format == "text" else to_json(value)
    if len(text) > _INLINE:
        return None
    small = value if codec.format == "text" else json.loads(text)
    data = text.encode()
    return Ref(
        value=small, format=codec.format, size=len(data), digest=digests.digest_of(data), python=python_of(value)
    )


def _suffixed(target: Target, codec: AnyCodec, spec: Dataset) -> Path:
    if not target.is_open:
        return target.path
    name = format_name(spec) or codec.format
    compression = {"gzip": ".gz", "zstd": ".zst"}.get(_compression(spec), "")
    return target.path.with_name(f"{target.path.name}{registry.suffix_of(name)}{compression}")


def _compression(spec: Dataset) -> Compression:
    return spec.compressed if isinstance(spec, Local) else spec.compression or "none"


def _as_target(file: File, path: Path) -> File:
    """The temporary file, read as what its final name says."""
    by_suffix = registry.by_suffix(suffixes(path.name)[0])
    known = file.spec.format or (by_suffix.format if by_suffix else "bytes")
    return replace(file, spec=file.spec.model_copy(update={"format": known}))


def _ref(path: Path, codec: AnyCodec, spec: Dataset, facts: Facts, written: Path) -> Ref:
    """The reference to what is about to be at `path`; another writer may replace it there at once."""
    by_suffix = registry.by_suffix(suffixes(path.name)[0])
    # Bytes and text keep the format that their place or spec says they are of.
    own_name = by_suffix.format if by_suffix and codec.format in {"bytes", "text"} else codec.format
    return Ref(
        place=str(path),
        format=spec.format or own_name,
        compression=_compression(spec),
        size=written.stat().st_size,
        digest=digests.digest(written),
        rows=facts.rows,
        columns=facts.columns,
        checked=facts.checked,
        python=facts.python,
    )


def _copied_files(place: Place, target: Target) -> Ref:
    with publishing.publish_folder(target.path, durable=target.durable) as temporary:
        for name, file in place.files.items():
            publishing.copy(file.path, publishing.entry_path(temporary, name))
    return _folder_ref(target.path)


def _save_path(value: Path, spec: Dataset, target: Target) -> Ref:
    """Copy a file or folder that the task wrote itself."""
    source = Local(f"{value}/" if value.is_dir() else value)
    place = find(source)
    if place.folder is not None:
        return _copied_files(place, target)
    packed = spec.compression or (source.compressed if target.is_open else _compression(spec))
    given, wanted = registry.by_suffix(source.suffix), _codec_of_target(spec)
    if packed != source.compressed or (given and wanted and given is not wanted):
        return copy(source, spec, beside=target.path)
    suffix = "".join(value.suffixes[-2:]) if packed != "none" else value.suffix
    path = target.path.with_name(target.path.name + suffix) if target.is_open else target.path
    spec = spec.model_copy(update={"compression": packed})
    codec = given or wanted or registry.by_format("bytes")
    with publishing.publish_file(path, durable=target.durable) as temporary:
        publishing.copy(place.file.path, temporary)
        hold_file(_as_target(File(temporary, spec, packed, str(path)), path))
        return _ref(path, codec, spec, Facts("pathlib.Path"), temporary)


def _save_folder(value: Any, spec: Dataset, target: Target) -> Ref:
    """Write one file an entry; the names are the entries' own."""
    if not isinstance(value, dict):
        raise FormatError(
            f"a {type(value).__name__} cannot fill a folder", help="return a dict of file names to values, or a Path"
        )
    plain = Dataset(**{name: getattr(spec, name) for name in Dataset.model_fields.keys() & spec.model_fields_set})
    with publishing.publish_folder(target.path, durable=target.durable) as temporary:
        for name, item in value.items():
            _save_entry(item, name, plain, temporary)
    return _folder_ref(target.path)


def _save_entry(item: Any, name: str, spec: Dataset, folder: Path) -> None:
    path = publishing.entry_path(folder, str(name))
    entry = Local(path).inherit(spec)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not suffixes(path.name)[0] and not isinstance(item, bytes | str | Path):
        codec = _codec(item, entry, Target(path))
        path = path.with_name(f"{path.name}{registry.suffix_of(codec.format)}")
    if path.exists():
        raise FormatError(f"two entries of the folder are the file {path.relative_to(folder)}", help="rename one")
    if isinstance(item, Path):
        publishing.copy(item, path)
        return
    write(item, _codec(item, entry, Target(path)), File(path, entry, _compression(entry), str(name)))


def _folder_ref(path: Path) -> Ref:
    found = local.find(Local(f"{path}/"))
    return Ref(
        place=f"{path}/",
        format="folder",
        size=found.size,
        digest=digests.digest_of_folder(found),
        python="builtins.dict",
    )


def copy(ref: Ref | Dataset, spec: Dataset, *, beside: Path | None = None) -> Ref:
    """Copy what a `Ref` or a spec points at to a path of this machine."""
    place = find(ref)
    if place.folder is not None:
        return _copied_files(place, _target(spec, beside))  # of a pattern, only what fits it
    if isinstance(spec, Local) and _same_format(place.spec, place.file, spec):
        return _copied(ref, place.file, spec)
    codec = _codec_of_target(spec)
    value = _rows(ref, place, codec) if isinstance(codec, TableCodec) else load(ref)
    copied = save(value, spec, beside=beside)
    return copied.changed(python=ref.python) if isinstance(ref, Ref) else copied


def _rows(ref: Ref | Dataset, place: Place, target: TableCodec) -> pa.Table | pa.RecordBatchReader:
    """All rows batch by batch, with what a frame's index and dtypes are where the target can hold that."""
    with reading(place.file):
        codec, file = codec_of(place.file)
        if not isinstance(codec, TableCodec) or not codec.is_exact:
            return load(ref, pa.RecordBatchReader)
        schema = codec.header(file)
        if not target.is_exact:
            refuse_labels(schema)
            return load(ref, pa.RecordBatchReader)
        if any(pa.types.is_dictionary(field.type) for field in schema):  # a batch may know some categories only
            return fitted(codec.read_table(file), place.spec, file.name, place.checked)
        return fitted_stream(codec.read_batches(file), place.spec, file.name, place.checked)


def _copied(ref: Ref | Dataset, file: File, spec: Dataset) -> Ref:
    known = ref if isinstance(ref, Ref) else Ref()
    facts = Facts(known.python, known.rows, known.columns, known.checked)
    path = _target(spec, None).path
    with publishing.publish_file(path, durable=True) as temporary:
        publishing.copy(file.path, temporary)
        return _ref(path, _codec_of_copied(file), spec, facts, temporary)


def _codec_of_copied(file: File) -> AnyCodec:
    suffix = suffixes(file.path.name)[0]
    unknown = format_name(file.spec) is None and registry.by_suffix(suffix) is None
    return registry.by_format("bytes") if unknown else codec_of(file)[0]


def _same_format(given: Dataset, file: File, spec: Dataset) -> bool:
    """Whether the bytes can stay as they are."""
    if spec.table is not None or _compression(spec) != file.compression:
        return False
    source, target = _codec_of_copied(file), _codec_of_target(spec)
    options = {option for option in (given.format, spec.format) if option is not None and not isinstance(option, str)}
    return target is None or (source is target and len(options) < 2 and (not options or given.format == spec.format))


def _codec_of_target(spec: Dataset) -> AnyCodec | None:
    name = format_name(spec)
    if name is not None:
        return registry.by_format(name)
    return registry.by_suffix(spec.suffix) if isinstance(spec, Local) else None
