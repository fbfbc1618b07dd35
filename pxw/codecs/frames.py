"""pandas frames and Arrow tables, exactly and without copies where that can be.

Going to Arrow, a numpy column is wrapped, not scanned: its NaN stay NaN. Coming back, a column without nulls is a
writable numpy view of the table's memory, which is the frame's own: a private mapping of a file, or memory that was
just read.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.types as pt

from pxw.codecs.tables import DECIMALS, refuse_equal
from pxw.errors import ConversionError

__all__ = ["frame_to_table", "table_to_frame"]

_VIEWABLE = "iufM"  # numpy kinds whose Arrow arrays have the same bytes: integers, floats, naive datetimes
_SPELLING = DECIMALS.decode()  # in a frame's attrs, by column
_TEXT_LABELS = [{"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object", "metadata": None}]


def frame_to_table(frame: pd.DataFrame) -> pa.Table:
    """Make an Arrow table that remembers the frame's dtypes, column labels and index.

    Raises:
        ConversionError: column labels that a table cannot keep, or a column of objects that Arrow has no type for.
    """
    _refuse_labels(frame.columns)
    bare = frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index(drop=True)
    template = _from_pandas(frame.iloc[:0])  # says everything about labels, dtypes and index
    names = template.column_names
    width = len(frame.columns)
    data = [_column(name, bare.iloc[:, place]) for place, name in enumerate(names[:width])]
    data += [_column(name, _level(frame.index, place)) for place, name in enumerate(names[width:])]
    metadata = _metadata(template.schema, frame)
    if not data:
        return pa.table({}).replace_schema_metadata(metadata)
    fields = [_field(name, array.type, frame) for name, array in zip(names, data, strict=True)]
    return pa.Table.from_arrays(data, schema=pa.schema(fields, metadata=metadata))


def _field(name: str, kind: pa.DataType, frame: pd.DataFrame) -> pa.Field:
    decimals = frame.attrs.get(_SPELLING, {}).get(name) if pt.is_floating(kind) else None
    return pa.field(name, kind, metadata=None if decimals is None else {DECIMALS: str(decimals)})


def _refuse_labels(labels: pd.Index[Any]) -> None:
    refuse_equal(map(str, labels))
    plain = labels.inferred_type in {"string", "empty"} and not labels.hasnans
    if not plain and not _survive(labels):
        raise ConversionError(
            f"column labels that a table cannot keep: {', '.join(map(repr, labels[:5]))}",
            help="turn them into text: frame.columns = frame.columns.map(str)",
        )


def _survive(labels: pd.Index[Any]) -> bool:
    if not isinstance(labels, pd.MultiIndex) and (labels.hasnans or labels.inferred_type.startswith("mixed")):
        return False  # Arrow would make them text
    try:
        return bool(_from_pandas(pd.DataFrame(columns=labels)).to_pandas().columns.equals(labels))
    except (TypeError, ValueError, ConversionError):
        return False


def _from_pandas(frame: pd.DataFrame) -> pa.Table:
    try:
        return pa.Table.from_pandas(frame)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise ConversionError(
            f"a frame that Arrow cannot describe: {error}",
            help="give the column another type (astype), or declare the output with format='pickle'",
        ) from error


def _level(index: pd.Index[Any], place: int) -> pd.Series[Any]:
    return index.get_level_values(place).to_series(index=pd.RangeIndex(len(index)))


def _column(name: str, series: pd.Series[Any]) -> pa.Array | pa.ChunkedArray:
    values = series.to_numpy() if isinstance(series.dtype, np.dtype) else None
    if values is not None and values.dtype.kind in _VIEWABLE and values.flags.c_contiguous:
        return pa.array(values, from_pandas=values.dtype.kind == "M")
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        kinds = ", ".join(sorted({type(value).__name__ for value in series.head(1000)}))
        raise ConversionError(
            f"column {name!r} ({series.dtype}) holds what a table cannot: {kinds}",
            details=[str(error)],
            help="give the column one type (astype), or declare the output with format='pickle'",
        ) from error


def _metadata(template: pa.Schema, frame: pd.DataFrame) -> dict[bytes, bytes]:
    """The template's, with the index of the whole frame in the place of the empty one, and what else a column is."""
    pandas = json.loads(template.metadata[b"pandas"])
    if isinstance(frame.index, pd.RangeIndex):
        index = frame.index
        label = None if index.name is None else str(index.name)
        span = {"kind": "range", "name": label, "start": index.start, "stop": index.stop, "step": index.step}
        pandas["index_columns"] = [span]
    for place, column in enumerate(pandas["columns"][: len(frame.columns)]):
        column["pxw"] = _nuance(frame.iloc[:, place])
    return {b"pandas": json.dumps(pandas).encode()}


def _nuance(series: pd.Series[Any]) -> str | None:
    """What neither Arrow's nor pandas' own name of a column's type says."""
    if isinstance(series.dtype, pd.ArrowDtype):
        return "arrow"
    if isinstance(series.dtype, pd.StringDtype):
        return series.dtype.storage
    if series.dtype == object:  # the one type of container that its cells are
        kinds = {type(cell).__name__ for cell in series if isinstance(cell, np.ndarray | tuple | set | frozenset)}
        return kinds.pop() if len(kinds) == 1 else None
    return None


