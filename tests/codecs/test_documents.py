"""JSON documents and JSON lines."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from pxw import Json, Local, data
from pxw.codecs.documents import to_json
from pxw.errors import ConversionError, CorruptDataError, PxwError


class Inner(BaseModel):
    day: dt.date
    price: Decimal


class Report(BaseModel):
    name: str = Field(alias="Name")
    inner: list[Inner] = []
    score: float = 0.5


REPORT = Report(Name="x", inner=[Inner(day=dt.date(2020, 1, 1), price=Decimal("1.10"))])


def again(value: Any, folder: Path, as_: Any = None) -> Any:
    return data.load(data.save(value, Local(folder / "d.json")), as_)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=8,
)


@given(_JSON)
def test_any_document_reads_back_as_itself(value: Any) -> None:
    assert json.loads(to_json(value)) == value


def test_numpy_numbers_and_models_are_written_as_json(tmp_path: Path) -> None:
    value = {"auc": np.float32(0.5), "n": np.int64(3), "ok": np.bool_(True), "m": np.eye(2), "r": REPORT}
    assert again(value, tmp_path)["m"] == [[1.0, 0.0], [0.0, 1.0]]
    assert again(value, tmp_path)["r"]["Name"] == "x"


def test_a_model_reads_back_as_itself(tmp_path: Path) -> None:
    assert again(REPORT, tmp_path, Report) == REPORT
    assert again([REPORT], tmp_path, list[Report]) == [REPORT]
    assert again(REPORT, tmp_path)["inner"][0]["price"] == "1.10"


class Colour(StrEnum):
    RED = "red"


NO_JSON: dict[str, tuple[Any, str]] = {
    "NaN": ({"a": [1, float("nan")]}, r"nan at \$\.a\[1\]"),
    "infinity in an array": (np.array([1, np.inf]), r"inf at \$\[1\]"),
    "NaN in a model": (Report(Name="x", score=float("nan")), r"nan at \$\.score"),
    "a key that is no text": ({1: "x"}, r"the key 1 \(int\) in \$"),
    "a date": ({"day": dt.date(2020, 1, 1)}, r"a date at \$\.day"),
    "a set": ({"s": {1}}, r"a set at \$\.s"),
    "a frame in a list": ([pd.DataFrame()], r"a DataFrame at \$\[0\]"),
}


@pytest.mark.parametrize("what", NO_JSON)
def test_what_json_has_no_word_for_is_refused_with_its_place(what: str, tmp_path: Path) -> None:
    value, place = NO_JSON[what]
    with pytest.raises(ConversionError, match=place):
        data.save(value, Local(tmp_path / "d.json"))
    assert not list(tmp_path.iterdir())


def test_options_and_enums(tmp_path: Path) -> None:
    data.save({"c": Colour.RED, "é": 1}, Local(tmp_path / "d.json", format=Json(indent=1)))
    assert (tmp_path / "d.json").read_text() == '{\n "c": "red",\n "é": 1\n}'


@pytest.mark.parametrize("text", [b"", b"{", b"[1,]", b"\xff", b"nope", b"[" * 100_000])
def test_what_is_no_json_is_said_to_be_none(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "d.json").write_bytes(text)
    for as_ in (None, dict, Report):
        with pytest.raises(CorruptDataError, match=r"d\.json"):
            data.load(Local(tmp_path / "d.json"), as_)


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_bytes(b'\xef\xbb\xbf{"Name": "x"}')
    assert data.load(Local(tmp_path / "d.json"), Report).name == "x"
    (tmp_path / "d.jsonl").write_bytes(b'\xef\xbb\xbf{"a": 1}\n')
    assert data.load(Local(tmp_path / "d.jsonl"), list) == [{"a": 1}]


def test_a_document_that_is_another_one_is_explained_field_by_field(tmp_path: Path) -> None:
    with pytest.raises(CorruptDataError, match=r"is not a Report[\s\S]*Name: Field required[\s\S]*score:"):
        again({"score": "high"}, tmp_path, Report)


def test_huge_numbers_stay_whole_in_documents_and_are_refused_in_tables(tmp_path: Path) -> None:
    assert again([{"n": 2**70}], tmp_path) == [{"n": 2**70}]
    with pytest.raises(CorruptDataError, match="column 'n'"):
        data.load(Local(tmp_path / "d.json"), pd.DataFrame)


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_dates_and_decimals_are_text_and_a_reference_knows_their_types(suffix: str, tmp_path: Path) -> None:
    table = pa.table({"d": [dt.date(2020, 1, 1), None], "p": [Decimal("1.10"), None], "l": [[1], None]})
    ref = data.save(table, Local(tmp_path / f"t.{suffix}"))
    assert '"2020-01-01"' in (tmp_path / f"t.{suffix}").read_text()
    if suffix == "jsonl":
        assert data.load(ref, pa.Table).equals(table)


@pytest.mark.parametrize("cell", [b"\xff", dt.timedelta(days=1)])
def test_cells_that_json_has_no_word_for_are_refused(cell: Any, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"\$\.a"):
        data.save(pa.table({"a": [cell]}), Local(tmp_path / "t.jsonl"))


def test_identifiers_are_text(tmp_path: Path) -> None:
    data.save(pd.DataFrame({"a": [uuid.UUID(int=1)]}), Local(tmp_path / "t.jsonl"))
    assert data.load(Local(tmp_path / "t.jsonl"), list) == [{"a": "00000000-0000-0000-0000-000000000001"}]


def test_lines_may_leave_columns_out_and_widen_types(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n\n{"a": 1.5, "b": "x"}\n')
    expected = [{"a": 1.0, "b": None}, {"a": 1.5, "b": "x"}]
    assert data.load(Local(tmp_path / "t.jsonl"), pa.Table).to_pylist() == expected
    assert data.load(Local(tmp_path / "t.jsonl"), pa.RecordBatchReader).read_all().to_pylist() == expected


@pytest.mark.parametrize(("line", "said"), [('{"a": ', "line 2"), ("[1]", "no object"), ('{"a": "x"}', "mixes types")])
def test_a_bad_line_is_named(line: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(f'{{"a": 1}}\n{line}\n')
    for as_ in (pd.DataFrame, pa.Table):
        with pytest.raises(CorruptDataError, match=said):
            data.load(Local(tmp_path / "t.jsonl"), as_)
    with pytest.raises(PxwError):
        data.load(Local(tmp_path / "t.jsonl"), pa.RecordBatchReader).read_all()
