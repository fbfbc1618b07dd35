"""Values go to a DDM and come back as they were, whatever the file is called."""

from __future__ import annotations

import gzip
import pickle
import shutil
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pydantic import BaseModel, Field

import pxw
from pxw import data
from pxw.ddm.client import Client
from pxw.errors import (
    CorruptDataError,
    DDMNotFoundError,
    DDMRejectedError,
    FormatError,
    PickleRefusedError,
    PlaceError,
    SchemaError,
    SettingsError,
    SpecError,
)
from pxw.stores import ddm


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "count": pd.array([1, None, 3], dtype="Int64"),
            "kind": pd.Categorical(["a", "b", "a"]),
            "when": pd.to_datetime(["2026-01-01", "2026-01-02", None]).tz_localize("Europe/Berlin"),
            "price": [2.5, float("nan"), 1e300],
            "name": ["x", "ü,\n", None],
        }
    )


@pytest.mark.parametrize("name", ["t.arrow", "t.feather", "t.parquet", "deep/er/t.parquet", None])
def test_a_frame_comes_back_with_its_types(
    service: Client, project: str, frame: pd.DataFrame, name: str | None
) -> None:
    ref = pxw.save(frame, pxw.DDM(project=project, name=name))
    pd.testing.assert_frame_equal(pxw.load(ref), frame)
    stored = pxw.DDM(project=project, name=name or "output_0.arrow")
    pd.testing.assert_frame_equal(pxw.load(stored), frame)


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz", "t.jsonl", "t.jsonl.zst"])
def test_a_reference_remembers_the_types_that_a_text_forgets(service: Client, project: str, name: str) -> None:
    table = pa.table(
        {"code": ["007", "12"], "day": pa.array([1, 2], pa.date32()), "n": pa.array([1, None], pa.int16())}
    )
    ref = pxw.save(table, pxw.DDM(project=project, name=name))
    assert pxw.load(ref, pa.Table).equals(table)


def test_arrow_goes_up_compressed(service: Client, project: str) -> None:
    table = pa.table({"same": ["the same words again and again"] * 10_000})
    assert pxw.save(table, pxw.DDM(project=project, name="t.arrow")).size < table.nbytes / 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a.json", {"auc": 0.9, "nested": [1, None]}),
        ("a.txt", "Grüße\r\n"),
        ("a.bin", bytes(range(256))),
        ("a", b"no suffix"),
        ("empty.bin", b""),
        ("a.txt.gz", "packed"),
    ],
)
def test_other_values_come_back(service: Client, project: str, name: str, value: object) -> None:
    place = pxw.DDM(project=project, name=name)
    ref = pxw.save(value, place)
    assert pxw.load(ref, type(value)) == value
    assert pxw.load(place, type(value)) == value


def test_an_array_comes_back(service: Client, project: str) -> None:
    array = np.arange(12, dtype="int8").reshape(3, 4)
    loaded = pxw.load(pxw.save(array, pxw.DDM(project=project, name="a.npy")))
    assert loaded.dtype == array.dtype
    assert (loaded == array).all()


def test_every_kind_of_table_and_stream_can_be_asked_for(service: Client, project: str) -> None:
    ref = pxw.save(pd.DataFrame({"x": [1, 2]}), pxw.DDM(project=project, name="t.csv"))
    assert pxw.load(ref, pl.DataFrame)["x"].to_list() == [1, 2]
    assert pxw.load(ref, pa.RecordBatchReader).read_all().num_rows == 2
    assert pxw.load(ref, bytes) == b"x\n1\n2\n"
    with pxw.load(ref, BinaryIO) as stream:
        assert stream.readline() == b"x\n"


def test_a_path_has_the_name_of_the_file_and_cannot_be_written_to(service: Client, project: str) -> None:
    ref = pxw.save("x", pxw.DDM(project=project, name="sub/note.txt"))
    path = pxw.load(ref, Path)
    assert path.name == "note.txt"
    assert path.read_text() == "x"
    assert not path.stat().st_mode & 0o222


def test_a_spoilt_named_copy_is_made_anew(service: Client, project: str) -> None:
    ref = pxw.save("whole", pxw.DDM(project=project, name="note.txt"))
    path = pxw.load(ref, Path)
    path.unlink()
    path.write_text("spoilt")
    assert pxw.load(ref, Path).read_text() == "whole"


