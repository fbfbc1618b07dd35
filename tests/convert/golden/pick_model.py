"""The task PickModel, converted from tasks/pick_model/task.py."""

# What the training task saves under one name are three files; the analysis asks for the first of them.

import json
from typing import Any, NamedTuple

import pxw


class PickModelOutputs(NamedTuple):
    """What pick_model() gives."""

    trained_model: bytes
    accuracy: Any


@pxw.task(name="PickModel", inputs=["ml_outputs"], outputs=["trained_model", "accuracy"])
def pick_model(ml_outputs: list[bytes]) -> PickModelOutputs:
    model, predictions, results = ml_outputs
    return PickModelOutputs(trained_model=model, accuracy=json.loads(results)["accuracy"])
