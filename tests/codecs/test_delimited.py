"""Delimited text: what was written is kept where nothing was changed."""

from __future__ import annotations

import csv
import io
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pxw import Csv, Local, data
from pxw.errors import ConversionError, CorruptDataError, FormatError

TYPES = [pd.DataFrame, pa.Table, pa.RecordBatchReader]


def through(text: str | bytes, folder: Path, as_: Any = pd.DataFrame, **options: Any) -> str:
    """What a task writes that returns what it was given."""
    spec = Csv(**options)
    (folder / "in.csv").write_bytes(text.encode(spec.encoding) if isinstance(text, str) else text)
    loaded = data.load(Local(folder / "in.csv", format=spec), as_)
    data.save(loaded, Local(folder / "out.csv", format=spec))
    return (folder / "out.csv").read_bytes().decode(spec.encoding)


def read(text: str, folder: Path, **options: Any) -> pa.Table:
    (folder / "in.csv").write_bytes(text.encode())
    table: pa.Table = data.load(Local(folder / "in.csv", format=Csv(**options)), pa.Table)
    return table


KEPT = {
    "zeros in front": "code,n\n007,1\n042,2\n",
    "the text NA": "x,y\nNA,1\nnull,2\nNone,3\n",
    "null and empty text": 'x,y\n,1\n"",2\nz,3\n',
    "whole numbers with gaps": "n,x\n1,a\n,b\n3,c\n",
    "numbers beyond 64 bits": "n,x\n99999999999999999999999,1\n1,2\n",
    "more digits than a float holds": "n,x\n12345678901234567,1.5\n,2.5\n",
    "a plus sign in front": "n,x\n+49301234,1\n",
    "lower case booleans": "b,x\ntrue,1\nfalse,2\n",
    "booleans": "b,x\nTrue,1\nFalse,2\n,3\n",
    "dates": "d,x\n2020-01-31,1\n31.1.2020,2\n",
    "a delimiter, quotes and line ends in cells": 'x,y\n"a,b",1\n"say ""hi""",2\n"two\nlines",3\n',
    "spaces around cells": "x,y\n 1,a\n2 ,b\n",
    "a column without values": "x,y\n,1\n,2\n",
    "one column with a null": "x\n1\n\n3\n",
    "no rows": "x,y\n",
    "nothing at all": "",
    "numbers as names": "1,2\n3,4\n",
    "no name for the first column": ",x\n0,1\n",
    "Arrow's name for an index": "__index_level_0__,x\n5,1\n",
    "whole numbers beside others": "fare,x\n80,1\n3.5,2\n,3\n",
    "always as many decimals": "price,x\n2.50,1\n13.00,2\n-0.05,3\n,4\n",
    "one decimal": "x,y\n80.0,1\n3.5,2\n",
    "small numbers with many decimals": "x,y\n0.00001,1\n0.00010,2\n",
    "letters of all kinds": "naïve,東京\nß,🙂\n",
}


@pytest.mark.parametrize("as_", TYPES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("what", KEPT)
def test_a_file_goes_through_a_task_byte_for_byte(what: str, as_: Any, tmp_path: Path) -> None:
    assert through(KEPT[what], tmp_path, as_) == KEPT[what]


def test_what_is_dropped_says_nothing(tmp_path: Path) -> None:
    assert through("\ufeffa,b\r\n1,x\r\n\r\n2,y\r\n\r\n\r\n", tmp_path) == "a,b\n1,x\n2,y\n"
    assert through("\n\na,b\n1,2", tmp_path) == "a,b\n1,2\n"
    assert through('a,b\n"1","x"\n', tmp_path) == "a,b\n1,x\n"


_TRICKY = [
    *(
        "",
        "0",
        "-1",
        "007",
        "+1",
        "1.0",
        "1.",
        ".5",
        "1e5",
        "-0",
        "-0.0",
        "inf",
        "-Infinity",
        "NA",
        "True",
        "true",
        "null",
    ),
    *(
        " 1",
        "1 ",
        "1_0",
        "0x1A",
        "12345678901234567890",
        "123456789012345678",
        "1,5",
        "1;5",
        "a|b",
        'say "x"',
        "two\nlines",
    ),
    *("a\r\nb", "é", "2020-01-01", "\t", " ", "'", "\\", "9223372036854775807", "9223372036854775808", "1.10", "🙂"),
]
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
_CELL = st.none() | st.sampled_from(_TRICKY) | _TEXT | st.integers().map(str) | st.floats(allow_nan=False).map(str)
_NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=3)


