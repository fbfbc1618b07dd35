"""Flows to run, and a way to call the command line in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

THREE = """
import pandas as pd
import pxw
from pydantic import BaseModel, Field


class Passenger(BaseModel):
    age: float | None = Field(ge=0, le=120)
    fare: float


@pxw.task(inputs={"dataset": pxw.Dataset(schema=Passenger)}, outputs={"clean": pxw.Dataset(schema=Passenger)})
def clean(dataset: pd.DataFrame) -> pd.DataFrame:
    return dataset.dropna()


@pxw.task(outputs=["adults"])
def select(clean: pd.DataFrame, min_age: float) -> pd.DataFrame:
    return clean.query("age >= @min_age")


@pxw.task(outputs=["metrics"])
def measure(table: pd.DataFrame) -> dict:
    return {"rows": len(table)}


@pxw.flow
def three(
    raw: pxw.Local = pxw.Local("data/in.csv"),
    out: pxw.Local = pxw.Local("results/out.csv"),
    min_age: float = 18.0,
    title: str = "",
):
    table = select(clean(raw), min_age)
    measure(table)
    return pxw.save(table, out)
"""


@pytest.fixture(autouse=True)
def tidy_imports() -> Iterator[None]:
    """What a test imports as a user's file is forgotten after it."""
    modules, path = set(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(Path.cwd())):
            del sys.modules[name]
    sys.path[:] = path


@pytest.fixture
def pxw(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Call a command: its exit code, standard output and standard error."""
    from pxw.cli import main

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        said = capfd.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A flow of three tasks, and its data."""
    file = tmp_path / "three.py"
    file.write_text(THREE)
    data = tmp_path / "data" / "in.csv"
    data.parent.mkdir()
    data.write_text("age,fare\n30,7.5\n4,3.25\n,1.0\n62,10.0\n")
    return file
