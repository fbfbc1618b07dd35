"""pandas frames and Arrow tables, exactly and without copies where that can be.

Going to Arrow, a numpy column is wrapped, not scanned: its NaN stay NaN. Coming back, a column without nulls is a
writable numpy view of the table's memory, which is the frame's own: a private mapping of a file, or memory that was
just read.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.types as pt

from pxw.errors import ConversionError

__all__ = ["frame_to_table", "table_to_frame"]

_VIEWABLE = "iufM"  # numpy kinds whose Arrow arrays have the same bytes: integers, floats, naive datetimes


def frame_to_table(frame: pd.DataFrame) -> pa.Table:
    """Make an Arrow table that remembers the frame's dtypes, column labels and index.

    Raises:
        ConversionError: equal column labels, or a column of objects that Arrow has no type for.
    """
    _refuse_equal_labels(frame)
    bare = frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index(drop=True)
    template = _from_pandas(frame.iloc[:0])  # says everything about labels, dtypes and index
    data = [_column(str(label), bare.iloc[:, place]) for place, label in enumerate(frame.columns)]
    names = [str(label) for label in frame.columns]
    for level in template.column_names[len(names) :]:
        names.append(level)
        data.append(_column(level, _level(frame, level)))
    if not data:
        return pa.table({}).replace_schema_metadata(_metadata(template.schema, frame))
    fields = [pa.field(name, array.type) for name, array in zip(names, data, strict=True)]
    return pa.Table.from_arrays(data, schema=pa.schema(fields, metadata=_metadata(template.schema, frame)))


def _refuse_equal_labels(frame: pd.DataFrame) -> None:
    twice = [name for name, count in Counter(map(str, frame.columns)).items() if count > 1]
    if twice:
        raise ConversionError(
            f"{len(twice)} column labels stand more than once: {', '.join(map(repr, twice[:5]))}",
            help="rename them: a table has one column a name",
        )


def _from_pandas(frame: pd.DataFrame) -> pa.Table:
    try:
        return pa.Table.from_pandas(frame)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise ConversionError(f"a frame that Arrow cannot describe: {error}") from error


def _level(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    index = frame.index
    labels = [
        str(label) if label is not None else f"__index_level_{place}__" for place, label in enumerate(index.names)
    ]
    return index.get_level_values(labels.index(name)).to_series(index=pd.RangeIndex(len(index)))


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
    """The template's, with the index of the whole frame in the place of the empty one."""
    pandas = json.loads(template.metadata[b"pandas"])
    if isinstance(frame.index, pd.RangeIndex):
        index = frame.index
        label = None if index.name is None else str(index.name)
        span = {"kind": "range", "name": label, "start": index.start, "stop": index.stop, "step": index.step}
        pandas["index_columns"] = [span]
    return {b"pandas": json.dumps(pandas).encode()}


def table_to_frame(table: pa.Table) -> pd.DataFrame:
    """Make a frame that may be written to; integers and booleans with nulls keep their type (`Int64`, `boolean`)."""
    remembered = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}"))
    if not _plain_labels(remembered):
        return _converted(table, remembered)
    index = {name for name in remembered.get("index_columns", ()) if isinstance(name, str)}
    candidates = [name for name in table.column_names if name not in index]
    views = {name: view for name in candidates if (view := _view(table.column(name))) is not None}
    frame = _converted(table.drop_columns(list(views)), remembered)
    if not views:
        return frame
    data = {name: views.get(name, frame.get(name)) for name in candidates}
    if not frame.columns.empty or index:
        labels = frame.index
    else:  # nothing but views: rows may have come or gone since the frame's own index was written down
        own = _range(remembered)
        labels = own if own is not None and len(own) == len(table) else pd.RangeIndex(len(table))
    return pd.DataFrame(data, index=labels, copy=False)


def _plain_labels(remembered: dict[str, Any]) -> bool:
    """Whether the frame's column labels are the table's names."""
    labels = remembered.get("column_indexes")
    return labels is None or (
        len(labels) == 1 and labels[0]["pandas_type"] in {"unicode", "empty"} and labels[0]["name"] is None
    )


def _range(remembered: dict[str, Any]) -> pd.RangeIndex | None:
    for span in remembered.get("index_columns", ()):
        if isinstance(span, dict):
            return pd.RangeIndex(span["start"], span["stop"], span["step"], name=span["name"])
    return None


def _converted(table: pa.Table, remembered: dict[str, Any]) -> pd.DataFrame:
    dtypes = {column["field_name"]: column["numpy_type"] for column in remembered.get("columns", ())}
    frame: pd.DataFrame = table.to_pandas(types_mapper=_nullable(table, dtypes).get).copy()
    index = _range(remembered)
    if not table.num_columns and index is not None:
        frame.index = index
    for label, dtype in frame.dtypes.items():
        if isinstance(dtype, pd.StringDtype) and dtypes.get(str(label)) == "object":
            frame[label] = pd.Series(table.column(str(label)).to_pylist(), dtype=object, index=frame.index)
    return frame


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


_NULLABLE = {
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


def _nullable(table: pa.Table, dtypes: dict[str, str]) -> dict[pa.DataType, Any]:
    """The types that pandas would turn into floats or objects because of their nulls."""
    return {
        column.type: _NULLABLE[column.type]
        for name, column in zip(table.column_names, table.columns, strict=True)
        if column.null_count and column.type in _NULLABLE and not dtypes.get(name, "").endswith("[pyarrow]")
    }
