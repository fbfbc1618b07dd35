"""A project of a DDM is a folder: several files go up and come down under their names."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import pxw
from pxw import data
from pxw.ddm.client import Client
from pxw.errors import DDMNotFoundError, FormatError, PickleRefusedError, PlaceError, SpecError

FRAMES = {
    "a.csv": pd.DataFrame({"x": [1, 2]}),
    "b.csv.gz": pd.DataFrame({"x": [3]}),
    "deep/c.parquet": pd.DataFrame({"x": [4]}),
}


@pytest.fixture
def folder(service: Client, project: str) -> pxw.Ref:
    return pxw.save(FRAMES, pxw.DDM(project=project))


def test_a_dict_comes_back_by_name_in_order(folder: pxw.Ref, project: str) -> None:
    for source in (folder, pxw.DDM(project=project)):
        loaded = pxw.load(source, dict[str, pd.DataFrame])
        assert list(loaded) == list(FRAMES)
        for name, frame in FRAMES.items():
            pd.testing.assert_frame_equal(loaded[name], frame)


def test_it_comes_back_as_a_list_a_table_and_a_path(folder: pxw.Ref, project: str) -> None:
    for source in (folder, pxw.DDM(project=project)):
        assert [len(frame) for frame in pxw.load(source, list[pd.DataFrame])] == [2, 1, 1]
        assert pxw.load(source, pa.Table)["x"].to_pylist() == [1, 2, 3, 4]
        path = pxw.load(source, Path)
        assert {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()} == set(FRAMES)


def test_one_frame_cannot_be_had_of_something_that_is_no_table(folder: pxw.Ref) -> None:
    with pytest.raises(PlaceError, match="folder of 3 files"):
        pxw.load(folder, bytes)


def test_a_folder_of_this_machine_goes_up_and_comes_down_byte_for_byte(service: Client, project: str) -> None:
    files = {"a.csv": b"x,  y\r\n1,2.50\n", "sub/b.unknown": b"\x00", "empty": b""}
    for name, content in files.items():
        Path("here", name).parent.mkdir(parents=True, exist_ok=True)
        Path("here", name).write_bytes(content)
    ref = pxw.save(pxw.Local("here/"), pxw.DDM(project=project))
    pxw.save(ref, pxw.Local("back/"))
    pxw.save(pxw.DDM(project=project), pxw.Local("again/"))
    for name, content in files.items():
        assert Path("back", name).read_bytes() == Path("again", name).read_bytes() == content


def test_a_path_that_a_task_filled_goes_up(service: Client, project: str) -> None:
    Path("made").mkdir()
    Path("made/x.txt").write_text("x")
    ref = pxw.save(Path("made"), pxw.DDM(project=project))
    assert pxw.load(ref, dict[str, str]) == {"x.txt": "x"}
    assert Path("made/x.txt").read_text() == "x", "what the task made stays its own"


def test_a_listing_asks_once_and_each_file_comes_once(folder: pxw.Ref, project: str, asked: list[str]) -> None:
    shutil.rmtree(Path(pxw.load(folder, Path)).parents[1])
    asked.clear()
    pxw.load(pxw.DDM(project=project), dict[str, pd.DataFrame])
    assert sorted(request.rpartition("/")[0] for request in asked) == ["GET /ddm/catalog"] + ["GET /ddm/file"] * 3


def test_a_reference_is_loaded_without_a_request_where_it_was_made(folder: pxw.Ref, asked: list[str]) -> None:
    asked.clear()
    pxw.load(folder, pa.Table)
    assert asked == []


def test_a_reference_is_loaded_by_id_and_never_searched_for_elsewhere(
    folder: pxw.Ref, asked: list[str], service: Client
) -> None:
    shutil.rmtree(service.cache.root)
    asked.clear()
    pxw.load(folder, pa.Table)
    assert {request.rpartition("/")[0] for request in asked} == {"GET /ddm/file"}
    assert len(asked) == 3


def test_a_reference_means_the_versions_that_were_saved(folder: pxw.Ref, project: str) -> None:
    pxw.save({"a.csv": pd.DataFrame({"x": [9]}), "new.csv": pd.DataFrame({"x": [8]})}, pxw.DDM(project=project))
    assert pxw.load(folder, pa.Table)["x"].to_pylist() == [1, 2, 3, 4]
    assert pxw.load(pxw.DDM(project=project), pa.Table)["x"].to_pylist() == [9, 3, 4, 8]


def test_the_entries_of_a_folder_are_pinned_and_not_looked_up_again(
    folder: pxw.Ref, project: str, asked: list[str]
) -> None:
    for source in (folder, pxw.DDM(project=project)):
        entries = data.entries(source)
        assert [entry.name for entry in entries] == list(FRAMES)  # type: ignore[union-attr]
        assert all(entry.id for entry in entries)  # type: ignore[union-attr]
        asked.clear()
        assert [len(pxw.load(entry)) for entry in entries] == [2, 1, 1]
        assert asked == []


def test_what_was_said_of_a_folder_holds_for_each_of_its_entries(service: Client, project: str) -> None:
    pxw.save({"a.pkl": {1}}, pxw.DDM(project=project))
    shutil.rmtree(service.cache.root.parent / "written")
    with pytest.raises(PickleRefusedError):
        pxw.load(data.entries(pxw.DDM(project=project))[0])
    assert pxw.load(data.entries(pxw.DDM(project=project, allow_pickle=True))[0]) == {1}


def test_a_project_without_files_is_an_error_that_names_the_nearest(folder: pxw.Ref, project: str) -> None:
    with pytest.raises(DDMNotFoundError, match="did you mean"):
        pxw.load(pxw.DDM(project=f"{project}x"))


def test_several_files_cannot_go_to_one_name(service: Client, project: str) -> None:
    Path("here").mkdir()
    Path("here/a.txt").write_text("x")
    with pytest.raises(SpecError, match="leave out name="):
        pxw.save(pxw.Local("here/"), pxw.DDM(project=project, name="one.csv"))
    assert service.list(project) == ()


def test_a_table_cannot_fill_a_folder_of_something_else(service: Client, project: str) -> None:
    with pytest.raises(FormatError):
        pxw.save(object(), pxw.DDM(project=project))


def test_many_files_overlap_and_stay_whole(service: Client, project: str) -> None:
    files: dict[str, Any] = {f"{number:03}.bin": bytes([number]) * 1000 for number in range(100)}
    ref = pxw.save(files, pxw.DDM(project=project))
    shutil.rmtree(service.cache.root)
    assert pxw.load(ref, dict[str, bytes]) == files
