"""The project of the old system below `flows/` runs as it stands: the seed's workflows and scripts among it."""

from __future__ import annotations

import pickle
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from pydantic import SecretStr

from pxw.cli import main
from pxw.convert import convert
from pxw.stores import ddm
from tests.ddm.serving import serving
from tests.engines.conftest import without_heartbeats

PROJECT = Path(__file__).parent.parent / "flows" / "old_project"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy, so that its results stay out of the repository."""
    copy = tmp_path / "project"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("results"))
    monkeypatch.chdir(copy)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("URL", "TOKEN"):  # what a run sets goes when the test ends
        monkeypatch.setenv(f"PXW_DDM_{name}", "")
        monkeypatch.delenv(f"PXW_DDM_{name}")
    monkeypatch.setenv("PXW_DATASET_MANAGEMENT", "LOCAL")
    monkeypatch.delenv("PXW_DATASET_MANAGEMENT")
    yield copy
    for name in ("python_conditions", "python_configurations", "limited", "largest_radius", "scripts"):
        sys.modules.pop(name, None)


def _is_clean(table: pd.DataFrame) -> None:
    assert 500 < len(table) < 578
    assert not table.isna().any(axis=None)
    assert set(table["diagnosis"]) == {"benign", "malignant"}
    assert table["radius"].max() < 50


@pytest.mark.parametrize("file", [*PROJECT.glob("workflows/*.xxp"), *PROJECT.glob("experiments/*.xxp")])
def test_every_file_is_without_errors_or_warnings(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(file.relative_to(PROJECT))]) == 0
    assert capsys.readouterr().out.strip() == "no errors"


def test_the_seeds_local_workflow_runs() -> None:
    assert main(["run", "workflows/data_processing.xxp", "--inline"]) == 0
    _is_clean(pd.read_csv("results/output.csv"))


def test_the_seeds_local_workflow_runs_on_prefect(prefect_server: str) -> None:
    with without_heartbeats():
        assert main(["run", "workflows/data_processing.xxp"]) == 0
    _is_clean(pd.read_csv("results/output.csv"))


def test_the_seeds_ddm_workflow_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path / "ddm", SecretStr("secret")) as url:
        monkeypatch.setenv("PXW_DDM_URL", url)
        monkeypatch.setenv("PXW_DDM_TOKEN", "secret")
        ddm.client().upload(Path("data/input.csv"), "ml_experiment_project", name="input_dataset.csv")
        assert main(["run", "workflows/ddm_data_processing.xxp", "--config", "eexp_config_ddm.py", "--inline"]) == 0
        (entry,) = ddm.client().files("ml_experiment_results")
        assert entry.name == "output.csv"
        _is_clean(pd.read_csv(ddm.client().fetch(entry)))


def test_the_seeds_scripts_run_in_one_workflow() -> None:
    assert main(["run", "workflows/machine_learning.xxp", "--inline"]) == 0
    assert not pd.read_csv("results/clean.csv").isna().any(axis=None)
    assert len(list(Path("results/analysis").iterdir())) == 5
    model = pickle.loads(Path("results/analysis/model.pkl").read_bytes())
    assert model.n_estimators == 100


def test_the_experiment_goes_on_only_if_its_condition_holds() -> None:
    assert main(["run", "experiments/largest_radius.xxp", "--inline"]) == 0
    limits = [int(pd.read_csv(file)["radius"].max()) for file in Path("results").glob("*/output.csv")]
    assert len(limits) == 4  # two of the grid, two drawn


def test_the_converted_project_is_what_pxw_convert_writes(project: Path) -> None:
    made = convert(project, project / "flows")
    there = {path.name: path.read_bytes() for path in (project / "flows").glob("*.py")}
    assert there == {name: text.encode() for name, text in made.files.items()} | made.copies


def test_the_converted_experiment_makes_the_same_runs() -> None:
    assert main(["run", "flows/largest_radius.py", "--inline"]) == 0
    limits = {file.parent.name: int(pd.read_csv(file)["radius"].max()) for file in Path("results").glob("*/output.csv")}
    assert limits.keys() == {"Coarse-1", "Coarse-2", "Fine-1", "Fine-2"}
    assert limits["Coarse-1"] <= 20 < limits["Coarse-2"] <= 30