def test_a_damaged_cache_costs_a_download_and_never_a_wrong_value(service: Client, project: str) -> None:
    ref = pxw.save("whole", pxw.DDM(project=project, name="note.txt"))
    cached = service.cache.place(ref.digest.removeprefix("sha256:"))
    cached.chmod(0o644)
    cached.write_text("wrong")
    assert pxw.load(ref) == "whole"


# Schemas -------------------------------------------------------------------------------------------------------------


class Person(BaseModel):
    name: str
    age: int = Field(ge=0)


def test_a_table_is_checked_before_it_is_uploaded(service: Client, project: str) -> None:
    with pytest.raises(SchemaError) as caught:
        pxw.save(pd.DataFrame({"name": ["a"], "age": [-1]}), pxw.DDM(project=project, name="t.csv", schema=Person))
    assert f"ddm://{project}//" in str(caught.value)
    assert "outgoing" not in str(caught.value)
    with pytest.raises(DDMNotFoundError):
        service.files(project)


def test_a_table_is_checked_when_it_is_loaded(service: Client, project: str) -> None:
    pxw.save("name,age\na,-1\n", pxw.DDM(project=project, name="t.csv"))
    with pytest.raises(SchemaError) as caught:
        pxw.load(pxw.DDM(project=project, name="t.csv", schema=Person), pd.DataFrame)
    assert f"ddm://{project}//t.csv" in str(caught.value)


def test_a_look_sees_the_header_and_the_schema(service: Client, project: str) -> None:
    place = pxw.DDM(project=project, name="t.csv")
    pxw.save("name,agee\na,1\n", place)
    assert set(data.look(place) or {}) == {"name", "agee"}
    with pytest.raises(SchemaError, match="header"):
        data.look(place, pxw.Dataset(schema=Person))


