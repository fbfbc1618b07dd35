"""Files that are cut short, altered or of another format than their name says."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pxw import Local, data
from pxw.errors import CorruptDataError

FRAME = pd.DataFrame({"a": range(2000), "t": ["text"] * 2000})
VALUES: dict[str, Any] = {
    **dict.fromkeys(
        ("arrow", "parquet", "arrow.gz", "parquet.zst", "csv.gz", "csv.zst", "jsonl.gz", "json.zst"), FRAME
    ),
    "npy": np.arange(1000),
    "npz": {"a": np.arange(1000)},
    "npy.gz": np.arange(1000),
    "txt.gz": "text " * 2000,
    "bin.zst": bytes(range(256)) * 100,
    "pkl": list(range(1000)),
    "joblib": np.arange(1000),
    "skops": {"a": [1, 2]},
}
CUTS: dict[str, Callable[[int], int]] = {
    "in the middle": lambda size: size // 2,
    "by its last byte": lambda size: size - 1,
    "to three bytes": lambda size: 3,
}


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("suffix", VALUES)
def test_a_file_that_was_cut_short_is_refused_by_name(suffix: str, cut: str, tmp_path: Path) -> None:
    path = tmp_path / f"v.{suffix}"
    data.save(VALUES[suffix], Local(path))
    whole = path.read_bytes()
    path.write_bytes(whole[: CUTS[cut](len(whole))])
    with pytest.raises(CorruptDataError, match=path.name):
        data.load(Local(path, allow_pickle=True))


@pytest.mark.parametrize("suffix", ["arrow", "parquet", "npy", "npz", "skops", "txt.gz", "csv.zst"])
def test_an_empty_file_is_refused(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"v.{suffix}").touch()
    with pytest.raises(CorruptDataError):
        data.load(Local(tmp_path / f"v.{suffix}"))


@pytest.mark.parametrize("suffix", ["arrow", "parquet", "csv.gz", "jsonl.gz"])
def test_a_stream_over_a_file_that_was_cut_short_fails_too(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"v.{suffix}"
    data.save(FRAME, Local(path))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises((CorruptDataError, pa.ArrowInvalid)):
        data.load(Local(path), pa.RecordBatchReader).read_all()


@pytest.mark.parametrize("suffix", ["arrow", "parquet", "npy", "npz", "json", "csv.gz", "txt.zst"])
def test_a_file_of_another_format_is_refused(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"v.{suffix}").write_bytes(b"\x89PNG\r\n\x1a\n and so on, for a while")
    with pytest.raises(CorruptDataError):
        data.load(Local(tmp_path / f"v.{suffix}"))


def test_compressed_files_that_were_put_together_are_read_as_one(tmp_path: Path) -> None:
    (tmp_path / "v.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n"))
    assert data.load(Local(tmp_path / "v.csv.gz"), list) == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


@pytest.mark.parametrize("compression", ["", ".gz", ".zst"])
@pytest.mark.parametrize("suffix", ["txt", "bin", "json", "npy", "npz", "pkl", "joblib", "skops"])
def test_every_format_can_be_compressed(suffix: str, compression: str, tmp_path: Path) -> None:
    values: dict[str, Any] = {"txt": "é\r\n", "bin": b"\0\xff", "npy": np.eye(2), "npz": {"a": np.eye(2)}}
    value = values.get(suffix, {"a": [1, None, "x"]})
    back = data.load(data.save(value, Local(tmp_path / f"v.{suffix}{compression}")))
    assert repr(np.asarray(back) if suffix == "npy" else back) == repr(value)


@pytest.mark.parametrize(
    "array", [np.zeros(0), np.array(5), np.zeros((0, 3)), np.eye(3)[::2].T, np.array(["é"])], ids=repr
)
def test_any_array_comes_back_as_it_was(array: np.ndarray[Any, Any], tmp_path: Path) -> None:
    back = data.load(data.save(array, Local(tmp_path / "a.npy")), np.ndarray)
    assert (back.shape, back.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(back, array)
