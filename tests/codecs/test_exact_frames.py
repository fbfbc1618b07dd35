"""A frame that is saved as Arrow or Parquet and loaded again is the same frame."""

from __future__ import annotations

import datetime as dt
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pxw import Local, data
from pxw.errors import ConversionError

EXACT = ["arrow", "parquet", "arrow.zst", "parquet.gz"]


def again(frame: pd.DataFrame, suffix: str, folder: Path) -> pd.DataFrame:
    back: pd.DataFrame = data.load(data.save(frame, Local(folder / f"frame.{suffix}")), pd.DataFrame)
    return back


def assert_same(back: pd.DataFrame, frame: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(back, frame, check_freq=False, check_exact=True)


def column(*cells: Any, dtype: Any = None) -> pd.DataFrame:
    return pd.DataFrame({"a": pd.Series(list(cells), dtype=dtype)})


def arrow_backed(kind: pa.DataType, *cells: Any) -> pd.DataFrame:
    return column(*cells, dtype=pd.ArrowDtype(kind))


TWO = {"a": [1, 2]}
FRAMES = {
    "integers": pd.DataFrame({"a": np.array([1, 255], "u1"), "b": np.array([1, 2**64 - 1], "u8"), "c": [-1, 2]}),
    "integers with nulls": pd.DataFrame({"a": pd.array([1, None], "Int64"), "b": [1, 2]}),
    "nullable integers without nulls": column(1, 2, dtype="Int32"),
    "nullable floats": column(1.5, None, dtype="Float64"),
    "nullable booleans": column(True, None, dtype="boolean"),
    "booleans": column(True, False),
    "float16": pd.DataFrame({"a": np.array([1, np.nan], "f2")}),
    "float32": pd.DataFrame({"a": np.array([1, np.nan], "f4")}),
    "floats that are all missing": column(np.nan, np.nan),
    "text": column("x", None, dtype="str"),
    "text in Python objects": column("x", None, dtype=object),
    "integers in Python objects": column(1, None, dtype=object),
    "the older nullable text, of Python objects": column("x", None, dtype="string[python]"),
    "the older nullable text, of Arrow": column("x", None, dtype="string[pyarrow]"),
    "bytes": column(b"x", None),
    "nothing but nulls": pd.DataFrame({"a": [None, None], "b": [1, 2]}),
    "categories": pd.DataFrame({"a": pd.Categorical(["x", "y", None], ["y", "x", "unused"])}),
    "ordered categories of numbers": pd.DataFrame({"a": pd.Categorical([3, 1], [3, 2, 1], ordered=True)}),
    "categories of dates": pd.DataFrame({"a": pd.Categorical(pd.to_datetime(["2020-01-01", "2021-01-01"]))}),
    "categories without rows": pd.DataFrame({"a": pd.Categorical([], ["x"])}),
    "a time zone": pd.DataFrame({"a": pd.date_range("2020", periods=2, tz="Europe/Athens")}),
    "a time zone with nulls": pd.DataFrame({"a": pd.to_datetime(["2020-01-01", None]).tz_localize("UTC")}),
    **{
        f"datetimes in {unit}": pd.DataFrame({"a": pd.to_datetime(["2020-01-01", None]).astype(f"datetime64[{unit}]")})
        for unit in ("s", "ms", "us", "ns")
    },
    "durations": pd.DataFrame({"a": pd.to_timedelta([1, None], unit="s")}),
    "dates": column(dt.date(2020, 1, 1), None),
    "times": column(dt.time(1, 2), None),
    "decimals": column(Decimal("1.10"), None),
    "lists": column([1, 2], None),
    "tuples": column((1, 2), None),
    "sets": column({1, 2}, None),
    "arrays": column(np.array([1, 2]), np.array([3])),
    "dicts": column({"x": 1}, None),
    "periods": pd.DataFrame({"a": pd.period_range("2020", periods=2, freq="M")}),
    "intervals": pd.DataFrame({"a": pd.interval_range(0, 2)}),
    "pyarrow integers": arrow_backed(pa.int64(), 1, None),
    "pyarrow text": arrow_backed(pa.string(), "x", None),
    "pyarrow timestamps": arrow_backed(pa.timestamp("us", tz="UTC"), pd.Timestamp("2020", tz="UTC"), None),
    "pyarrow decimals": arrow_backed(pa.decimal128(5, 2), Decimal("1.10"), None),
    "pyarrow lists": arrow_backed(pa.list_(pa.int32()), [1], None),
    "pyarrow structs": arrow_backed(pa.struct([("x", pa.int8())]), {"x": 1}, None),
    "pyarrow dictionaries": arrow_backed(pa.dictionary(pa.int32(), pa.string()), "x", None),
    "no rows": pd.DataFrame(
        {"a": np.array([], "i8"), "b": pd.Series([], dtype=object), "c": pd.Series([], dtype="str")}
    ),
    "no columns": pd.DataFrame(index=range(3)),
    "nothing": pd.DataFrame(),
    "no columns but an index": pd.DataFrame(index=["p", "q"]),
    "an index with a name": pd.DataFrame(TWO, index=pd.Index(["p", "q"], name="k")),
    "an index without a name": pd.DataFrame(TWO, index=["p", "q"]),
    "an index of numbers": pd.DataFrame(TWO, index=[7, 9]),
    "an index with equal labels": pd.DataFrame(TWO, index=[7, 7]),
    "a range as index": pd.DataFrame(TWO, index=pd.RangeIndex(5, 9, 2, name="r")),
    "an index of datetimes": pd.DataFrame(TWO, index=pd.date_range("2020", periods=2, tz="UTC", name="t")),
    "an index of categories": pd.DataFrame(TWO, index=pd.CategoricalIndex(["u", "v"])),
    "an index with a null": pd.DataFrame(TWO, index=pd.Index(["u", None])),
    "an index of floats with NaN": pd.DataFrame(TWO, index=pd.Index([0.5, np.nan])),
    "an index of two levels": pd.DataFrame(
        TWO, index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["k", None])
    ),
    "an index with a column's name": pd.DataFrame(TWO, index=pd.Index([5, 6], name="a")),
    "a column named as Arrow names an index": pd.DataFrame({"__index_level_0__": [1, 2]}),
    "such a column beside an index": pd.DataFrame({"__index_level_0__": [1, 2]}, index=["p", "q"]),
    "numbers as labels": pd.DataFrame([[1, "x"], [3, "y"]]),
    "numbers as labels in no order": pd.DataFrame([[1, 2.5]], columns=[10, 7]),
    "floats as labels": pd.DataFrame([[1, 2]], columns=[0.5, 1.5]),
    "datetimes as labels": pd.DataFrame([[1, 2]], columns=pd.date_range("2020", periods=2)),
    "labels of two levels": pd.DataFrame([[1, "s"]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
    "labels with a name": pd.DataFrame({"a": [1], "b": ["x"]}).rename_axis(columns="vars"),
    "empty text as label": pd.DataFrame({"": [1]}),
    "columns that lie apart in memory": pd.DataFrame(np.arange(6.0).reshape(2, 3), columns=list("abc")),
}


@pytest.mark.parametrize("suffix", EXACT)
@pytest.mark.parametrize("what", FRAMES)
def test_a_frame_comes_back_as_it_was(what: str, suffix: str, tmp_path: Path) -> None:
    assert_same(again(FRAMES[what], suffix, tmp_path), FRAMES[what])
    assert_same(data.load(Local(tmp_path / f"frame.{suffix}"), pd.DataFrame), FRAMES[what])


@pytest.mark.parametrize(("first", "second"), [("arrow", "parquet"), ("parquet", "arrow")])
@pytest.mark.parametrize("what", FRAMES)
def test_a_frame_that_is_copied_into_another_format_comes_back_as_it_was(
    what: str, first: str, second: str, tmp_path: Path
) -> None:
    copied = data.copy(data.save(FRAMES[what], Local(tmp_path / f"a.{first}")), Local(tmp_path / f"b.{second}"))
    assert_same(data.load(copied, pd.DataFrame), FRAMES[what])


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json"])
@pytest.mark.parametrize("labels", [["r", "s"], pd.Index([5, 7], name="k")])
def test_a_copy_that_would_lose_the_index_is_refused_as_saving_is(labels: Any, suffix: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=labels)
    ref = data.save(frame, Local(tmp_path / "f.arrow"))
    for put in (data.save, data.copy):
        with pytest.raises(ConversionError, match="would lose the frame's index"):
            put(frame if put is data.save else ref, Local(tmp_path / f"f.{suffix}"))
    assert not (tmp_path / f"f.{suffix}").exists()


def test_other_readers_of_the_file_see_the_same_frame(tmp_path: Path) -> None:
    data.save(FRAMES["an index with a name"], Local(tmp_path / "f.parquet"))
    assert_same(pd.read_parquet(tmp_path / "f.parquet"), FRAMES["an index with a name"])


def test_a_frame_that_another_program_wrote_is_read_with_its_index(tmp_path: Path) -> None:
    FRAMES["an index with a name"].to_parquet(tmp_path / "f.parquet")
    assert_same(data.load(Local(tmp_path / "f.parquet")), FRAMES["an index with a name"])


@pytest.mark.parametrize("value", [(1, None), (2**40, None)])
def test_integers_with_nulls_of_other_programs_stay_integers(value: tuple[Any, ...], tmp_path: Path) -> None:
    table = pa.table({"gaps": value, "whole": [1, 2]})
    back = data.load(data.save(table, Local(tmp_path / "t.parquet")), pd.DataFrame)
    assert list(map(str, back.dtypes)) == ["Int64", "int64"]


REFUSED: dict[str, tuple[pd.DataFrame, str]] = {
    "equal labels": (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a'"),
    "labels that are equal as text": (pd.DataFrame([[1, 2]], columns=["1", 1]), "'1'"),
    "labels of mixed types": (pd.DataFrame([[1, 2]], columns=["a", 3]), "'a', 3"),
    "booleans as labels": (pd.DataFrame([[1, 2]], columns=[True, False]), "True, False"),
    "a missing label": (pd.DataFrame([[1, 2]], columns=[None, "a"]), "'a'"),
    "objects of mixed types": (column(1, "x"), "int, str"),
    "integers beyond 64 bits": (column(2**70, 1), "int"),
    "half of a surrogate pair": (column("\ud800", dtype=object), "str"),
    "complex numbers": (column(1j), "complex"),
    "sparse columns": (pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}), "Sparse"),
    "any object": (column(object()), "object"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_frame_that_would_change_is_refused_with_the_culprit_and_a_remedy(what: str, tmp_path: Path) -> None:
    frame, culprit = REFUSED[what]
    with pytest.raises(ConversionError, match=culprit) as caught:
        data.save(frame, Local(tmp_path / "f.arrow"))
    assert caught.value.help
    assert not list(tmp_path.iterdir())


def test_equal_names_in_an_arrow_table_are_refused(tmp_path: Path) -> None:
    for suffix in ("arrow", "parquet", "csv", "jsonl", "json"):
        with pytest.raises(ConversionError, match="more than once: 'a'"):
            data.save(pa.table([[1], [2]], names=["a", "a"]), Local(tmp_path / f"t.{suffix}"))


_NAIVE = st.datetimes(pd.Timestamp("1700-01-01").to_pydatetime(), pd.Timestamp("2200-01-01").to_pydatetime())
_INT = st.integers(-(2**63), 2**63 - 1)
_CELLS: dict[str, tuple[Any, Any]] = {
    "int64": (_INT, "int64"),
    "Int64": (st.none() | _INT, "Int64"),
    "uint8": (st.integers(0, 255), "uint8"),
    "float64": (st.floats(), "float64"),
    "boolean": (st.none() | st.booleans(), "boolean"),
    "bool": (st.booleans(), "bool"),
    "str": (st.none() | st.text(st.characters(exclude_categories=["Cs"])), "str"),
    "object": (st.none() | st.text(st.characters(exclude_categories=["Cs"])), object),
    "category": (st.none() | st.sampled_from(["a", "b", "ä"]), pd.CategoricalDtype(["b", "ä", "a", "z"], ordered=True)),
    "datetime": (st.none() | _NAIVE, "datetime64[us]"),
    "datetime ns": (st.none() | _NAIVE, "datetime64[ns]"),
    "list": (st.none() | st.lists(_INT, max_size=3), object),
    "decimal": (st.none() | st.decimals(-999, 999, places=2), pd.ArrowDtype(pa.decimal128(10, 2))),
}


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(0, 6))
    names = draw(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=5, unique=True))
    kinds = [draw(st.sampled_from(sorted(_CELLS))) for _ in names]
    columns = {
        name: pd.Series(draw(st.lists(_CELLS[kind][0], min_size=rows, max_size=rows)), dtype=_CELLS[kind][1])
        for name, kind in zip(names, kinds, strict=True)
    }
    frame = pd.DataFrame(columns, index=pd.RangeIndex(rows))
    frame.columns = pd.Index(names, dtype="str")
    labels = draw(st.none() | st.lists(st.integers(0, 9), min_size=rows, max_size=rows))
    return frame if labels is None else frame.set_index(pd.Index(labels, dtype="int64"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(frames(), st.sampled_from(["arrow", "parquet"]))
def test_any_frame_comes_back_as_it_was(frame: pd.DataFrame, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert_same(again(frame, suffix, Path(folder)), frame)


def test_what_a_frame_says_of_itself_is_kept(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.5]})
    frame.attrs = {"source": "sensor 7", "unit": {"x": "m"}}
    assert data.load(data.save(frame, Local(tmp_path / "f.arrow"))).attrs == frame.attrs
