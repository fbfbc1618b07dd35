"""Datasets in a DDM, with Prefect running the tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect.cache_policies import INPUTS
from prefect.task_runners import ThreadPoolTaskRunner

import pxw
from pxw.ddm.client import Client
from pxw.importing import find_flow

FLOWS = Path(__file__).parents[2] / "flows"
_calls: list[int] = []


@pytest.fixture
def in_ddm(prefect_server: str, service: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("PXW_DATASET_MANAGEMENT", "DDM")
    _calls.clear()
    return service


@pxw.task(inputs=["table"], outputs=["doubled"])
def double(table: pd.DataFrame) -> pd.DataFrame:
    return table * 2


@pxw.task(inputs=["tables"], outputs=["total"])
def total(tables: list[pd.DataFrame]) -> int:
    return int(sum(table["x"].sum() for table in tables))


@pxw.flow(name="on-threads", task_runner=ThreadPoolTaskRunner(max_workers=4))
def on_threads(tables: pxw.DDM) -> Any:
    doubled = double.map(tables).result()
    return doubled, total(doubled)


def test_mapped_threads_lose_nothing_and_load_by_id(in_ddm: Client, project: str) -> None:
    pxw.save({f"{n}.csv": pd.DataFrame({"x": range(n)}) for n in range(1, 7)}, pxw.DDM(project=project))
    doubled, ref = on_threads(pxw.DDM(project=project))
    assert [len(pxw.load(table)) for table in doubled] == [1, 2, 3, 4, 5, 6]
    assert pxw.load(ref) == 70
    places = {table.place for table in doubled}
    assert len(places) == 6
    assert all(place.startswith(f"ddm://on-threads/run/{ref.run}/output/double/") for place in places)


@pxw.task(outputs=["table"], retries=1)
def flaky(where: str) -> pd.DataFrame:
    _calls.append(1)
    return pd.DataFrame({"x": [len(_calls)]})


@pxw.task(inputs=["table"], outputs={"copy": pxw.DDM(project="on-prefect/retried", name="copy.csv")}, retries=1)
def copied(table: pd.DataFrame) -> pd.DataFrame:
    _calls.append(1)
    if len(_calls) == 1:
        pxw.save(table, pxw.DDM(project="on-prefect/retried", name="copy.csv"))
        raise RuntimeError("after half of the work")
    return table


@pxw.flow
def retried() -> Any:
    return copied(pd.DataFrame({"x": [1]}))


def test_a_retry_uploads_a_new_version(in_ddm: Client) -> None:
    ref = retried()
    versions = in_ddm.list("on-prefect/retried")
    assert len(versions) == len(_calls) == 2
    assert versions[-1].id == ref.id


@pxw.task(inputs=["table"], outputs=["rows"], cache_policy=INPUTS, persist_result=True)
def count(table: pd.DataFrame) -> int:
    _calls.append(1)
    return len(table)


@pxw.flow
def counted(table: pxw.DDM) -> int:
    return int(pxw.load(count(table)))


def test_a_cached_result_counts_only_for_the_version_that_it_was_made_of(in_ddm: Client, project: str) -> None:
    place = pxw.DDM(project=project, name="t.csv")
    pxw.save(pd.DataFrame({"x": [1]}), place)
    assert [counted(place), counted(place)] == [1, 1]
    assert len(_calls) == 1
    pxw.save(pd.DataFrame({"x": [1, 2]}), place)
    assert counted(place) == 2


def test_a_cached_result_is_made_anew_when_the_ddm_has_lost_it(in_ddm: Client, project: str) -> None:
    place = pxw.DDM(project=project, name="t.csv")
    pxw.save(pd.DataFrame({"x": [7]}), place)
    counted(place)
    for entry in in_ddm.list("counted"):
        in_ddm.delete(entry)
        in_ddm.cache.place(entry.sha256 or "").unlink(missing_ok=True)
    assert counted(place) == 1
    assert len(_calls) == 2


def test_the_folders_example_gives_the_same_files_in_both_modes(
    in_ddm: Client, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(FLOWS))
    folders = find_flow(str(FLOWS / "folders.py"))
    pxw.save(pxw.Local(FLOWS / "data/t*.csv"), pxw.DDM(project=f"{project}/in"))
    folders(tables=pxw.DDM(project=f"{project}/in"), results=pxw.DDM(project=f"{project}/out"))
    monkeypatch.setenv("PXW_DATASET_MANAGEMENT", "LOCAL")
    folders(results=pxw.Local("here/"))
    here = {file.relative_to("here").as_posix(): file.read_bytes() for file in Path("here").rglob("*.csv")}
    assert pxw.load(pxw.DDM(project=f"{project}/out"), dict[str, bytes]) == here
    assert sorted(here) == ["overview.csv", "profiles/test.csv", "profiles/train.csv"]