@st.composite
def files(draw: st.DrawFn) -> tuple[str, Csv]:
    names = draw(st.lists(_NAME, min_size=1, max_size=4, unique=True))
    rows = draw(st.lists(st.lists(_CELL, min_size=len(names), max_size=len(names)), max_size=5))
    options = Csv(
        delimiter=draw(st.sampled_from(",;\t|")), encoding=draw(st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]))
    )

    def written(cell: str | None) -> str:
        if cell is None:
            return ""
        must = not cell or any(sign in cell for sign in f'{options.delimiter}"\r\n')
        return '"' + cell.replace('"', '""') + '"' if must or draw(st.booleans()) else cell

    end = draw(st.sampled_from(["\n", "\r\n"]))
    return "".join(options.delimiter.join(map(written, row)) + end for row in [names, *rows]), options


def cells(text: str, options: Csv) -> list[list[str]]:
    return [row or [""] for row in csv.reader(io.StringIO(text, newline=""), delimiter=options.delimiter)]


def same(was: str, now: str) -> bool:
    try:
        return was == now or float(was) == float(now)
    except ValueError:
        return False


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files(), st.sampled_from(TYPES))
@example(("x,y\n1.,a\n10000000001,b\n", Csv()), pd.DataFrame)  # 1e+10 ends in a zero that is not needless
def test_any_file_goes_through_a_task_as_pythons_csv_module_reads_it(file: tuple[str, Csv], as_: Any) -> None:
    text, options = file
    with tempfile.TemporaryDirectory() as folder:
        out = through(text, Path(folder), as_, **options.model_dump())
        assert through(out, Path(folder), as_, **options.model_dump()) == out
    was, now = cells(text, options), cells(out, options)
    assert [len(row) for row in was] == [len(row) for row in now]
    for old, new in zip(was, now, strict=True):
        assert all(map(same, old, new)), (old, new)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | _TEXT, max_size=6))
def test_null_and_empty_text_are_told_apart(values: list[str | None]) -> None:
    table = pa.table({"x": pa.array(values, pa.string()), "y": range(len(values))})
    with tempfile.TemporaryDirectory() as folder:
        data.save(table, Local(f"{folder}/t.csv"))
        texts = data.load(Local(f"{folder}/t.csv", schema={"x": "string", "y": "int64"}), pa.Table)
    assert texts["x"].to_pylist() == values


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(), min_size=1))
def test_floats_are_written_exactly(values: list[float]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data.save(pd.DataFrame({"x": values, "n": 1}), Local(f"{folder}/t.csv"))
        back = data.load(Local(f"{folder}/t.csv", schema={"x": "double", "n": "int64"}), pd.DataFrame)["x"]
    assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(values, back, strict=True))


