"""Train a classifier, and judge it on data it has not seen: `pxw run flows/ml_training.py`."""

from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import BaseModel, Field
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score

import pxw

DATA = Path(__file__).parent / "data"


class Biopsy(BaseModel):
    """Five measurements, and a label: 1 where the biopsy is malignant."""

    radius: float = Field(gt=0, lt=50)
    texture: float
    smoothness: float
    concavity: float = Field(ge=0)
    symmetry: float
    label: Literal[0, 1]


class Results(BaseModel):
    """How well a model does."""

    accuracy: float = Field(ge=0, le=1)
    n_estimators: int
    test_size: int


@pxw.task(inputs={"train_data": Biopsy}, outputs={"model": pxw.Local("results/model.skops")})
def train(train_data: pd.DataFrame, n_estimators: int = 100) -> RandomForestClassifier:
    """Grow a random forest."""
    model = RandomForestClassifier(n_estimators=n_estimators, random_state=42)
    return model.fit(train_data.drop(columns="label"), train_data["label"])


@pxw.task(
    inputs={"test_data": Biopsy},
    outputs={"predictions": pxw.Local("results/predictions.csv"), "results": pxw.Local("results/results.json")},
)
def judge(model: RandomForestClassifier, test_data: pd.DataFrame) -> tuple[pd.DataFrame, Results]:
    """Predict the labels of the test data, and count how many are right."""
    predicted = model.predict(test_data.drop(columns="label"))
    accuracy = accuracy_score(test_data["label"], predicted)
    results = Results(accuracy=accuracy, n_estimators=model.n_estimators, test_size=len(test_data))
    return pd.DataFrame({"prediction": predicted}), results


@pxw.flow
def ml_training(
    train_data: pxw.Local | pxw.DDM = pxw.Local(DATA / "train.csv"),
    test_data: pxw.Local | pxw.DDM = pxw.Local(DATA / "test.csv"),
    n_estimators: int = 100,
) -> Results:
    """Train on one table, judge on the other."""
    model = train(train_data, n_estimators)
    _predictions, results = judge(model, test_data)
    return results


if __name__ == "__main__":
    ml_training()
