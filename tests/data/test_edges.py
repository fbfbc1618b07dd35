"""Schemas where data is loaded and saved, references, and what travels inside them."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pydantic import BaseModel, Field

from pxw import Csv, Dataset, Local, Ref, data
from pxw.errors import (
    CorruptDataError,
    DatasetAlteredError,
    FormatError,
    MissingDataError,
    SchemaError,
    SpecError,
)


class Person(BaseModel):
    age: Annotated[float, Field(ge=0, le=120)]
    name: Annotated[str, Field(min_length=1)]


GOOD = pd.DataFrame({"age": [1.5, 2], "name": ["a", "b"]})
BAD = pd.DataFrame({"age": [1.5, -3.0, 200.0], "name": ["a", "", None]})
PEOPLE = Dataset(schema=Person)


# Schemas ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["csv", "arrow", "parquet", "jsonl", "json"])
def test_all_faults_are_told_at_once_when_saving_and_when_loading(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(SchemaError) as saving:
        data.save(BAD, Local(tmp_path / f"t.{suffix}", schema=Person))
    assert not list(tmp_path.iterdir())
    data.save(BAD, Local(tmp_path / f"t.{suffix}"))
    with pytest.raises(SchemaError) as loading:
        data.load(Local(tmp_path / f"t.{suffix}"), pd.DataFrame, PEOPLE)
    for caught in (saving, loading):
        assert f"t.{suffix}" in caught.value.at
        told = "\n".join(caught.value.details)
        assert all(fact in told for fact in ("-3", "200", "'age'", "'name'"))


def test_a_warning_lets_the_table_pass(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "pxw"):
        ref = data.save(BAD, Local(tmp_path / "t.arrow", schema=Person, severity="warn"))
        assert len(data.load(ref, pd.DataFrame, Dataset(schema=Person, severity="warn"))) == 3
    assert sum("-3" in record.getMessage() for record in caplog.records) == 2
    assert ref.checked == ""


def test_casts_that_lose_nothing_are_made_unless_they_are_forbidden(tmp_path: Path) -> None:
    schema = {"n": "int32", "day": "date32[day]"}
    (tmp_path / "t.csv").write_text("n,day\n1,2020-01-31\n2,\n")
    table = data.load(Local(tmp_path / "t.csv", schema=schema), pa.Table)
    assert (table.schema.types, table["day"][0].as_py()) == ([pa.int32(), pa.date32()], dt.date(2020, 1, 31))
    data.save(pa.table({"n": [1.5], "day": ["2020-01-31"]}), Local(tmp_path / "t.arrow"))
    for coerce in ("safe", "strict"):
        with pytest.raises(SchemaError, match="'n'"):
            data.load(Local(tmp_path / "t.arrow", schema=schema, coerce=coerce), pa.Table)
    assert data.load(Local(tmp_path / "t.arrow", schema=schema, coerce="off"), pa.Table)["n"].to_pylist() == [1.5]


def test_codes_stay_text_where_their_schema_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("zip,n\n12345,1\n54321,2\n")
    assert data.load(Local(tmp_path / "t.csv", schema={"zip": "string", "n": "int64"}), list)[0]["zip"] == "12345"


def test_what_is_known_to_fit_is_not_checked_again(tmp_path: Path) -> None:
    ref = data.save(GOOD, Local(tmp_path / "t.arrow", schema=Person))
    assert ref.checked
    data.save(BAD, Local(tmp_path / "t.arrow"))
    changed = ref.changed(size=(tmp_path / "t.arrow").stat().st_size)
    assert len(data.load(changed, pd.DataFrame, PEOPLE)) == 3
    with pytest.raises(SchemaError):
        data.load(changed.changed(checked=""), pd.DataFrame, PEOPLE)


RAW: dict[str, Callable[[Path], Any]] = {
    "a path": lambda path: path,
    "bytes": lambda path: path.read_bytes(),
    "text": lambda path: path.read_text(),
}


@pytest.mark.parametrize("what", RAW)
def test_bytes_that_pass_as_they_are_are_held_to_the_schema_too(what: str, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    data.save(GOOD, Local(good))
    data.save(BAD, Local(bad))
    target = Local(tmp_path / "out.csv", schema=Person)
    with pytest.raises(SchemaError, match="-3"):
        data.save(RAW[what](bad), target)
    assert not (tmp_path / "out.csv").exists()
    data.save(RAW[what](good), target)
    assert (tmp_path / "out.csv").read_bytes() == good.read_bytes()
    for asked in (Path, bytes, str):
        with pytest.raises(SchemaError, match="-3"):
            data.load(Local(bad), asked, PEOPLE)
        data.load(Local(good), asked, PEOPLE)


def test_documents_are_held_to_a_model(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"does not fit Person[\s\S]*age: .*120"):
        data.save({"age": 130, "name": "x"}, Local(tmp_path / "d.json", schema=Person))
    with pytest.raises(SchemaError, match=r"1\.name"):
        data.save([{"age": 1, "name": "x"}, {"age": 1}], Local(tmp_path / "d.json", schema=Person))
    assert not list(tmp_path.iterdir())
    ref = data.save({"age": 130, "name": "x"}, Dataset(), beside=tmp_path / "d")
    with pytest.raises(SchemaError, match="does not fit Person"):
        data.load(ref, dict, PEOPLE)


def test_lists_of_objects_are_held_to_columns(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="'n'"):
        data.save([{"n": "x"}], Local(tmp_path / "d.json", schema={"n": "int64"}))
    data.save([{"n": 1}], Local(tmp_path / "d.json", schema={"n": "int64"}))


def test_a_schema_for_what_has_no_columns_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="for tables and documents, and this is a ndarray"):
        data.save(np.eye(2), Local(tmp_path / "a.npy", schema=Person))


# References ------------------------------------------------------------------------------------------------------


def test_an_altered_intermediate_is_detected(tmp_path: Path) -> None:
    ref = data.save(GOOD, Dataset(), beside=tmp_path / "t")
    path = Path(ref.place)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DatasetAlteredError, match=r"changed after [\s\S]*run the flow again"):
        data.verify(ref)
    path.write_bytes(whole)
    data.verify(ref)
    path.write_bytes(whole[:-1])
    with pytest.raises(DatasetAlteredError, match=rf"{len(whole):,} bytes then, {len(whole) - 1:,} now"):
        data.load(ref)
    path.unlink()
    with pytest.raises(MissingDataError, match=r"is gone[\s\S]*pxw cache gc"):
        data.load(ref)
    with pytest.raises(MissingDataError, match="is gone"):
        data.verify(ref)


def test_an_altered_folder_is_detected(tmp_path: Path) -> None:
    ref = data.save({"a.txt": "one", "b.bin": b"two"}, Dataset(), beside=tmp_path / "t")
    data.verify(ref)
    (tmp_path / "t/a.txt").write_text("eno")
    with pytest.raises(DatasetAlteredError):
        data.verify(ref)
    (tmp_path / "t/c.txt").write_text("more")
    with pytest.raises(DatasetAlteredError):
        data.load(ref)


def test_a_reference_carries_what_is_known_of_its_data(tmp_path: Path) -> None:
    ref = data.save(GOOD, Local(tmp_path / "t.csv.gz", format=Csv(delimiter=";"), schema=Person))
    assert ref.place == str(tmp_path / "t.csv.gz")
    assert (ref.rows, ref.compression, ref.format) == (2, "gzip", Csv(delimiter=";"))
    assert ref.size == (tmp_path / "t.csv.gz").stat().st_size
    assert ref.columns == {"age": "double", "name": "large_string"}
    assert ref.digest.startswith("xxh3:")
    assert len(data.load(ref)) == 2


@pytest.mark.parametrize("value", [None, True, 3, 0.5, "text", [1, None], {"a": {"b": []}}, ("x", 1)], ids=repr)
def test_small_values_travel_inside_their_reference(value: Any, tmp_path: Path) -> None:
    ref = data.save(value, Dataset(), beside=tmp_path / "v")
    assert (ref.place, data.load(ref)) == ("", list(value) if isinstance(value, tuple) else value)
    assert not list(tmp_path.iterdir())


def test_larger_ones_and_those_with_a_format_get_a_file(tmp_path: Path) -> None:
    assert data.save("x" * 5000, Dataset(), beside=tmp_path / "a").place == str(tmp_path / "a.txt")
    assert data.save({"a": 1}, Dataset(format="json"), beside=tmp_path / "b").place == str(tmp_path / "b.json")
    assert data.save({"a": 1}, Dataset(compression="gzip"), beside=tmp_path / "c").place == str(tmp_path / "c.json.gz")


@pytest.mark.parametrize(
    ("value", "asked", "expected"),
    [
        ("2020-01-31", dt.date, dt.date(2020, 1, 31)),
        (5, str, "5"),
        ({"a": 1}, str, '{"a": 1}'),
        ({"a": 1}, bytes, b'{"a": 1}'),
        ("text", bytes, b"text"),
        (3, float, 3.0),
        ({"age": 1, "name": "x"}, Person, Person(age=1, name="x")),
        ([1, 2], tuple[int, ...], (1, 2)),
        (None, int | None, None),
    ],
)
def test_small_values_become_what_is_asked_for(value: Any, asked: Any, expected: Any, tmp_path: Path) -> None:
    ref = data.save(value, Dataset(), beside=tmp_path / "v")
    if value is None:
        assert data.load(ref) is None
    else:
        assert data.load(ref, asked) == expected


@pytest.mark.parametrize(("value", "asked"), [("x", int), ({"a": 1}, Person), ([1], dict)])
def test_a_small_value_of_another_kind_is_refused(value: Any, asked: Any, tmp_path: Path) -> None:
    with pytest.raises((CorruptDataError, FormatError)):
        data.load(data.save(value, Dataset(), beside=tmp_path / "v"), asked)


def test_a_small_value_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no file that could be opened as Path"):
        data.load(data.save({"a": 1}, Dataset(), beside=tmp_path / "v"), Path)


# Paths and copies ------------------------------------------------------------------------------------------------


def test_a_file_that_a_task_wrote_itself_is_copied_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a;b\n1;2\n")
    ref = data.save(tmp_path / "mine.csv", Local(tmp_path / "out.csv", format=Csv(delimiter=";")))
    assert (tmp_path / "out.csv").read_text() == "a;b\n1;2\n"
    assert data.load(ref, list) == [{"a": 1, "b": 2}]


@pytest.mark.parametrize("target", ["out.parquet", "out.csv.gz", "out.tsv", "out.jsonl"])
def test_a_file_for_another_format_is_written_in_it(target: str, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a,b\n1,x\n")
    ref = data.save(tmp_path / "mine.csv", Local(tmp_path / target))
    assert data.load(ref, list) == data.load(Local(tmp_path / target), list) == [{"a": 1, "b": "x"}]


def test_a_file_without_a_place_keeps_its_suffix(tmp_path: Path) -> None:
    (tmp_path / "mine.csv.gz").write_bytes(b"")
    data.save(GOOD, Local(tmp_path / "mine.csv.gz"))
    ref = data.save(tmp_path / "mine.csv.gz", Dataset(), beside=tmp_path / "out")
    assert (ref.place, len(data.load(ref, pd.DataFrame))) == (str(tmp_path / "out.csv.gz"), 2)
    unknown = data.save(Path(__file__), Dataset(), beside=tmp_path / "out")
    assert Path(unknown.place).suffix == ".py"
    assert data.load(unknown, str).startswith('"""')


