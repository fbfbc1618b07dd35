"""From a place to a value of the type that is asked for."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as pt
from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError

from pxw.codecs import File, TableCodec
from pxw.codecs.documents import from_json, to_json
from pxw.codecs.kinds import is_stream_type, is_table_type, table_type
from pxw.codecs.plain import BytesCodec, TextCodec
from pxw.codecs.tables import for_others, from_table, without_labels
from pxw.data.asked import asked, is_path, is_stream, many, plain
from pxw.data.fitting import fitted, fitted_stream, hold_value
from pxw.data.places import Place, codec_of, find, reading
from pxw.data.schema import schema_of
from pxw.errors import FormatError, MissingDataError, PlaceError
from pxw.schemas import compile_schema, fit
from pxw.specs import Dataset, Placed, Ref

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pxw.codecs.registry import AnyCodec

__all__ = ["hold_file", "load"]


def load(source: Ref | Dataset, as_: Any = None, declared: Dataset | None = None) -> Any:
    """Load what a spec or a `Ref` points at.

    Args:
        source: what to load.
        as_: the type to load it as; by default a pandas frame for tables, and what the format suits otherwise.
        declared: what the reader expects: format, schema, ...
    """
    as_ = asked(as_)
    if isinstance(source, Ref) and not source.place:
        return _inlined(source, as_, declared)
    place = find(source, declared)
    if place.folder is not None and is_path(as_):
        return _path_of(place, source)
    if place.folder is not None:
        return _folder(place, as_)
    return _one(place.file, as_ or table_type(place.python), place)


def _inlined(ref: Ref, as_: Any, declared: Dataset | None) -> Any:
    if is_path(as_) or is_stream(as_) or is_table_type(as_):
        raise FormatError(
            f"a small JSON value has no file that could be opened as {as_.__name__}",
            at=ref.source,
            help="declare the output with a format or a place, such as pxw.Dataset(format='json')",
        )
    hold_value(ref.value, declared or Dataset(), ref.source)
    if as_ is None:
        return deepcopy(ref.value)  # a task may change what it gets
    if as_ is str or as_ is bytes:
        text = ref.value if isinstance(ref.value, str) else to_json(ref.value)
        return text if as_ is str else text.encode()
    return _instance(from_json(to_json(ref.value), as_, ref.source), as_, ref.source)


def _path_of(place: Place, source: Ref | Dataset) -> Path | None:
    if isinstance(source, Placed) and source.is_pattern:
        raise PlaceError(
            f"{source} means {len(place.files)} files, and {place.folder} may hold others", help="annotate list[Path]"
        )
    return place.folder


def _folder(place: Place, as_: Any) -> Any:
    each = many(as_)
    if each is not None:
        kind, inner = each
        values = {name: _one(file, inner, place) for name, file in place.files.items()}
        return values if kind is dict else list(values.values())
    if is_table_type(as_):
        if not place.files:
            raise MissingDataError(f"{place.folder} holds no files, so no table")
        tables = [for_others(_one(file, pa.Table, place)) for file in place.files.values()]
        return from_table(pa.concat_tables(tables, promote_options="permissive"), as_)
    if as_ is None or as_ is dict:
        return {name: _one(file, None, place) for name, file in place.files.items()}
    raise PlaceError(
        f"{place.folder} is a folder of {len(place.files)} files, not one {getattr(as_, '__name__', as_)}",
        help="annotate dict[str, T] or list[T] (one value a file), a table type (all rows), or pathlib.Path",
    )


def _one(file: File, as_: Any, place: Place) -> Any:
    with reading(file):
        if is_path(as_) or is_stream(as_) or as_ in {bytes, str}:
            hold_file(file, place)
            return _bare(file, as_)
        codec, file = codec_of(file)
        return _decoded(codec, file, as_, place)


def _bare(file: File, as_: Any) -> Any:
    """The file itself, or what is in it as it is."""
    if is_path(as_):
        return file.path
    if is_stream(as_):
        return file.open_read()
    return (BytesCodec() if as_ is bytes else TextCodec()).read(file, as_)


def hold_file(file: File, place: Place | None = None) -> None:
    """Check a file that passes as it is against the schema that is declared of it."""
    schema = schema_of(file.spec)
    if schema is None or (place and place.checked == schema.fingerprint):
        return
    place = place or Place(file.spec, {file.name: file})
    with reading(file):
        codec, file = codec_of(file)
        rows = _decoded(codec, file, pa.RecordBatchReader if isinstance(codec, TableCodec) else None, place)
        if isinstance(codec, TableCodec):
            for _ in rows:
                pass


def _decoded(codec: AnyCodec, file: File, as_: Any, place: Place) -> Any:
    if isinstance(codec, TableCodec):
        file = replace(file, texts=_texts(codec, place))
        if is_stream_type(as_):
            return _stream(codec, file, place)
        table = _with_saved_types(codec.read_table(file), codec, place)
        table = fitted(table, place.spec, file.name, place.checked)
        return from_table(table, as_) if as_ is None or is_table_type(as_) else _rows(table, as_, file)
    if is_table_type(as_) and not codec.runs_code:
        if codec.format != "json":
            raise FormatError(
                f"{file} holds no table but {codec.format}", help="annotate the parameter with another type"
            )
        return from_table(fitted(codec.read(file, pa.Table), place.spec, file.name), as_)
    value = codec.read(file, as_)
    hold_value(value, place.spec, file.name)
    return _instance(value, as_, file)


def _stream(codec: TableCodec, file: File, place: Place) -> pa.RecordBatchReader:
    batches = codec.read_batches(file)
    empty = for_others(batches.schema.empty_table()).schema

    def plain_batches() -> Iterator[pa.RecordBatch]:
        with reading(file):
            for batch in batches:
                yield from for_others(pa.Table.from_batches([batch])).to_batches()

    return fitted_stream(
        pa.RecordBatchReader.from_batches(empty, plain_batches()), place.spec, file.name, place.checked
    )


def _texts(codec: TableCodec, place: Place) -> frozenset[str]:
    """The columns that are declared as something else than numbers: `12345` may be a text, `2020` a date."""
    if codec.is_exact:
        return frozenset()
    schemas = [schema_of(place.spec), compile_schema(place.columns) if place.columns else None]
    fields = [field for schema in schemas if schema is not None for field in schema.arrow]
    return frozenset(field.name for field in fields if not _is_plain(field.type))


def _is_plain(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_boolean(kind) or pt.is_null(kind))


def _with_saved_types(table: pa.Table, codec: TableCodec, place: Place) -> pa.Table:
    """Text forgets types; a `Ref` remembers those that its columns had."""
    if codec.is_exact or not place.columns:
        return table
    return fit(table, compile_schema(place.columns))[0]


def _rows(table: pa.Table, as_: Any, file: File) -> Any:
    try:
        return TypeAdapter(as_).validate_python(without_labels(table).to_pylist())
    except (ValidationError, PydanticSchemaGenerationError) as error:
        faults = error.errors()[:10] if isinstance(error, ValidationError) else []
        raise FormatError(
            f"the rows of {file} cannot become a {getattr(as_, '__name__', as_)}",
            details=[f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults],
            help="annotate a table type such as pandas.DataFrame, or list[Model]",
        ) from error


def _instance(value: Any, as_: Any, file: File | str) -> Any:
    kind = plain(as_)
    if isinstance(kind, type) and not isinstance(value, kind):
        raise FormatError(
            f"{file} holds a {type(value).__name__}, and a {kind.__name__} was asked for", help="mend the annotation"
        )
    return value
