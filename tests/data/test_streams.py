"""Streams pass in constant memory, and their schema is judged when the last row has passed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pytest

from pxw import Dataset, Local, data
from pxw.errors import SchemaError

SCHEMA = pa.schema([("n", pa.int64()), ("t", pa.string())])

PASS_ON = """
import sys
import pyarrow as pa
from pxw import Local, Parquet, data
source, target = sys.argv[1:]
options = {"format": Parquet(row_group_rows=50_000)} if target.endswith(".parquet") else {}
stream = data.load(Local(source, schema={"n": "int64", "t": "string"}), pa.RecordBatchReader)
data.save(stream, Local(target, **options))
print(pa.default_memory_pool().max_memory() >> 20)
"""


def megabytes_used(source: Path, target: Path) -> int:
    """The most that Arrow held at once; what a process keeps for later is its allocator's affair."""
    command = [sys.executable, "-c", PASS_ON, str(source), str(target)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def megabytes(number: int) -> pa.RecordBatchReader:
    batch = pa.record_batch([range(10_000), ["x" * 100] * 10_000], schema=SCHEMA)
    return pa.RecordBatchReader.from_batches(SCHEMA, (batch for _ in range(number)))


@pytest.mark.parametrize(("source", "target"), [("csv", "parquet"), ("parquet", "csv")])
def test_a_table_larger_than_the_memory_that_it_passes_through(source: str, target: str, tmp_path: Path) -> None:
    used = []
    for size in (60, 180):
        assert data.save(megabytes(size), Local(tmp_path / f"{size}.{source}")).rows == size * 10_000
        used.append(megabytes_used(tmp_path / f"{size}.{source}", tmp_path / f"out.{target}"))
    assert used[1] < used[0] + 20 < 100, used


def test_bytes_pass_as_a_stream(tmp_path: Path) -> None:
    with (tmp_path / "in.bin").open("wb") as file:
        file.truncate(50_000_000)
    with data.load(Local(tmp_path / "in.bin"), BinaryIO) as stream:
        ref = data.save(stream, Local(tmp_path / "out.bin.zst"))
    assert (ref.format, ref.size < 100_000) == ("bytes", True)
    with data.load(ref, BinaryIO) as stream:
        assert (stream.read(3), stream.read(1 << 30).count(b"\0")) == (b"\0\0\0", 49_999_997)


def numbers(*batches: list[int]) -> pa.RecordBatchReader:
    made: Iterator[pa.RecordBatch] = (pa.record_batch([batch, ["x"] * len(batch)], schema=SCHEMA) for batch in batches)
    return pa.RecordBatchReader.from_batches(SCHEMA, made)


@pytest.fixture
def few() -> Dataset:
    from typing import Annotated

    from pydantic import BaseModel, Field

    class Few(BaseModel):
        n: Annotated[int, Field(le=3)]
        t: str

    return Dataset(schema=Few)


def test_all_faults_of_a_stream_are_told_at_its_end(few: Dataset, tmp_path: Path) -> None:
    data.save(numbers([1, 2], [3, 4], [5]), Local(tmp_path / "t.arrow"))
    reader = data.load(Local(tmp_path / "t.arrow"), pa.RecordBatchReader, few)
    assert [len(reader.read_next_batch()) for _ in range(3)] == [2, 2, 1]
    with pytest.raises(SchemaError, match="column 'n': 2 of 5 values break le=3: row 3: 4, row 4: 5"):
        reader.read_next_batch()


def test_a_stream_with_faults_is_not_published(few: Dataset, tmp_path: Path) -> None:
    with pytest.raises(SchemaError):
        data.save(numbers([1, 2], [9]), Local(tmp_path / "t.parquet", schema=few.table))
    assert not list(tmp_path.iterdir())


def test_a_stream_without_batches_is_an_empty_table(tmp_path: Path) -> None:
    for suffix in ("arrow", "parquet", "csv"):
        ref = data.save(numbers(), Local(tmp_path / f"t.{suffix}"))
        assert (ref.rows, data.load(ref, pa.Table).column_names) == (0, ["n", "t"])


def test_what_a_streams_maker_raises_is_raised(tmp_path: Path) -> None:
    def failing() -> Iterator[pa.RecordBatch]:
        raise ZeroDivisionError("mine")
        yield

    with pytest.raises(ZeroDivisionError, match="mine"):
        data.save(pa.RecordBatchReader.from_batches(SCHEMA, failing()), Local(tmp_path / "t.arrow"))
