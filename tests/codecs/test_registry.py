"""A codec for a type of one's own takes a few lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import pxw
from pxw import Codec, File, Local, TableCodec, data
from pxw.codecs import Registry, registry
from pxw.codecs.registry import _BUILT_IN
from pxw.errors import FormatError, SpecError


class Point:
    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y


class PointCodec(Codec):
    format, suffixes, types = "point", (".point",), (Point,)

    def write(self, value: Point, file: File) -> None:
        with file.open_write() as stream:
            stream.write(f"{value.x} {value.y}".encode())

    def read(self, file: File, as_: Any) -> Point:
        with file.open_read() as stream:
            return Point(*map(int, stream.read().split()))


class PipedCodec(TableCodec):
    """Cells between pipes; all text."""

    format, suffixes = "piped", (".piped",)

    def read_table(self, file: File) -> pa.Table:
        with file.open_read() as stream:
            names, *rows = (line.decode().strip().split("|") for line in stream)
        return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])

    def read_batches(self, file: File) -> pa.RecordBatchReader:
        return self.read_table(file).to_reader()

    def header(self, file: File) -> pa.Schema:
        return self.read_table(file).schema

    def write_batches(self, batches: pa.RecordBatchReader, file: File) -> None:
        with file.open_write() as stream:
            stream.write("|".join(batches.schema.names).encode())
            for batch in batches:
                for row in batch.to_pylist():
                    stream.write(b"\n" + "|".join(map(str, row.values())).encode())


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_codecs", "_suffixes", "_types"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    pxw.register(PointCodec())
    pxw.register(PipedCodec())


class Labelled(Point):
    """A subclass is written as its base."""


@pytest.mark.parametrize("suffix", ["point", "point.gz"])
def test_values_of_the_type_are_saved_and_loaded(suffix: str, tmp_path: Path) -> None:
    ref = pxw.save(Point(1, 2), Local(tmp_path / f"p.{suffix}"))
    assert ref.format == "point"
    assert pxw.load(ref, Point).y == 2
    assert pxw.load(Local(tmp_path / f"p.{suffix}")).x == 1


def test_without_a_place_the_type_tells_the_format_and_the_suffix(tmp_path: Path) -> None:
    ref = data.save(Labelled(1, 2), pxw.Dataset(), beside=tmp_path / "out")
    assert ref.place == str(tmp_path / "out.point")


def test_a_format_of_tables_serves_every_type_of_tables(tmp_path: Path) -> None:
    pxw.save(pd.DataFrame({"a": [1, 2]}), Local(tmp_path / "t.piped"))
    assert (tmp_path / "t.piped").read_text() == "a\n1\n2"
    assert pxw.load(Local(tmp_path / "t.piped", schema={"a": "int64"}), pa.Table).to_pylist() == [{"a": 1}, {"a": 2}]


def test_a_later_codec_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    class Loud(PointCodec):
        def read(self, file: File, as_: Any) -> Point:
            return Point(100, 100)

    ref = pxw.save(Point(1, 2), Local(tmp_path / "p.point"))
    pxw.register(Loud())
    assert pxw.load(ref).x == 100


def test_a_schema_means_nothing_for_such_a_value(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="for tables and documents"):
        pxw.save(Point(1, 2), Local(tmp_path / "p.point", schema={"x": "int64"}))


def test_a_registry_asks_its_parent_for_what_it_does_not_know() -> None:
    mine = Registry(parent=registry)
    assert mine.by_suffix(".point") is registry.by_format("point")
    assert mine.by_type(Labelled) == "point"
    assert Registry().by_suffix(".csv") is None


def test_an_unknown_format_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="did you mean 'parquet'"):
        pxw.save(pd.DataFrame(), Local(tmp_path / "x", format="parqet"))
    (tmp_path / "x.cvs").touch()
    with pytest.raises(FormatError, match=r"'\.cvs'[\s\S]*did you mean 'csv'"):
        pxw.load(Local(tmp_path / "x.cvs"))


@pytest.mark.parametrize("name", sorted(_BUILT_IN))
def test_the_table_of_built_in_formats_says_what_their_codecs_say(name: str) -> None:
    codec = registry.by_format(name)
    assert (codec.format, codec.suffixes) == (name, _BUILT_IN[name][1])