def test_a_file_that_is_not_there_is_missed(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"mine\.csv"):
        data.save(tmp_path / "mine.csv", Local(tmp_path / "out.csv"))


def test_a_copy_keeps_the_bytes_or_changes_the_format(tmp_path: Path) -> None:
    ref = data.save(GOOD, Local(tmp_path / "t.csv"))
    same = data.copy(ref, Local(tmp_path / "same.csv"))
    other = data.copy(ref, Local(tmp_path / "other.parquet"))
    assert (same.digest, same.rows, same.columns) == (ref.digest, 2, ref.columns)
    pd.testing.assert_frame_equal(data.load(other), GOOD, check_dtype=False)
    with pytest.raises(SchemaError):
        data.copy(data.save(BAD, Local(tmp_path / "bad.csv")), Local(tmp_path / "held.csv", schema=Person))
    assert not (tmp_path / "held.csv").exists()


def test_a_spec_without_a_place_is_no_place(tmp_path: Path) -> None:
    for attempt in (lambda: data.load(Dataset()), lambda: data.save(GOOD, Dataset())):
        with pytest.raises(SpecError, match="not where"):
            attempt()
    assert isinstance(data.save(GOOD, Dataset(), beside=tmp_path / "x"), Ref)


def test_a_look_tells_the_columns_and_reads_no_rows(tmp_path: Path) -> None:
    data.save(GOOD, Local(tmp_path / "t.parquet"))
    assert data.look(Local(tmp_path / "t.parquet")) == {"age": "double", "name": "large_string"}
    data.save({"a": 1}, Local(tmp_path / "d.json"))
    assert data.look(Local(tmp_path / "d.json")) is None
    with pytest.raises(SchemaError, match="'ages'"):
        data.look(Local(tmp_path / "t.parquet"), Dataset(schema={"ages": "double"}))
