"""Several files in, several files out: `pxw run flows/folders.py`.

A folder of this machine and a project of a DDM are the same thing to a task: a dict of values by file name, a list, one
table of all rows, or a path. Mapped over one, a task runs once for each file.
"""

from pathlib import Path, PurePath

import pandas as pd
from ml_training import Biopsy

import pxw

DATA = Path(__file__).parent / "data"


@pxw.task(inputs={"table": Biopsy}, outputs=["share"])
def malignant_share(table: pd.DataFrame) -> float:
    """How many of the biopsies of one file are malignant."""
    return round(float(table["label"].mean()), 4)


@pxw.task(inputs={"tables": Biopsy}, outputs=["profiles"])
def profile(tables: dict[str, pd.DataFrame], shares: list[float]) -> dict[str, pd.DataFrame]:
    """One file for each table: the quartiles of its measurements; and one that counts them all."""
    quartiles = {
        f"profiles/{PurePath(name).stem}.csv": table.drop(columns="label")
        .quantile([0.25, 0.5, 0.75])
        .rename_axis("quantile")
        for name, table in tables.items()
    }
    counts = pd.DataFrame(
        {"file": list(tables), "rows": [len(table) for table in tables.values()], "malignant": shares}
    )
    return {name: table.reset_index() for name, table in quartiles.items()} | {"overview.csv": counts}


@pxw.flow
def folders(
    tables: pxw.Local | pxw.DDM = pxw.Local(DATA / "t*.csv"),
    results: pxw.Local | pxw.DDM = pxw.Local("results/folders/"),
) -> pxw.Ref:
    """Profile each file of a folder."""
    shares = malignant_share.map(tables).result()
    return pxw.save(profile(tables, shares), results)


if __name__ == "__main__":
    folders()
