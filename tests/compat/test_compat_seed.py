"""The seed's three scripts, as they stand in its documentation."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import pxw
from pxw.compat import Job
from pxw.specs import DDM, Local
from tests.compat.conftest import Runner

SCRIPTS = Path(__file__).parents[2] / "flows/old_project/tasks"


@pytest.fixture
def frames(tmp_path: Path) -> tuple[Path, Path]:
    numbers = np.random.default_rng(0)
    paths = (tmp_path / "train.csv", tmp_path / "test.csv")
    for path in paths:
        frame = pd.DataFrame({"x": numbers.normal(size=60), "y": numbers.normal(size=60)})
        frame.assign(label=(frame.x + frame.y > 0).astype(int)).to_csv(path, index=False)
    return paths


def test_the_basic_script_runs_as_it_stands(script: Runner, tmp_path: Path) -> None:
    raw = script.write("input.csv", "a,b\n1,x\n,y\n3,z\n")
    outcome = script(SCRIPTS / "clean/task.py", inputs={"dataset": raw}, outputs={"processed_data": Local("out.csv")})
    assert (tmp_path / "out.csv").read_bytes() == b"a,b\n1.0,x\n3.0,z\n"
    assert outcome.outputs["processed_data"].place == str(tmp_path / "out.csv")
    assert script.lines == [("Loading dataset...", "stdout"), ("Task completed successfully!", "stdout")]


def test_the_training_script_runs_and_the_analysis_uses_what_it_saved(
    script: Runner, frames: tuple[Path, Path]
) -> None:
    train, test = frames
    trained = script(
        SCRIPTS / "train/task.py", inputs={"train_data": train, "test_data": test}, outputs={"ml_outputs": None}
    )
    saved = trained.outputs["ml_outputs"]
    assert saved.format == "folder"
    files = {path.name: path for path in Path(saved.place).iterdir()}
    assert set(files) == {"model.pkl", "predictions.csv", "results.json"}
    assert f"accuracy: {json.loads(files['results.json'].read_text())['accuracy']:.4f}" in script.text

    analysed = script(
        SCRIPTS / "analyse/task.py",
        inputs={"trained_model": files["model.pkl"], "test_data": Local(test)},
        outputs={"analysis_results": Local("analysis/")},
    )
    folder = Path(analysed.outputs["analysis_results"].place)
    assert folder == Path.cwd() / "analysis"
    assert {path.name for path in folder.iterdir()} == {
        "X_test.csv",
        "y_test.csv",
        "predictions.csv",
        "roc_data.json",
        "model.pkl",
    }
    assert pickle.loads((folder / "model.pkl").read_bytes()).n_estimators == 100
    assert "Analysis complete. AUC: " in script.text


def test_all_three_run_with_a_ddm(script: Runner, frames: tuple[Path, Path], ddm: Any) -> None:
    for path in frames:
        ddm().upload(path, "seed/data")
    job = Job(workflow="W", id="w1", experiment="seed", experiment_id="e1", management="DDM")
    basic = script(
        SCRIPTS / "clean/task.py",
        inputs={"dataset": DDM(project="seed/data", name="train.csv")},
        outputs={"processed_data": DDM(project="seed/clean", name="clean.csv")},
        job=job,
    )
    assert ddm().fetch(ddm().find("seed/clean", "clean.csv")).read_bytes() == frames[0].read_bytes()
    assert basic.outputs["processed_data"].place == "ddm://seed/clean//clean.csv"

    trained = script(
        SCRIPTS / "train/task.py",
        inputs={name: DDM(project="seed/data", name=f"{name[:-5]}.csv") for name in ("train_data", "test_data")},
        outputs={"ml_outputs": None},
        job=job,
    )
    project = job.project("train")
    assert {entry.name for entry in ddm().files(project)} == {"model.pkl", "predictions.csv", "results.json"}
    told = json.loads(trained.result_map["file:train:output:ml_outputs"])
    assert [each["file_name"] for each in told] == ["model.pkl", "predictions.csv", "results.json"]
    assert pxw.load(trained.outputs["ml_outputs"], dict[str, bytes])["results.json"].startswith(b'{"accuracy"')

    analysed = script(
        SCRIPTS / "analyse/task.py",
        inputs={
            "trained_model": DDM(project=project, name="model.pkl"),
            "test_data": DDM(project="seed/data", name="test.csv"),
        },
        outputs={"analysis_results": DDM(project="seed/analysis")},
        job=job,
    )
    assert len(ddm().files("seed/analysis")) == 5
    assert "file:analyse:input:trained_model" in analysed.result_map