@pytest.mark.parametrize("as_", [pd.DataFrame, pa.Table], ids=lambda kind: kind.__name__)
def test_numbers_that_a_task_leaves_alone_keep_their_spelling_and_new_ones_are_exact(as_: Any, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("price,fare\n2.50,80\n13.00,3.5\n7.10,4\n")
    loaded = data.load(Local(tmp_path / "in.csv"), as_)
    if as_ is pd.DataFrame:
        changed = loaded.iloc[[0, 2]].assign(half=lambda frame: frame["price"] / 2)
        changed.loc[2, "price"] = 1.125
    else:
        kept = loaded.take([0, 2])
        prices = pa.chunked_array([[2.5, 1.125]])
        changed = kept.append_column("half", pa.array([1.25, 3.55])).set_column(0, loaded.field(0), prices)
    intermediate = data.save(changed, Local(tmp_path / "kept.arrow"))
    data.save(data.load(intermediate, as_), Local(tmp_path / "out.csv"))
    assert (tmp_path / "out.csv").read_text() == "price,fare,half\n2.50,80,1.25\n1.125,4,3.55\n"


def test_whole_numbers_that_a_schema_reads_as_floats_stay_whole_in_text(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("fare\n80\n3\n")
    fares = data.load(Local(tmp_path / "in.csv", schema={"fare": "double"}), pd.DataFrame)
    assert fares["fare"].dtype == "float64"
    data.save(fares, Local(tmp_path / "out.csv"))
    assert (tmp_path / "out.csv").read_text() == "fare\n80\n3\n"


def test_a_stream_has_a_spelling_only_where_all_its_blocks_have_it(tmp_path: Path) -> None:
    text = "a,b\n" + "1.50,2.50\n" * 900_000 + "1.5,2.50\n"
    assert len(text) > 1 << 23
    (tmp_path / "in.csv").write_text(text)
    data.save(data.load(Local(tmp_path / "in.csv"), pa.RecordBatchReader), Local(tmp_path / "out.csv"))
    assert (tmp_path / "out.csv").read_text() == text.replace("1.50,", "1.5,")


def test_types_are_found_where_no_cell_loses_by_them(tmp_path: Path) -> None:
    table = read("i,f,b,t,z,e\n1,1.5,True,x,007,\n,2,False,,1,\n", tmp_path)
    assert list(map(str, table.schema.types)) == ["int64", "double", "bool", "string", "string", "null"]


def test_a_reference_remembers_the_types_that_text_forgets(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"id": ["1", "2"], "day": pd.to_datetime(["2020-01-31", None]), "n": pd.array([1, None], "Int64")}
    )
    ref = data.save(frame, Local(tmp_path / "t.csv"))
    pd.testing.assert_frame_equal(data.load(ref), frame, check_dtype=False)
    assert data.load(ref)["id"].tolist() == ["1", "2"]


def test_dialects_are_written_as_they_are_read(tmp_path: Path) -> None:
    assert through("a;b\n1,5;x\n2,25;y\n", tmp_path, delimiter=";", decimal=",") == "a;b\n1,5;x\n2,25;y\n"
    assert through("1;2\n3;4\n", tmp_path, delimiter=";", header=False) == "1;2\n3;4\n"
    assert through("a,b\n-,1\n2,-\n", tmp_path, null_values=("-",)) == "a,b\n-,1\n2,-\n"
    assert through("a|b\n'x|y'|1\n", tmp_path, delimiter="|", quote="'") == "a|b\n'x|y'|1\n"


def test_a_dot_among_decimal_commas_is_no_decimal_point(tmp_path: Path) -> None:
    assert through("a;b\n1.234;x\n2,5;y\n", tmp_path, delimiter=";", decimal=",") == "a;b\n1.234;x\n2,5;y\n"


def test_names_may_be_given(tmp_path: Path) -> None:
    assert read("# made by hand\n1,2\n", tmp_path, skip_rows=1, header=("x", "y")).to_pylist() == [{"x": 1, "y": 2}]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig", "cp1252"])
def test_an_encoding_is_kept_over_many_rows(encoding: str, tmp_path: Path) -> None:
    rows = "".join(f"{number},naïve {number}\n" for number in range(70_000))
    assert through(f"n,t\n{rows}", tmp_path, encoding=encoding) == f"n,t\n{rows}"


def test_a_letter_that_the_encoding_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="'東京' cannot be written as latin-1"):
        data.save(pd.DataFrame({"a": ["東京"]}), Local(tmp_path / "t.csv", format=Csv(encoding="latin-1")))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("as_", TYPES, ids=lambda kind: kind.__name__)
def test_another_encoding_than_the_declared_one_is_named(as_: Any, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("a,b\né,1\n".encode("latin-1"))
    with pytest.raises(CorruptDataError, match=r"is not utf-8 text[\s\S]*pxw\.Csv\(encoding='latin-1'\)"):
        data.load(Local(tmp_path / "t.csv"), as_)


def test_rows_of_unequal_length_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptDataError) as caught:
        read("a,b\n1\n1,2\n1,2,3\n", tmp_path)
    assert caught.value.message.startswith("2 rows of ")
    assert caught.value.details == ("row 2: 1 cells: 1", "row 4: 3 cells: 1,2,3")


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptDataError, match=r"same name: 'a'[\s\S]*header="):
        read("a,b,a\n1,2,3\n", tmp_path)


def test_a_row_of_megabytes_is_read(tmp_path: Path) -> None:
    long = "x" * 5_000_000
    assert read(f"a,b\n1,{long}\n2,y\n", tmp_path)["b"].to_pylist() == [long, "y"]


def test_a_stream_whose_types_widen_late_is_typed_by_all_its_rows(tmp_path: Path) -> None:
    body = "".join(f"{number},1\n" for number in range(1_000_000)) + "x,2.5\n"
    (tmp_path / "t.csv").write_text(f"a,b\n{body}")
    reader = data.load(Local(tmp_path / "t.csv"), pa.RecordBatchReader)
    assert list(map(str, reader.schema.types)) == ["string", "double"]
    assert reader.read_all()["a"][-1].as_py() == "x"


def test_an_index_that_carries_data_is_not_lost_silently(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1]}, index=pd.Index(["k"], name="key"))
    with pytest.raises(ConversionError, match=r"index 'key'[\s\S]*reset_index"):
        data.save(frame, Local(tmp_path / "t.csv"))
    data.save(frame.reset_index(), Local(tmp_path / "t.csv"))
    assert (tmp_path / "t.csv").read_text() == "key,a\nk,1\n"


def test_nested_columns_have_no_form(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"column 'a'[\s\S]*\.parquet"):
        data.save(pa.table({"a": [[1]]}), Local(tmp_path / "t.csv"))


def test_an_array_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="ndarray is not a table"):
        data.save(np.arange(3), Local(tmp_path / "t.csv"))
