"""A flow deployed to a pool of processes: a real server, a real worker, Prefect's own commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workers import Worker, prefect

FLOW = """
import pandas as pd
import pxw


@pxw.task(inputs=["people"], outputs=["adults"])
def grown_up(people: pd.DataFrame, age: int) -> pd.DataFrame:
    return people[people["age"] >= age]


@pxw.flow
def adults(
    raw: pxw.Local | pxw.DDM = pxw.Local("data/people.csv"),
    out: pxw.Local | pxw.DDM = pxw.Local("results/adults.csv"),
    age: int = 18,
):
    return pxw.save(grown_up(raw, age), out)
"""

pytestmark = pytest.mark.server


@pytest.fixture
def project(tmp_path: Path, process_worker: Worker) -> Path:
    """A folder with a flow and its data."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "adults.py").write_text(FLOW)
    (folder / "data/people.csv").write_text("age\n7\n40\n")
    return folder


def test_a_deployed_flow_reads_and_writes_below_the_folder_that_it_was_deployed_from(
    project: Path, tmp_path: Path, process_worker: Worker
) -> None:
    done = prefect("deploy", "adults.py:adults", "--name", "dev", "--pool", process_worker.pool, cwd=project)
    assert done.returncode == 0, done.stdout
    raw = 'raw={"path": "data/people.csv"}'
    done = prefect("deployment", "run", "adults/dev", "-p", raw, "--watch", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + process_worker.said()
    assert (project / "results/adults.csv").read_text() == "age\n40\n"
