"""The example flows do what they say, on Prefect and without it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import pxw
from pxw.importing import find_flow, import_file, inline
from pxw.walks import Walk

FLOWS = Path(__file__).parent.parent / "flows"
EXAMPLES = ["data_processing", "ml_training", "ddm_analysis", "folders"]


@pytest.fixture(autouse=True)
def imports_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flow's file is imported anew for each test: with Prefect's decorators, or with the inline ones."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in [*EXAMPLES, "make_data"]:
        monkeypatch.setitem(sys.modules, name, None)  # so that what the test imports goes when it ends
        monkeypatch.delitem(sys.modules, name)


def _inline(name: str) -> Any:
    with inline():
        return find_flow(str(FLOWS / f"{name}.py"))


def _on_prefect(name: str) -> Any:
    return find_flow(str(FLOWS / f"{name}.py"))


@pytest.fixture(params=["inline", "prefect"])
def flow(request: pytest.FixtureRequest, prefect_server: str) -> Callable[[str], Any]:
    return _inline if request.param == "inline" else _on_prefect


def test_data_processing_leaves_only_whole_and_distinct_rows(flow: Callable[[str], Any]) -> None:
    flow("data_processing")()
    raw, clean = pd.read_csv(FLOWS / "data/raw.csv"), pd.read_csv("results/output.csv")
    assert len(clean) < len(raw)
    assert not clean.isna().any(axis=None)
    assert not clean.duplicated().any()
    assert clean["radius"].max() < 50 < raw["radius"].max()
    assert set(clean["diagnosis"]) == {"benign", "malignant"} < set(raw["diagnosis"])


def test_data_processing_keeps_what_was_right(flow: Callable[[str], Any]) -> None:
    flow("data_processing")()
    lines = set(Path("results/output.csv").read_text().splitlines())
    raw = (FLOWS / "data/raw.csv").read_text().splitlines()
    good = [line for line in raw if ",," not in line and line.endswith((",benign", ",malignant"))]
    lost = [line for line in good if line not in lines]
    assert lost
    assert all(float(line.split(",")[0]) > 50 for line in lost)


def test_a_parameter_reaches_its_task(flow: Callable[[str], Any]) -> None:
    flow("data_processing")(max_radius=12)
    assert pd.read_csv("results/output.csv")["radius"].max() < 12


def test_ml_training_gives_a_model_that_predicts_what_the_predictions_say(flow: Callable[[str], Any]) -> None:
    flow("ml_training")(n_estimators=20)
    model = pxw.load(pxw.Local("results/model.skops"))
    test = pd.read_csv(FLOWS / "data/test.csv")
    predictions = pd.read_csv("results/predictions.csv")["prediction"]
    assert predictions.tolist() == model.predict(test.drop(columns="label")).tolist()
    accuracy = (predictions == test["label"]).mean()
    results = json.loads(Path("results/results.json").read_text())
    assert results == {"accuracy": pytest.approx(accuracy), "n_estimators": 20, "test_size": len(test)}
    assert accuracy > 0.9


def test_ddm_analysis_tells_a_curve_that_rises_from_corner_to_corner(flow: Callable[[str], Any]) -> None:
    flow("ddm_analysis")()
    folder = Path("results/analysis")
    names = ["X_test.csv", "predictions.csv", "roc_curve.csv", "roc_data.json", "y_test.csv"]
    assert sorted(file.name for file in folder.iterdir()) == names
    curve = pd.read_csv(folder / "roc_curve.csv")
    assert curve["fpr"].is_monotonic_increasing
    assert curve["tpr"].is_monotonic_increasing
    assert curve[["fpr", "tpr"]].iloc[[0, -1]].to_numpy().tolist() == [[0, 0], [1, 1]]
    area = ((curve["tpr"] + curve["tpr"].shift()) / 2 * curve["fpr"].diff()).sum()
    assert json.loads((folder / "roc_data.json").read_text())["auc"] == pytest.approx(area, abs=1e-3)


def test_ddm_analysis_takes_a_trained_model_and_other_places_as_parameters(flow: Callable[[str], Any]) -> None:
    flow("ml_training")(n_estimators=5)
    flow("ddm_analysis")(trained_model={"path": "results/model.skops"}, results={"path": "elsewhere/"})
    scores = pd.read_csv("elsewhere/predictions.csv")["score"]
    assert {round(score * 5, 6) % 1 for score in scores} == {0}, "the scores of five trees are fifths"


@pytest.mark.parametrize("name", EXAMPLES)
def test_pxw_check_finds_nothing_to_say(name: str) -> None:
    walk = Walk()
    flow = _inline(name)
    with walk.going():
        flow()
    assert walk.edges
    assert not walk.findings
    assert not walk.stopped
    assert not Path("results").exists()


@pytest.mark.parametrize("name", EXAMPLES)
def test_prefects_ui_offers_a_path_or_a_ddm_address(name: str) -> None:
    shown = _on_prefect(name).parameters.model_dump()
    specs = {parameter for parameter, schema in shown["properties"].items() if "anyOf" in schema}
    assert specs
    assert {"Local", "DDM"} <= set(shown["definitions"])


def test_make_data_writes_the_tables_that_are_committed(tmp_path: Path) -> None:
    import_file(FLOWS / "make_data.py").write(tmp_path)
    committed = {file.name: file.read_bytes() for file in (FLOWS / "data").iterdir()}
    assert {file.name: file.read_bytes() for file in tmp_path.glob("*.csv")} == committed
