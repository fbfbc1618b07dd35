"""A folder that a Prefect worker removes after a run is no place for an output."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from pxw import data
from pxw.errors import PlaceError
from pxw.specs import Local


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory that a process worker gives a run whose deployment names none."""
    folder = Path(tempfile.mkdtemp(suffix="prefect")).resolve()
    (folder / "code").mkdir()
    monkeypatch.chdir(folder / "code")
    return folder


def test_an_output_below_the_folder_of_a_run_is_refused(workspace, monkeypatch):
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", "some-run")
    for place in ("results/x.json", workspace / "x.json"):
        with pytest.raises(PlaceError, match=r"would be removed when the run ends[\s\S]*absolute path"):
            data.save([1], Local(place))
    assert sorted(path.name for path in workspace.rglob("*")) == ["code"]


def test_so_is_one_below_the_folder_that_serve_downloads_code_to(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", "some-run")
    monkeypatch.setenv("PREFECT__STORAGE_BASE_PATH", str(tmp_path / "runner"))
    with pytest.raises(PlaceError, match="would be removed"):
        data.save([1], Local("runner/repository/x.json"))
    data.save([1], Local("x.json"))
    assert Path("x.json").read_text().strip() == "[1]"


def test_a_run_by_hand_may_write_anywhere(workspace):
    data.save([1], Local("x.json"))
    assert Path("x.json").exists()