def table_to_frame(table: pa.Table) -> pd.DataFrame:
    """Make a frame that may be written to; integers and booleans with nulls keep their type (`Int64`, `boolean`)."""
    remembered = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}"))
    columns = {column["field_name"]: column for column in remembered.get("columns", ())}
    index = [name for name in remembered.get("index_columns", ()) if name in table.column_names]
    names = [name for name in table.column_names if name not in index]
    own = {name: array for name in names if (array := _array(table.column(name), columns.get(name, {}))) is not None}
    rest = _by_arrow(table.drop_columns(list(own)), remembered)
    data = {name: own[name] if name in own else rest[name].array for name in names}
    frame = pd.DataFrame(data, index=pd.RangeIndex(len(table)) if names else None, copy=False)
    frame.index = _index(rest, table, remembered)
    frame.columns = _labels(names, remembered)
    frame.attrs = remembered.get("attributes", {}) | _spelling(table.schema)
    return frame


def _spelling(schema: pa.Schema) -> dict[str, Any]:
    """How text had spelled the floats: pandas has no place for what belongs to a column, but for the frame."""
    noted = {each.name: each.metadata for each in schema if each.metadata and pt.is_floating(each.type)}
    decimals = {name: int(said[DECIMALS]) for name, said in noted.items() if DECIMALS in said}
    return {_SPELLING: decimals} if decimals else {}


def _by_arrow(table: pa.Table, remembered: dict[str, Any]) -> pd.DataFrame:
    """The columns that Arrow makes, by the table's names, and the index where it is made of columns."""
    here = [column for column in remembered.get("columns", ()) if column["field_name"] in table.column_names]
    said = json.dumps(remembered | {"columns": here, "column_indexes": _TEXT_LABELS}).encode()
    frame: pd.DataFrame = table.replace_schema_metadata({b"pandas": said} if remembered else None).to_pandas()
    return frame.copy()  # Arrow's own memory may be read-only


def _index(rest: pd.DataFrame, table: pa.Table, remembered: dict[str, Any]) -> pd.Index[Any]:
    for span in remembered.get("index_columns", ()):
        if isinstance(span, dict):
            own = pd.RangeIndex(span["start"], span["stop"], span["step"], name=span["name"])
            # Rows may have come or gone since it was written down.
            return own if not table.num_columns or len(own) == len(table) else pd.RangeIndex(len(table))
    return rest.index if rest.shape != (0, 0) else pd.RangeIndex(len(table))


def _labels(names: list[str], remembered: dict[str, Any]) -> pd.Index[Any]:
    described = remembered.get("column_indexes")
    if not described or [(level["name"], level["pandas_type"]) for level in described] == [(None, "unicode")]:
        return pd.Index(names, dtype="str")
    bare = json.dumps({"columns": [], "index_columns": [], "column_indexes": described}).encode()
    empty: pd.DataFrame = pa.table({name: pa.nulls(0) for name in names}, metadata={b"pandas": bare}).to_pandas()
    return empty.columns


_NULLABLE: dict[pa.DataType, Any] = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def _array(column: pa.ChunkedArray, was: dict[str, Any]) -> Any:
    """A column as what it was in its frame, where Arrow would make something else of it, or a copy."""
    dtype, nuance = was.get("numpy_type", ""), was.get("pxw")
    if nuance == "arrow":
        return pd.arrays.ArrowExtensionArray(column)
    if dtype == "object":
        return _objects(column, nuance)
    if dtype == "string" and nuance:
        return pd.array(column.to_numpy(), dtype=f"string[{nuance}]")
    if column.null_count and column.type in _NULLABLE:
        return _NULLABLE[column.type].__from_arrow__(column)
    view = _view(column)
    return view if view is not None and dtype in {"", str(view.dtype)} else None


_CONTAINERS = {"tuple": tuple, "set": set, "frozenset": frozenset}


def _objects(column: pa.ChunkedArray, cells: str | None) -> Any:
    if cells == "ndarray":
        return None
    kind = _CONTAINERS.get(cells or "")
    values = column.to_pylist()
    return pd.Series([value if value is None else kind(value) for value in values] if kind else values, dtype=object)


def _view(column: pa.ChunkedArray) -> np.ndarray[Any, Any] | None:
    if column.num_chunks != 1 or column.null_count:
        return None
    if not (pt.is_integer(column.type) or pt.is_floating(column.type) or _naive(column.type)):
        return None
    chunk = column.chunk(0)
    values = chunk.buffers()[1]
    root = values
    while root is not None and root.parent is not None:
        root = root.parent
    if root is None or not root.is_mutable:
        return None
    dtype = np.dtype(column.type.to_pandas_dtype())
    offset = values.address - root.address + chunk.offset * dtype.itemsize
    return np.frombuffer(root, dtype=dtype, count=len(chunk), offset=offset)


def _naive(kind: pa.DataType) -> bool:
    return pt.is_timestamp(kind) and kind.tz is None
