"""Folders and patterns: one entry a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from pxw import Dataset, Local, data
from pxw.errors import FormatError, MissingDataError, PlaceError, SpecError

FRAME = pd.DataFrame({"a": [1, 2]})


@pytest.fixture
def folder(tmp_path: Path) -> Local:
    spec = Local(f"{tmp_path}/parts/")
    data.save({"one.csv": FRAME, "two.parquet": FRAME + 2, "deep/three.jsonl": FRAME + 4}, spec)
    return spec


def test_each_file_is_one_entry_by_its_name(folder: Local) -> None:
    frames = data.load(folder, dict[str, pd.DataFrame])
    assert {name: frame["a"].tolist() for name, frame in frames.items()} == {
        "deep/three.jsonl": [5, 6],
        "one.csv": [1, 2],
        "two.parquet": [3, 4],
    }
    assert [table.num_rows for table in data.load(folder, list[pa.Table])] == [2, 2, 2]


def test_a_table_is_all_rows_of_all_files(folder: Local) -> None:
    assert sorted(data.load(folder, pd.DataFrame)["a"]) == [1, 2, 3, 4, 5, 6]
    assert data.load(folder, pl.LazyFrame).collect().height == 6
    assert data.load(folder, pa.RecordBatchReader).read_all().num_rows == 6


def test_a_folder_is_a_path_and_its_entries_are(folder: Local) -> None:
    assert data.load(folder, Path) == Path(folder.path)
    assert [path.name for path in data.load(folder, list[Path])] == ["three.jsonl", "one.csv", "two.parquet"]


def test_a_pattern_means_the_files_that_fit(folder: Local) -> None:
    assert list(data.load(Local(f"{folder.path}*.csv"), dict[str, str])) == ["one.csv"]
    assert list(data.load(Local(f"{folder.path}**/*.jsonl"), dict[str, bytes])) == ["deep/three.jsonl"]
    with pytest.raises(MissingDataError, match=r"no file fits .*\*\.png[\s\S]*one\.csv"):
        data.load(Local(f"{folder.path}*.png"), list[bytes])
    with pytest.raises(PlaceError, match=r"list\[Path\]"):
        data.load(Local(f"{folder.path}*.csv"), Path)
    with pytest.raises(SpecError, match="a pattern is no place to write to"):
        data.save(FRAME, Local(f"{folder.path}*.xyz"))


def test_the_entries_of_a_folder_can_be_mapped_over(folder: Local) -> None:
    names = [Path(spec.path).name for spec in data.entries(folder)]
    assert names == ["three.jsonl", "one.csv", "two.parquet"]
    assert [len(data.load(spec)) for spec in data.entries(Local(f"{folder.path}*.csv"))] == [2]
    with pytest.raises(SpecError, match="one file, not a folder"):
        data.entries(Local(f"{folder.path}one.csv"))


@pytest.mark.parametrize(
    "value",
    [{"a": FRAME, "b": FRAME}, {"a": np.eye(2), "b": np.eye(2)}, {"a": b"1", "b": b"2"}],
    ids=["frames", "arrays", "bytes"],
)
def test_a_dict_without_a_place_becomes_a_folder_and_its_names_come_back(value: dict[str, Any], tmp_path: Path) -> None:
    ref = data.save(value, Dataset(), beside=tmp_path / "out")
    assert (ref.format, ref.place) == ("folder", f"{tmp_path}/out/")
    assert [name.partition(".")[0] for name in data.load(ref)] == ["a", "b"]


def test_a_dict_of_plain_values_is_a_document(tmp_path: Path) -> None:
    assert data.save({"auc": 0.5}, Dataset(), beside=tmp_path / "out").value == {"auc": 0.5}
    assert data.save({}, Dataset(), beside=tmp_path / "out").value == {}


def test_a_dict_of_arrays_for_a_file_is_that_file(tmp_path: Path) -> None:
    ref = data.save({"a": np.eye(2)}, Local(tmp_path / "v.npz"))
    assert list(data.load(ref)) == ["a"]


def test_two_entries_that_are_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"two entries .* a\.arrow"):
        data.save({"a": FRAME, "a.arrow": FRAME}, Local(f"{tmp_path}/out/"))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_a_task_wrote_itself_is_copied(tmp_path: Path) -> None:
    (tmp_path / "mine/deep").mkdir(parents=True)
    (tmp_path / "mine/deep/a.txt").write_text("x")
    ref = data.save(tmp_path / "mine", Local(f"{tmp_path}/out/"))
    assert data.load(ref) == {"deep/a.txt": "x"}


def test_what_a_folder_is_not_is_said(folder: Local) -> None:
    with pytest.raises(PlaceError, match=r"a folder of 3 files, not one bytes[\s\S]*dict\[str, T\]"):
        data.load(folder, bytes)
    with pytest.raises(FormatError, match="cannot fill a folder"):
        data.save(FRAME, folder)


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert data.load(Local(f"{tmp_path}/empty/"), dict[str, str]) == {}
    with pytest.raises(MissingDataError, match="holds no files"):
        data.load(Local(f"{tmp_path}/empty/"), pd.DataFrame)


def test_a_schema_is_asked_of_every_file(folder: Local) -> None:
    declared = Dataset(schema={"a": "string"}, coerce="strict")
    with pytest.raises(Exception, match=r"'a'"):
        data.load(folder, dict[str, pd.DataFrame], declared)


def test_streams_of_entries(folder: Local) -> None:
    streams = data.load(Local(f"{folder.path}*.csv"), list[BinaryIO])
    with streams[0] as stream:
        assert stream.read() == b"a\n1\n2\n"
