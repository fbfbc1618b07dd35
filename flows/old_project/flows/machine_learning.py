"""The workflow MachineLearning, converted from workflows/machine_learning.xxp."""

from pathlib import Path
from typing import Any

import pxw

PROJECT = Path(__file__).parents[1]
RAW = pxw.Local(PROJECT / "data/input.csv")
TRAINING_ROWS = pxw.Local(PROJECT / "data/train.csv")
TEST_ROWS = pxw.Local(PROJECT / "data/test.csv")
CLEAN_ROWS = pxw.Local(PROJECT / "results/clean.csv")
ANALYSIS = pxw.Local(f"{PROJECT}/results/analysis/")

clean = pxw.script("../tasks/clean/task.py", name="Clean", inputs=["dataset"], outputs=["processed_data"])

train = pxw.script("../tasks/train/task.py", name="Train", inputs=["train_data", "test_data"], outputs=["ml_outputs"])

pick_model = pxw.script(
    "../tasks/pick_model/task.py",
    name="PickModel",
    inputs=["ml_outputs"],
    outputs=["trained_model", "accuracy"],
)

analyse = pxw.script(
    "../tasks/analyse/task.py",
    name="Analyse",
    inputs=["test_data", "trained_model"],
    outputs=["analysis_results"],
)


@pxw.flow(name="MachineLearning")
def machine_learning(
    raw: pxw.Spec = RAW,
    training_rows: pxw.Spec = TRAINING_ROWS,
    test_rows: pxw.Spec = TEST_ROWS,
    clean_rows: pxw.Spec = CLEAN_ROWS,
    analysis: pxw.Spec = ANALYSIS,
) -> dict[str, Any]:
    """Run the workflow MachineLearning."""
    clean_future = clean.with_options(outputs={"processed_data": clean_rows}).submit(dataset=raw)
    train_future = train.submit(train_data=training_rows, test_data=test_rows)
    pick_model_future = pick_model.submit(ml_outputs=train_future)
    analyse_future = analyse.with_options(outputs={"analysis_results": analysis}).submit(
        test_data=test_rows,
        trained_model=pxw.outputs(pick_model_future).trained_model,
    )
    return pxw.results(clean_future, train_future, pick_model_future, analyse_future)


if __name__ == "__main__":
    machine_learning()
