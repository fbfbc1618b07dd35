"""`pxw run --resume`: a run that was interrupted, or failed, goes on under its own id."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from pxw.runs import open_run
from pxw.runs.finding import short

Pxw = Callable[..., tuple[int, str, str]]

FAILING = """
from pathlib import Path
import pxw


@pxw.task(outputs=["x"])
def first(number: int) -> int:
    with open("ran.txt", "a") as ran:
        ran.write("first\\n")
    return number


@pxw.task(outputs={"y": pxw.Local("out.json")})
def second(x: int) -> dict:
    with open("ran.txt", "a") as ran:
        ran.write("second\\n")
    if not Path("mended").exists():
        raise ValueError("not yet")
    return {"x": x}


@pxw.flow
def failing(number: int = 1):
    return second(first(number))
"""


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    (tmp_path / "failing.py").write_text(FAILING)
    return tmp_path


def run_id_in(said: str) -> str:
    run_id = re.findall(r"(?:, run |/flow-run/)([-\w]+)", said.replace("\n", " "))[-1]
    assert f"pxw run --resume {short(run_id)}\n" in said
    return run_id


def check_resuming(pxw: Pxw, *options: str) -> str:
    code, _, err = pxw("run", "failing.py", "-p", "number=7", *options)
    assert code == 1
    run_id = run_id_in(err)
    Path("mended").touch()
    code, out, err = pxw("run", "--resume", "last")
    assert code == 0, err
    assert run_id in err
    assert "✓ first: 3 B, finished before" in err or "✓ first: 1 B, finished before" in err
    assert "2 tasks, 1 finished before" in err
    assert "out.json" in out
    assert json.loads(Path("out.json").read_text()) == {"x": 7}
    assert Path("ran.txt").read_text().split() == ["first", "second", "second"]
    return run_id


def test_an_inline_run_goes_on_with_its_own_parameters_from_what_it_finished(pxw: Pxw, failing: Path) -> None:
    check_resuming(pxw, "--inline")


@pytest.mark.server
def test_on_prefect_it_stays_one_flow_run(pxw: Pxw, failing: Path, prefect_server: str) -> None:
    from prefect.client.orchestration import get_client

    run_id = check_resuming(pxw)
    with get_client(sync_client=True) as client:
        flow_run = client.read_flow_run(UUID(run_id))
    assert flow_run.state_name == "Completed"
    assert flow_run.run_count == 2
    assert flow_run.parameters == {"number": 7}


@pytest.mark.server
def test_a_run_that_a_server_does_not_know_is_refused(pxw: Pxw, failing: Path, prefect_server: str) -> None:
    code, _, err = pxw("run", "failing.py", "--inline")
    asked = next((Path("pxw-home") / "runs").glob("*/asked.json"))
    asked.write_text(asked.read_text().replace('"inline": true', '"inline": false'))
    code, _, err = pxw("run", "--resume", asked.parent.name)
    assert code == 2
    assert f"knows no flow run {asked.parent.name}" in err


def test_an_unknown_run_is_answered_with_those_that_did_not_finish(pxw: Pxw, failing: Path) -> None:
    code, _, err = pxw("run", "--resume", "x")
    assert code == 2
    assert "there is no run 'x'" in err
    assert "every run that is kept has finished" in err
    run_id = run_id_in(pxw("run", "failing.py", "--inline")[2])
    assert f"runs that did not finish: {run_id} (failing)" in pxw("run", "--resume", "x")[2].replace("\n", " ")
    assert f"did you mean '{run_id}'?" in pxw("run", "--resume", f"{run_id[:-1]}x")[2].replace("\n", " ")


def test_a_run_keeps_its_target_parameters_and_folder(
    pxw: Pxw, failing: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    run_id = run_id_in(pxw("run", "failing.py", "--inline")[2])
    for words in (["failing.py", "-p", "number=2"], ["other.py"]):
        code, _, err = pxw("run", *words, "--resume", run_id)
        assert code == 2
        assert f"run {run_id} keeps its target and parameters: failing.py" in err
    monkeypatch.setenv("PXW_HOME", str(tmp_path / "pxw-home"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "was started in" in pxw("run", "--resume", run_id)[2]


def test_a_run_that_goes_on_is_refused(pxw: Pxw, failing: Path) -> None:
    run_id = run_id_in(pxw("run", "failing.py", "--inline")[2])
    with open_run(run_id, "failing").noted():
        code, _, err = pxw("run", "--resume", run_id)
    assert code == 1
    assert f"error[PXW406]: run {run_id} is going on in another process" in err


def test_nothing_to_run_is_wrong_use(pxw: Pxw) -> None:
    assert pxw("run")[0] == 2


KILLED = """
import os, signal
from pathlib import Path
import pandas as pd
import pxw

SCRIPT = pxw.script("script.py", inputs=["table"], outputs={"sums": pxw.Dataset(format="csv")})


@pxw.task(outputs=["table"])
def make(number: int) -> pd.DataFrame:
    with open("ran.txt", "a") as ran:
        ran.write(f"make {number}\\n")
    return pd.DataFrame({"a": range(number)})


@pxw.task(outputs={"report": pxw.Local("out/report.csv")})
def report(tables: list[pd.DataFrame]) -> pd.DataFrame:
    with open("ran.txt", "a") as ran:
        ran.write("report\\n")
    if not Path("killed").exists():
        Path("killed").touch()
        Path("out").mkdir()
        Path("out/.report.csv.0123456789ab.pxw-tmp").touch()  # as if it had been killed in the middle
        os.kill(os.getpid(), signal.SIGKILL)
    return pd.concat(tables)


@pxw.flow
def killed():
    made = make.map([1, 2, 3])
    return report([*made, SCRIPT(made[2])])
"""
SCRIPT = """
import proactive_helper as ph
with open("RAN", "a") as ran:
    ran.write("script\\n")
ph.save_dataset(variables, "sums", b"a\\n%d\\n" % 5)
"""


@pytest.mark.server
@pytest.mark.parametrize("options", [["--inline"], []])
def test_a_run_that_was_killed_goes_on_and_leaves_no_stray_file(
    pxw: Pxw, tmp_path: Path, prefect_server: str, options: list[str]
) -> None:
    (tmp_path / "killed.py").write_text(KILLED)
    (tmp_path / "script.py").write_text(SCRIPT.replace("RAN", str(tmp_path / "ran.txt")))
    command = [sys.executable, "-m", "pxw.cli", "run", "killed.py", *options]
    done = subprocess.run(command, check=False, capture_output=True, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    (run,) = (tmp_path / "pxw-home" / "runs").iterdir()
    with (run / "journal.jsonl").open("a") as journal:
        journal.write('{"at": 1.0, "event": "fini')  # a line that the dying process left torn
    code, _, err = pxw("run", "--resume", run.name)
    assert code == 0, err
    assert sorted((tmp_path / "ran.txt").read_text().splitlines()) == [
        "make 1",
        "make 2",
        "make 3",
        "report",
        "report",
        "script",
    ]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.csv"]
    assert not [path for path in tmp_path.rglob("*") if "pxw-tmp" in path.name]
    assert (tmp_path / "out/report.csv").read_text() == "a\n0\n0\n1\n0\n1\n2\n5\n"
