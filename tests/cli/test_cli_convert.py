"""`pxw convert` from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pxw.cli import DONE, FAILED, FOUND_ERRORS, WRONG_USE, main

SEED = Path(__file__).parents[1] / "dsl/cases/seed"


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SEED, tmp_path / "seed"))


def test_a_whole_folder_is_converted_and_its_files_are_listed(seed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(seed), "--out", str(seed / "flows"), "--json"]) == DONE
    names = {Path(each).name for each in json.loads(capsys.readouterr().out)["files"]}
    assert names == {
        "data_processing_workflow.py",
        "ddm_data_processing_workflow.py",
        "scripts.py",
        "conversion.md",
        "conversion.json",
        "conversion.map.json",
    }
    assert all((seed / "flows" / name).is_file() for name in names)


def test_canonical_dsl_is_printed(seed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(seed / "local.xxp"), "--to", "xxp"]) == DONE
    assert capsys.readouterr().out == (SEED / "local.golden").read_text(encoding="utf-8")


def test_a_file_that_is_not_there_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(tmp_path / "no.xxp")]) == WRONG_USE
    assert "no .xxp file" in capsys.readouterr().err


def test_a_project_with_errors_is_told_of_all_of_them_as_by_a_check(
    seed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("local.xxp", "ddm.xxp"):
        (seed / name).write_text((seed / name).read_text().replace("task ReadData", "taks ReadData"))
    assert main(["convert", str(seed), "--out", str(seed / "flows")]) == FOUND_ERRORS
    said = capsys.readouterr().err
    assert said.count("unexpected name 'taks'") == 2
    assert "2 errors" in said
    assert not (seed / "flows").exists()
    assert main(["convert", str(seed / "local.xxp"), "--to", "xxp"]) == FOUND_ERRORS
    assert "unexpected name 'taks'" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_told_and_nothing_is_left_there(
    seed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (seed / "flows").mkdir()
    (seed / "flows" / "conversion.json").mkdir()  # the last of the files has no place
    (seed / "taken").write_text("a file")
    for out in ("flows", "taken"):
        assert main(["convert", str(seed / "local.xxp"), "--out", str(seed / out)]) == FAILED
        assert "error[PXW104]: cannot write" in capsys.readouterr().err
    assert [path.name for path in (seed / "flows").iterdir()] == ["conversion.json"]
