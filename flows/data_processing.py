"""Clean a table of biopsies: `pxw run flows/data_processing.py`."""

from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import BaseModel, Field

import pxw

DATA = Path(__file__).parent / "data"


class Raw(BaseModel):
    """A biopsy as it was typed in: with gaps, and with the diagnosis in any spelling."""

    radius: float | None
    texture: float | None
    smoothness: float | None
    concavity: float | None
    symmetry: float | None
    diagnosis: str


class Biopsy(BaseModel):
    """A biopsy that one can reckon with."""

    radius: float = Field(gt=0, lt=50, description="Mean radius of the cell nuclei, in micrometres.")
    texture: float
    smoothness: float
    concavity: float = Field(ge=0)
    symmetry: float
    diagnosis: Literal["benign", "malignant"]


@pxw.task(inputs={"dataset": Raw}, outputs={"processed_data": Biopsy})
def clean(dataset: pd.DataFrame, max_radius: float = 50) -> pd.DataFrame:
    """Drop rows with gaps, rows that came twice, and nuclei larger than life; spell the diagnosis in one way."""
    dataset["diagnosis"] = dataset["diagnosis"].str.strip().str.lower()
    whole = dataset.dropna().drop_duplicates()
    return whole[whole["radius"] < max_radius]


@pxw.task(inputs={"dataset": Biopsy}, outputs=["summary"])
def summarise(dataset: pd.DataFrame) -> pd.DataFrame:
    """The mean of every measurement by diagnosis."""
    return dataset.groupby("diagnosis", as_index=False).mean().round(4)


@pxw.flow
def data_processing(
    raw: pxw.Local | pxw.DDM = pxw.Local(DATA / "raw.csv"),
    out: pxw.Local | pxw.DDM = pxw.Local("results/output.csv"),
    summary: pxw.Local | pxw.DDM = pxw.Local("results/summary.csv"),
    max_radius: float = 50,
) -> pxw.Ref:
    """Clean the raw table, and say what is in it."""
    cleaned = clean(raw, max_radius)
    pxw.save(cleaned, out)
    return pxw.save(summarise(cleaned), summary)


if __name__ == "__main__":
    data_processing()
