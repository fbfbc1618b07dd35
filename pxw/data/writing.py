"""From a value to the bytes of one file, and what is known of them then."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pxw.codecs import TableCodec
from pxw.codecs.kinds import is_table
from pxw.codecs.tables import refuse_equal, refuse_labels, to_arrow, without_labels
from pxw.data.fitting import fitted, fitted_stream, hold_value
from pxw.data.schema import schema_of
from pxw.errors import ConversionError, FormatError
from pxw.schemas import columns_of
from pxw.settings import load_settings
from pxw.stores import own

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pxw.codecs import File
    from pxw.codecs.registry import AnyCodec
    from pxw.specs import Dataset

__all__ = ["Facts", "python_of", "write"]


@dataclass(frozen=True)
class Facts:
    """What is known of a value once it is written."""

    python: str
    rows: int | None = None
    columns: dict[str, str] | None = None
    checked: str = ""


def write(value: Any, codec: AnyCodec, file: File) -> Facts:
    """Hold a value to its schema, and write it."""
    if is_table(value) and (isinstance(codec, TableCodec) or codec.format == "json"):
        with _converting(file):
            return _write_table(value, codec, file)
    if isinstance(codec, TableCodec):
        raise FormatError(
            f"a {type(value).__name__} is not a table, and {codec.format} holds nothing else", at=str(file)
        )
    if is_table(value) and not codec.runs_code:
        raise FormatError(f"a {type(value).__name__} is a table, and {codec.format} holds none", at=str(file))
    if codec.format not in {"bytes", "text"}:  # what they hold is looked at once it is written
        hold_value(value, file.spec, str(file))
    codec.write(value, file)
    if codec.runs_code:
        own.remember(file.path, load_settings().home)
    return Facts(python_of(value))


@contextmanager
def _converting(file: File) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ConversionError(
            f"{file} cannot hold this table",
            details=[str(error).partition("\n")[0]],
            help="change the column's type, or choose another format: .arrow holds every type",
        ) from error


def _write_table(value: Any, codec: AnyCodec, file: File) -> Facts:
    table = to_arrow(value)
    refuse_equal(table.schema.names)
    if isinstance(table, pa.RecordBatchReader):
        return _write_stream(table, codec, file)
    table = fitted(table, file.spec, str(file))
    plain = without_labels(table)
    if not getattr(codec, "is_exact", False):
        refuse_labels(table.schema)
        table = plain
    if isinstance(codec, TableCodec):
        codec.write_table(table, file)
    else:
        codec.write(table, file)
    return Facts(python_of(value), len(table), columns_of(plain.schema), _fingerprint(file.spec))


def _write_stream(batches: pa.RecordBatchReader, codec: AnyCodec, file: File) -> Facts:
    if not isinstance(codec, TableCodec):
        raise FormatError(f"a stream of rows cannot be written as {codec.format}", at=str(file), help="use .jsonl")
    fits = fitted_stream(batches, file.spec, str(file))
    rows = 0

    def counted() -> Iterator[pa.RecordBatch]:
        nonlocal rows
        for batch in fits:
            rows += len(batch)
            yield batch

    codec.write_batches(pa.RecordBatchReader.from_batches(fits.schema, counted()), file)
    columns = columns_of(without_labels(fits.schema.empty_table()).schema)
    return Facts("pyarrow.Table", rows, columns, _fingerprint(file.spec))


def _fingerprint(spec: Dataset) -> str:
    schema = schema_of(spec)
    return schema.fingerprint if schema and spec.severity == "error" and spec.coerce != "off" else ""


def python_of(value: Any) -> str:
    """A value's type, as `pandas.DataFrame`: its package and its name."""
    cls = type(value)
    return f"{cls.__module__.partition('.')[0]}.{cls.__qualname__}"
