"""Every Python type that holds tables goes to every format of tables, and comes from it as any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from pxw import Local, data
from pxw.errors import FormatError

SUFFIXES = [
    "arrow",
    "feather",
    "parquet",
    "csv",
    "tsv",
    "jsonl",
    "json",
    "csv.gz",
    "arrow.zst",
    "parquet.gz",
    "jsonl.zst",
]
TYPES = [
    pd.DataFrame,
    pa.Table,
    pa.RecordBatch,
    pa.RecordBatchReader,
    pl.DataFrame,
    pl.LazyFrame,
    duckdb.DuckDBPyRelation,
]
ROWS = [{"n": 1, "x": 0.5, "t": "a"}, {"n": 2, "x": None, "t": None}]
TABLE = pa.Table.from_pylist(ROWS)
MAKERS: dict[type, Callable[[], Any]] = {
    pd.DataFrame: lambda: pd.DataFrame({"n": [1, 2], "x": [0.5, np.nan], "t": ["a", None]}),
    pa.Table: lambda: TABLE,
    pa.RecordBatch: lambda: TABLE.to_batches()[0],
    pa.RecordBatchReader: TABLE.to_reader,
    pl.DataFrame: lambda: pl.DataFrame(ROWS),
    pl.LazyFrame: lambda: pl.LazyFrame(ROWS),
    duckdb.DuckDBPyRelation: lambda: duckdb.from_arrow(TABLE),
}


def rows(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, pd.DataFrame):
        return pa.Table.from_pandas(value, preserve_index=False).to_pylist()
    if isinstance(value, pl.LazyFrame):
        return value.collect().to_dicts()
    if isinstance(value, pl.DataFrame):
        return value.to_dicts()
    if isinstance(value, duckdb.DuckDBPyRelation):
        return value.to_arrow_table().to_pylist()
    if isinstance(value, pa.RecordBatchReader):
        return value.read_all().to_pylist()
    return value.to_pylist()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("made", TYPES, ids=lambda kind: kind.__name__)
def test_any_table_is_loaded_as_any_other(made: type, suffix: str, tmp_path: Path) -> None:
    value = TABLE if made is pa.RecordBatchReader and suffix == "json" else MAKERS[made]()
    ref = data.save(value, Local(tmp_path / f"t.{suffix}"))
    assert (ref.rows, ref.columns) == (2, {"n": "int64", "x": "double", "t": ref.columns["t"]})
    for asked in TYPES:
        loaded = data.load(ref, asked)
        assert isinstance(loaded, asked)
        assert rows(loaded) == ROWS


@pytest.mark.parametrize("made", TYPES, ids=lambda kind: kind.__name__)
def test_without_an_annotation_a_table_comes_back_as_the_type_it_was(made: type, tmp_path: Path) -> None:
    ref = data.save(MAKERS[made](), Local(tmp_path / "t.arrow"))
    assert isinstance(data.load(ref), pa.Table if made is pa.RecordBatchReader else made)
    assert isinstance(data.load(Local(tmp_path / "t.arrow")), pd.DataFrame)


def test_an_unknown_type_in_a_reference_imports_nothing(tmp_path: Path) -> None:
    ref = data.save(TABLE, Local(tmp_path / "t.arrow")).changed(python="antigravity.DataFrame")
    assert isinstance(data.load(ref), pd.DataFrame)


@pytest.mark.parametrize(
    "annotation", [pd.DataFrame | None, Annotated[pd.DataFrame, {"unhashable": True}], Any, object]
)
def test_annotations_are_looked_through(annotation: Any, tmp_path: Path) -> None:
    data.save(TABLE, Local(tmp_path / "t.csv"))
    assert isinstance(data.load(Local(tmp_path / "t.csv"), annotation), pd.DataFrame)


def test_a_missing_number_is_what_its_reader_calls_missing(tmp_path: Path) -> None:
    ref = data.save(pd.DataFrame({"x": [1.0, np.nan]}), Local(tmp_path / "t.arrow"))
    assert np.isnan(data.load(ref, pd.DataFrame)["x"][1])
    assert data.load(ref, pa.Table)["x"].to_pylist() == [1.0, None]
    assert data.load(ref, pl.DataFrame)["x"].to_list() == [1.0, None]
    assert data.load(ref, pa.RecordBatchReader).read_all()["x"].null_count == 1


def test_a_nan_that_is_a_value_to_arrow_stays_one(tmp_path: Path) -> None:
    ref = data.save(pa.table({"x": [1.0, float("nan"), None]}), Local(tmp_path / "t.arrow"))
    column = data.load(ref, pa.Table)["x"]
    assert (column.null_count, np.isnan(column[1].as_py())) == (1, True)


def test_row_numbers_of_a_filtered_frame_are_no_column_for_others(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2, 3]}).query("a > 1")
    ref = data.save(frame, Local(tmp_path / "t.arrow"))
    assert data.load(ref, pl.DataFrame).columns == ["a"]
    assert list(data.load(ref, pd.DataFrame).index) == [1, 2]


def test_a_column_named_as_arrow_names_an_index_is_a_column_for_others(tmp_path: Path) -> None:
    ref = data.save(pd.DataFrame({"__index_level_0__": [1]}), Local(tmp_path / "t.arrow"))
    assert data.load(ref, pa.Table).column_names == ["__index_level_0__"]


def test_rows_are_loaded_as_plain_dicts_or_models(tmp_path: Path) -> None:
    from pydantic import BaseModel

    class Row(BaseModel):
        n: int
        x: float | None
        t: str | None

    ref = data.save(TABLE, Local(tmp_path / "t.parquet"))
    assert data.load(ref, list) == ROWS
    assert data.load(ref, list[Row])[1] == Row(n=2, x=None, t=None)


@pytest.mark.parametrize("asked", [np.ndarray, dict, int], ids=str)
def test_a_table_cannot_become_just_anything(asked: Any, tmp_path: Path) -> None:
    ref = data.save(TABLE, Local(tmp_path / "t.csv"))
    with pytest.raises(FormatError, match=r"t\.csv"):
        data.load(ref, asked)


@pytest.mark.parametrize("suffix", ["npy", "npz", "txt", "bin"])
def test_a_table_has_no_place_in_other_formats(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="is a table"):
        data.save(TABLE, Local(tmp_path / f"t.{suffix}"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [{"a": 1}, np.arange(3), [1]], ids=repr)
def test_what_is_no_table_has_no_place_in_a_tables_format(value: Any, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="is not a table"):
        data.save(value, Local(tmp_path / "t.csv"))
    assert not list(tmp_path.iterdir())


def test_a_frame_loaded_by_mapping_is_written_to_without_anybody_seeing_it(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": np.arange(10_000), "x": np.linspace(0, 1, 10_000), "t": ["a"] * 10_000})
    ref = data.save(frame, Local(tmp_path / "t.arrow"))
    before = (tmp_path / "t.arrow").read_bytes()
    mine, other = data.load(ref, pd.DataFrame), data.load(ref, pd.DataFrame)
    mine.loc[:, "n"] = -1
    mine.iloc[0, 1] = 99.0
    mine["t"] = "b"
    assert (mine["n"] == -1).all()
    pd.testing.assert_frame_equal(other, frame)
    assert (tmp_path / "t.arrow").read_bytes() == before
    pd.testing.assert_frame_equal(data.load(ref, pd.DataFrame), frame)


def test_an_array_loaded_by_mapping_is_written_to_without_anybody_seeing_it(tmp_path: Path) -> None:
    ref = data.save(np.arange(1000), Local(tmp_path / "a.npy"))
    mine = data.load(ref, np.ndarray)
    mine[:] = 0
    assert data.load(ref, np.ndarray).sum() == 499500


def test_numbers_of_a_mapped_frame_are_views_of_the_file(tmp_path: Path) -> None:
    ref = data.save(pd.DataFrame({"x": np.zeros(1 << 20)}), Local(tmp_path / "t.arrow"))
    column = data.load(ref, pd.DataFrame)["x"].to_numpy()
    root: Any = column
    while isinstance(root, np.ndarray) and root.base is not None:
        root = root.base
    assert not isinstance(root, np.ndarray)  # a buffer over the mapping, no copy of it


def test_arrows_stream_format_is_read_too(tmp_path: Path) -> None:
    with pa.OSFile(str(tmp_path / "t.arrow"), "wb") as sink, pa.ipc.new_stream(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)
    for asked in TYPES:
        assert rows(data.load(Local(tmp_path / "t.arrow"), asked)) == ROWS