def test_a_look_does_not_download_what_is_large(
    service: Client, project: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = pxw.DDM(project=project, name="t.csv")
    pxw.save("name,age\na,1\n", place)
    shutil.rmtree(service.cache.root)
    monkeypatch.setattr("pxw.stores.ddm.GLIMPSE", 5)
    asked.clear()
    assert data.look(place) is None
    assert asked == ["GET /ddm/catalog/list"]
    with pytest.raises(DDMNotFoundError):
        data.look(pxw.DDM(project=project, name="other.csv"))


# Pickles -------------------------------------------------------------------------------------------------------------


def test_a_pickle_of_somebody_else_is_refused_unless_it_is_vouched_for(service: Client, project: str) -> None:
    service.upload(pickle.dumps({1, 2}), project, "theirs.pkl")
    with pytest.raises(PickleRefusedError, match=r"theirs\.pkl"):
        pxw.load(pxw.DDM(project=project, name="theirs.pkl"))
    assert pxw.load(pxw.DDM(project=project, name="theirs.pkl", allow_pickle=True)) == {1, 2}


def test_a_pickle_of_ones_own_is_loaded(service: Client, project: str) -> None:
    place = pxw.DDM(project=project, name="mine.pkl")
    pxw.save({1, 2}, place)
    shutil.rmtree(service.cache.root)
    assert pxw.load(place) == {1, 2}


# To files and back ---------------------------------------------------------------------------------------------------

CONTENT = {
    "odd.csv": b"a, b\r\n1,2.50\n",  # what a parser would write in another way
    "odd.json": b'{"b":1 ,"a":  2.50}',
    "odd.pkl": pickle.dumps([1]),
    "odd.unknown": b"\x00\xff",
    "odd.csv.gz": gzip.compress(b"a\n1\n"),
}


@pytest.mark.parametrize("name", CONTENT)
def test_a_file_goes_to_a_ddm_and_back_byte_for_byte(service: Client, project: str, name: str) -> None:
    Path(name).write_bytes(CONTENT[name])
    there = pxw.save(pxw.Local(name), pxw.DDM(project=project, name=name))
    assert service.fetch(there.id or "").read_bytes() == CONTENT[name]
    pxw.save(there, pxw.Local(f"back/{name}"))
    pxw.save(pxw.DDM(project=project, name=name), pxw.Local(f"again/{name}"))
    pxw.save(pxw.DDM(project=project, name=name), pxw.DDM(project=f"{project}/copy"))
    assert Path("back", name).read_bytes() == Path("again", name).read_bytes() == CONTENT[name]
    assert service.fetch(service.find(f"{project}/copy", name)).read_bytes() == CONTENT[name]


def test_a_copy_to_another_suffix_changes_the_format(service: Client, project: str) -> None:
    Path("t.csv").write_text("a\n1\n")
    pxw.save(pxw.Local("t.csv"), pxw.DDM(project=project, name="t.parquet"))
    assert service.fetch(service.find(project, "t.parquet")).read_bytes().startswith(b"PAR1")


# Versions ------------------------------------------------------------------------------------------------------------


def test_the_newest_version_is_loaded_unless_one_is_pinned(service: Client, project: str) -> None:
    place = pxw.DDM(project=project, name="v.txt")
    first, second = pxw.save("one", place), pxw.save("two", place)
    then = service.find(project, "v.txt", id=first.id).when
    assert then is not None
    assert pxw.load(place) == "two"
    assert pxw.load(pxw.DDM(project=project, name="v.txt", id=first.id)) == "one"
    assert pxw.load(pxw.DDM(project=project, name="v.txt", as_of=then.isoformat())) == "one"
    assert pxw.load(first) == "one"
    assert pxw.load(second) == "two"


@pytest.mark.parametrize("pin", [{"id": "0192"}, {"as_of": "2026-01-01T00:00:00"}])
def test_nothing_is_saved_to_a_version_that_exists(service: Client, project: str, pin: dict[str, str]) -> None:
    with pytest.raises(SpecError, match="version that exists"):
        pxw.save("x", pxw.DDM(project=project, name="v.txt", **pin))


def test_a_real_ddm_leaves_the_bytes_alone_unless_a_profile_is_asked_for(old_ddm: Client) -> None:
    plain = pxw.save("x\n2.50\n", pxw.DDM(project="p", name="t.csv"))
    profiled = pxw.save("x\n2.50\n", pxw.DDM(project="q", name="t.csv", profile=True))
    assert pxw.load(plain, bytes) == b"x\n2.50\n"
    assert pxw.load(profiled, bytes) == b"x\n2.5\n", "what it holds counts, not what this machine remembers"


# Bad addresses -------------------------------------------------------------------------------------------------------


def test_a_wrong_name_gets_the_nearest(service: Client, project: str) -> None:
    pxw.save("x", pxw.DDM(project=project, name="titanic.txt"))
    with pytest.raises(DDMNotFoundError, match=r"did you mean 'titanic.txt'"):
        pxw.load(pxw.DDM(project=project, name="titanik.txt"))


@pytest.mark.parametrize("bad", ["a//b", "/a", "a/", "what?", "a*", "#1"])
def test_a_project_that_a_ddm_would_mishandle_is_refused(service: Client, bad: str) -> None:
    with pytest.raises(DDMRejectedError):
        pxw.save("x", pxw.DDM(project=bad, name="x.txt"))


@pytest.mark.parametrize("name", ["../x.txt", "/etc/x.txt", "a/../../x.txt", "a\\b.txt"])
def test_a_name_cannot_lead_out_of_the_cache(old_ddm: Client, name: str) -> None:
    old_ddm.upload(b"x", "p", name)
    with pytest.raises(PlaceError, match="is no name for a file"):
        pxw.load(pxw.DDM(project="p", name=name))


def test_a_broken_file_is_named_by_its_address(service: Client, project: str) -> None:
    service.upload(b"PAR1 and no more", project, "t.parquet")
    with pytest.raises(CorruptDataError, match=f"ddm://{project}//t.parquet"):
        pxw.load(pxw.DDM(project=project, name="t.parquet"))


def test_an_unknown_suffix_is_an_error_as_for_a_file(service: Client, project: str) -> None:
    service.upload(b"x", project, "t.xyz")
    with pytest.raises(FormatError, match="tells no format"):
        pxw.load(pxw.DDM(project=project, name="t.xyz"))
    assert pxw.load(pxw.DDM(project=project, name="t.xyz"), bytes) == b"x"


def test_without_a_url_the_error_says_how_to_get_one() -> None:
    with pytest.raises(SettingsError, match="pxw ddm serve"):
        pxw.load(pxw.DDM(project="p", name="x.txt"))


def test_nothing_is_left_behind_in_the_outgoing_folder(service: Client, project: str, tmp_path: Path) -> None:
    pxw.save("x", pxw.DDM(project=project, name="x.txt"))
    with pytest.raises(DDMRejectedError):
        pxw.save("x", pxw.DDM(project="a//b", name="x.txt"))
    assert list((tmp_path / "pxw-home" / "outgoing").iterdir()) == []
    assert ddm.client() is service
