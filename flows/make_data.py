"""Write the tables of `data/` from the breast cancer dataset (Wisconsin, diagnostic) that comes with scikit-learn.

The measurements are real; the gaps and slips of `raw.csv` are put in here, at fixed rows, so that there is something
to clean. `python flows/make_data.py` writes the same bytes each time.
"""

from pathlib import Path

import pandas as pd
from sklearn.datasets import load_breast_cancer

FEATURES = ["radius", "texture", "smoothness", "concavity", "symmetry"]


def biopsies() -> pd.DataFrame:
    """Five measurements of 569 biopsies, and a label: 1 where the biopsy is malignant."""
    bunch = load_breast_cancer(as_frame=True)
    table: pd.DataFrame = bunch.frame[[f"mean {name}" for name in FEATURES]]
    return table.set_axis(FEATURES, axis="columns").assign(label=1 - bunch.target)


def with_slips(table: pd.DataFrame) -> pd.DataFrame:
    """The same as somebody might have typed it in: with gaps, slips of the pen, and rows that came twice."""
    raw = table.assign(diagnosis=table["label"].map({0: "benign", 1: "malignant"})).drop(columns="label")
    raw.loc[7::41, "texture"] = None
    raw.loc[19::67, "concavity"] = None
    raw.loc[11::53, "radius"] *= 100  # a lost decimal point
    raw.loc[3::23, "diagnosis"] = raw["diagnosis"].str.title()
    raw.loc[5::37, "diagnosis"] += " "
    return pd.concat([raw, raw.loc[::71]])


def write(folder: Path) -> None:
    """Write `raw.csv`, and `train.csv` and `test.csv`: three quarters of the rows, and the fourth."""
    table = biopsies()
    in_test = table.index % 4 == 0
    with_slips(table).to_csv(folder / "raw.csv", index=False)
    table[~in_test].to_csv(folder / "train.csv", index=False)
    table[in_test].to_csv(folder / "test.csv", index=False)


if __name__ == "__main__":
    write(Path(__file__).parent / "data")
