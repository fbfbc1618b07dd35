"""JSON: `.json` documents and `.jsonl` tables."""

from __future__ import annotations

import json
import math
from codecs import BOM_UTF8
from datetime import date, time
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa
from pydantic import BaseModel, TypeAdapter, ValidationError

from pxw.codecs.base import Codec, File, TableCodec
from pxw.codecs.registry import known_as
from pxw.errors import ConversionError, CorruptDataError
from pxw.specs import Json

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["JsonCodec", "JsonLinesCodec", "from_json", "rows_to_table", "to_json"]


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Write JSON that reads back as the same value.

    numpy's numbers become numbers, pydantic models what they dump; anything else that JSON has no word for (a date, a
    set, a key that is no text, NaN) is an error that names the place in the document.

    >>> to_json({"auc": 0.5, "n": [1, 2]})
    '{"auc": 0.5, "n": [1, 2]}'
    """
    return json.dumps(_plain(value, "$"), indent=indent, ensure_ascii=False, allow_nan=False)


def _plain(value: Any, place: str) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        raise _no_json(f"{value} at {place}", "write None for a value that is not known")
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise _no_json(f"the key {key!r} ({type(key).__name__}) in {place}", "use text as keys")
        return {key: _plain(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(mode="json", by_alias=True), place)
    return _plain(_of_numpy(value, place), place)


def _of_numpy(value: Any, place: str) -> Any:
    if known_as(value, "numpy", "generic") or known_as(value, "numpy", "ndarray"):
        plain = value.tolist()
        if type(plain) is not type(value):
            return plain
    raise _no_json(f"a {type(value).__name__} at {place}", "turn it into text or numbers, or return a pydantic model")


def _no_json(what: str, remedy: str) -> ConversionError:
    return ConversionError(f"JSON has no form for {what}", help=f"{remedy}, or declare the output with format='pickle'")


def from_json(text: str | bytes, as_: Any, name: str) -> Any:
    """Read JSON as any type that pydantic knows; without one, as plain dicts, lists, texts and numbers."""
    try:
        if as_ is None or as_ is Any or as_ in {dict, list, object}:
            return json.loads(text)
        return _adapter(as_).validate_json(text)
    except ValidationError as error:
        broken = any(fault["type"] == "json_invalid" for fault in error.errors())
        raise CorruptDataError(
            f"{name} is not JSON" if broken else f"{name} is not a {getattr(as_, '__name__', as_)}",
            details=[f"{'.'.join(map(str, fault['loc'])) or '$'}: {fault['msg']}" for fault in error.errors()[:20]],
        ) from error
    except (ValueError, RecursionError) as error:
        raise CorruptDataError(f"{name} is not JSON", details=[str(error)]) from error


@lru_cache(256)
def _adapter(as_: Any) -> TypeAdapter[Any]:
    return TypeAdapter(as_)


class JsonCodec(Codec):
    """A JSON document; a list of objects can be read as a table, and a table is written as one."""

    format = "json"
    suffixes = (".json",)

    def read(self, file: File, as_: Any) -> Any:
        """Read the document as the type that was asked for."""
        with file.open_read() as stream:
            data = stream.read().removeprefix(BOM_UTF8)
        if as_ is pa.Table:
            return rows_to_table(from_json(data, None, str(file)), str(file))
        return from_json(data, as_, str(file))

    def write(self, value: Any, file: File) -> None:
        """Write the document."""
        if isinstance(value, pa.Table):
            value = _rows(value)
        with file.open_write() as sink:
            sink.write(to_json(value, indent=file.options(Json).indent).encode())


class JsonLinesCodec(TableCodec):
    """A table with one JSON object a line."""

    format = "jsonl"
    suffixes = (".jsonl", ".ndjson")

    def read_table(self, file: File) -> pa.Table:
        """Read everything."""
        with file.open_read() as stream:
            return rows_to_table(list(self._objects(stream, file)), str(file))

    def read_batches(self, file: File) -> pa.RecordBatchReader:
        """Read the file twice: for the types, then for the rows."""
        schema = self.header(file)

        def batches() -> Iterator[pa.RecordBatch]:
            with file.open_read() as stream:
                rows: list[Any] = []
                for row in self._objects(stream, file):
                    rows.append(row)
                    if len(rows) == 1 << 14:
                        yield pa.RecordBatch.from_pylist(rows, schema=schema)
                        rows = []
                if rows:
                    yield pa.RecordBatch.from_pylist(rows, schema=schema)

        return pa.RecordBatchReader.from_batches(schema, batches())

    def write_batches(self, batches: pa.RecordBatchReader, file: File) -> None:
        """Write a line a row."""
        with file.open_write() as sink:
            for batch in batches:
                for row in _rows(pa.Table.from_batches([batch])):
                    sink.write(f"{to_json(row)}\n".encode())

    def header(self, file: File) -> pa.Schema:
        """Every line may add a column or widen its type, so all are looked at."""
        found = pa.schema([])
        rows: list[Any] = []
        with file.open_read() as stream:
            for row in self._objects(stream, file):
                rows.append(row)
                if len(rows) == 1 << 14:
                    found, rows = self._widened(found, rows, file), []
        return self._widened(found, rows, file)

    def _widened(self, found: pa.Schema, rows: list[Any], file: File) -> pa.Schema:
        more = rows_to_table(rows, str(file)).schema
        return pa.unify_schemas([found, more], promote_options="permissive")

    def _objects(self, stream: Any, file: File) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(stream, 1):
            if line.strip():
                row = from_json(line, None, f"line {number} of {file}")
                if not isinstance(row, dict):
                    raise CorruptDataError(f"line {number} of {file} is no object: {line[:60]!r}")
                yield row


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    """Rows whose dates and decimals are text, JSON's usual words for them; what else it has no word for is refused."""
    return [{name: _word(value) for name, value in row.items()} for row in table.to_pylist()]


def _word(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, dict):
        return {key: _word(item) for key, item in value.items()}
    return [_word(item) for item in value] if isinstance(value, list) else value


def rows_to_table(rows: Any, name: str) -> pa.Table:
    """A list of objects as a table; what an object leaves out is null."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CorruptDataError(f"{name} is no table: a list of objects was expected", help="ask for a dict or a list")
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {}
    for column in names:
        try:
            columns[column] = pa.array([row.get(column) for row in rows])
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise CorruptDataError(
                f"column {column!r} of {name} mixes types, or holds numbers too large for one", details=[str(error)]
            ) from error
    return pa.table(columns)
