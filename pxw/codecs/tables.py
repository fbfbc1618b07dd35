"""How each of the Python types that hold tables comes from Arrow and goes to it."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from pxw.codecs.kinds import KINDS, kind_of
from pxw.errors import ConversionError, FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["DECIMALS", "from_table", "to_arrow"]

DECIMALS = b"pxw:decimals"
"""In the metadata of a column of floats: how delimited text spells them (`codecs.delimited.spelling`)."""

_NAMELESS = "__index_level_"


def to_arrow(value: Any) -> pa.Table | pa.RecordBatchReader:
    """Any table as Arrow: a stream stays a stream, the rest becomes an Arrow table, without a copy where it can."""
    to = _TO_ARROW.get(kind_of(type(value)) or "")
    if to is None:
        raise FormatError(f"a {type(value).__name__} is not a table", help="return a DataFrame, a pyarrow.Table, ...")
    return to(value)


def _pandas_to_arrow(value: Any) -> pa.Table:
    from pxw.codecs.frames import frame_to_table  # noqa: PLC0415 - pandas is imported only where frames are

    return frame_to_table(value)


_TO_ARROW: dict[str, Callable[[Any], pa.Table | pa.RecordBatchReader]] = {
    "pandas": _pandas_to_arrow,
    "table": lambda value: value,
    "batch": lambda value: pa.Table.from_batches([value]),
    "reader": lambda value: value,
    "polars": lambda value: value.to_arrow(),
    "lazy": lambda value: value.collect().to_arrow(),
    "duckdb": lambda value: value.to_arrow_table(),
}


def from_table(table: pa.Table, as_: Any) -> Any:
    """An Arrow table, which nobody else holds, as the type that was asked for; a pandas frame by default."""
    kind = "pandas" if as_ is None else kind_of(as_)
    if kind == "pandas":
        from pxw.codecs.frames import table_to_frame  # noqa: PLC0415 - as above

        return table_to_frame(table)
    if kind is None:
        raise FormatError(
            f"a table cannot become a {getattr(as_, '__name__', as_)}", help=f"ask for one of {', '.join(KINDS)}"
        )
    return _FROM_TABLE[kind](for_others(table))


def _polars(table: pa.Table) -> Any:
    import polars as pl  # noqa: PLC0415 - an extra

    return pl.from_arrow(table)


def _duckdb(table: pa.Table) -> Any:
    import duckdb  # noqa: PLC0415 - an extra

    return duckdb.from_arrow(table)


_FROM_TABLE: dict[str, Callable[[pa.Table], Any]] = {
    "table": lambda table: table,
    "batch": lambda table: table.combine_chunks().to_batches()[0] if len(table) else _empty_batch(table),
    "reader": lambda table: table.to_reader(),
    "polars": _polars,
    "lazy": lambda table: _polars(table).lazy(),
    "duckdb": _duckdb,
}


def _empty_batch(table: pa.Table) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=table.schema)


def for_others(table: pa.Table) -> pa.Table:
    """What only pandas says, in Arrow's words: NaN in its columns means null, nameless row labels are no column."""
    if b"pandas" not in (table.schema.metadata or {}):
        return table
    table = without_labels(table)
    for place, field in enumerate(table.schema):
        if pt.is_floating(field.type):
            column = table.column(place)
            holes = pc.is_nan(column)
            if pc.any(holes).as_py():
                table = table.set_column(place, field, pc.if_else(holes, pa.scalar(None, field.type), column))
    return table


def refuse_equal(names: Iterable[str]) -> None:
    """Refuse columns of one name.

    Raises:
        ConversionError: it lists them.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConversionError(
            f"{len(twice)} column names stand more than once: {', '.join(map(repr, twice[:5]))}",
            help="rename them: a table has one column a name",
        )


def without_labels(table: pa.Table) -> pa.Table:
    """The columns without the nameless row labels that pandas keeps beside them."""
    metadata = {key: value for key, value in (table.schema.metadata or {}).items() if key != b"pandas"}
    nameless = [level for level in _levels(table.schema) if level.startswith(_NAMELESS)]
    return table.drop_columns(nameless).replace_schema_metadata(metadata or None)


def _levels(schema: pa.Schema) -> list[str]:
    """The columns that are a pandas frame's index."""
    remembered = (schema.metadata or {}).get(b"pandas")
    names = json.loads(remembered).get("index_columns", ()) if remembered else ()
    return [name for name in names if isinstance(name, str) and name in schema.names]


def refuse_labels(schema: pa.Schema) -> None:
    """Refuse to lose a frame's index that carries data; mere row numbers do not.

    Raises:
        ConversionError: it says how to keep the index, or to drop it.
    """
    levels = _levels(schema)
    if len(levels) == 1 and levels[0].startswith(_NAMELESS) and pt.is_integer(schema.field(levels[0]).type):
        return
    if levels:
        shown = ", ".join("without a name" if level.startswith(_NAMELESS) else repr(level) for level in levels)
        raise ConversionError(
            f"this format would lose the frame's index {shown}",
            help="return frame.reset_index() to keep it as columns, frame.reset_index(drop=True) to drop it",
        )
