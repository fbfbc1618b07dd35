"""`pxw convert` from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pxw.cli import DONE, WRONG_USE, main

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
