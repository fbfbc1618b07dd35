"""The ROC curve of a model on test data: `pxw run flows/ddm_analysis.py`.

Where the data lives is said by the flow's parameters alone: files of this machine by default, or a DDM.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from ml_training import Biopsy, train
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score, roc_curve

import pxw

DATA = Path(__file__).parent / "data"


@pxw.task(inputs={"trained_model": pxw.Dataset(format="skops"), "test_data": Biopsy}, outputs=["analysis_results"])
def analyse(trained_model: RandomForestClassifier, test_data: pd.DataFrame) -> dict[str, Any]:
    """One file for each entry: what the model saw, what it should have said, what it said, and its ROC curve."""
    features, labels = test_data.drop(columns="label"), test_data["label"]
    scores = trained_model.predict_proba(features)[:, 1]
    fpr, tpr, thresholds = roc_curve(labels, scores)
    return {
        "X_test.csv": features,
        "y_test.csv": labels.to_frame(),
        "predictions.csv": pd.DataFrame({"prediction": trained_model.predict(features), "score": scores}),
        "roc_curve.csv": pd.DataFrame({"fpr": fpr, "tpr": tpr, "threshold": thresholds}).round(4),
        "roc_data.json": {"auc": round(roc_auc_score(labels, scores), 4)},
    }


@pxw.flow
def ddm_analysis(
    train_data: pxw.Local | pxw.DDM = pxw.Local(DATA / "train.csv"),
    test_data: pxw.Local | pxw.DDM = pxw.Local(DATA / "test.csv"),
    trained_model: pxw.Local | pxw.DDM | None = None,
    results: pxw.Local | pxw.DDM = pxw.Local("results/analysis/"),
) -> pxw.Ref:
    """Analyse a trained model, or one that is trained here and now if none is given."""
    model = trained_model or train(train_data)
    return pxw.save(analyse(model, test_data), results)


if __name__ == "__main__":
    ddm_analysis()
