"""`pxw check`: all findings at once, and no task's body runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

EDGES = """
import pandas as pd
import pxw
from pydantic import BaseModel


class Given(BaseModel):
    age: float
    fare: float


class Wanted(BaseModel):
    agee: float


def ran():
    raise SystemExit("a body ran")


@pxw.task(inputs={"d": pxw.Dataset(schema=Given)}, outputs={"o": pxw.Dataset(schema=Given)})
def make(d: pd.DataFrame) -> pd.DataFrame:
    ran()


@pxw.task(
    inputs={"d": pxw.Dataset(schema=Wanted), "other": pxw.Local("nowhere.csv")}, outputs={"o": pxw.Local("same.csv")}
)
def use(d: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    ran()


@pxw.task(outputs={"o": pxw.Local("same.csv")})
def again(d: pd.DataFrame) -> pd.DataFrame:
    ran()


@pxw.flow
def edges(raw: pxw.Local = pxw.Local("in.csv")):
    print("the body prints")
    made = make(raw)
    use(made)
    again(made)
    if pxw.load(made).empty:
        again(made)
"""


@pytest.fixture
def edges(tmp_path: Path) -> None:
    (tmp_path / "edges.py").write_text(EDGES)
    (tmp_path / "in.csv").write_text("age,fare\n1,2\n")


def test_a_sound_flow_exits_with_0_and_says_what_was_looked_at(pxw, three):
    code, out, _ = pxw("check", "three.py")
    assert (code, out) == (0, "no errors, 3 tasks and 2 edges looked at\n")
    assert not Path("pxw-home").exists()


def test_all_findings_come_at_once_with_both_ends_of_each_edge(pxw, edges):
    code, out, _ = pxw("check", "edges.py")
    assert code == 3
    assert "task 'make', output 'o' gives what task 'use', input 'd' does not take" in out
    assert "did you mean 'age'?" in out
    assert "task 'use', input 'other'" in out
    assert "two outputs go to" in out
    assert "3 errors, 3 tasks and 2 edges looked at" in out


def test_it_says_from_where_on_it_could_not_look(pxw, edges):
    out = pxw("check", "edges.py")[1]
    line = EDGES.splitlines().index("    if pxw.load(made).empty:") + 1
    assert f"edges.py:{line}" in out
    assert "not looked at" in out


def test_json_holds_the_findings_and_nothing_else_reaches_standard_output(pxw, edges):
    code, out, err = pxw("check", "edges.py", "--json")
    report = json.loads(out)
    assert code == 3
    assert sorted(report) == ["edges", "findings", "flow", "stopped", "tasks"]
    assert (report["flow"], report["tasks"], report["edges"]) == ("edges", ["make", "use", "again"], 2)
    assert [finding["code"] for finding in report["findings"]] == ["PXW402", "PXW103", "PXW403"]
    assert all(sorted(found) == ["at", "code", "details", "help", "message"] for found in report["findings"])
    assert "the body prints" in err


def test_json_of_a_sound_flow(pxw, three):
    code, out, _ = pxw("check", "three.py", "--json")
    assert code == 0
    assert json.loads(out) == {
        "flow": "three",
        "tasks": ["clean", "select", "measure"],
        "edges": 2,
        "stopped": None,
        "findings": [],
    }


def test_parameters_and_redirections_count(pxw, three):
    code, out, _ = pxw("check", "three.py", "--set", "raw=data/nope.csv")
    assert code == 3
    assert "PXW103" in out
    assert pxw("check", "three.py", "-p", "min_age=x")[0] == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [("    return {}['x']\n", None), ("    return pxw.Local('http://x/y')\n", "PXW101")],
)
def test_an_error_of_the_flows_own_body_is_a_finding(pxw, tmp_path, body, code):
    (tmp_path / "own.py").write_text(f"import pxw\n@pxw.flow\ndef own():\n{body}")
    exit_code, out, _ = pxw("check", "own.py", "--json")
    (finding,) = json.loads(out)["findings"]
    assert (exit_code, finding["code"]) == (3, code)


def test_a_declaration_that_does_not_fit_its_function_is_a_finding(pxw, tmp_path):
    (tmp_path / "wrong.py").write_text("import pxw\n@pxw.task(inputs=['b'])\ndef t(a): ...\n@pxw.flow\ndef f(): ...\n")
    code, out, _ = pxw("check", "wrong.py", "--json")
    assert code == 3
    assert [finding["code"] for finding in json.loads(out)["findings"]] == ["PXW401"]


def test_a_target_that_is_none_is_wrong_use(pxw):
    assert pxw("check", "nope.py")[0] == 2


def test_an_async_flow_is_walked(pxw, tmp_path):
    (tmp_path / "waits.py").write_text(
        "import pxw\n@pxw.task(outputs=['x'])\nasync def one(i: int = 0):\n    raise SystemExit\n"
        "@pxw.flow\nasync def waits():\n    await one(await one())\n"
    )
    code, out, err = pxw("check", "waits.py")
    assert (code, out) == (0, "no errors, 2 tasks and 1 edge looked at\n"), err


def test_plain_prefect_tasks_and_flows_do_not_run(pxw, tmp_path):
    (tmp_path / "plain.py").write_text(
        "import pandas as pd, prefect, pxw\n"
        "@prefect.task\ndef plain(x): raise SystemExit('ran')\n"
        "@prefect.task\nasync def later(x): raise SystemExit('ran')\n"
        "@pxw.task(outputs=['a'])\ndef typed(d: pd.DataFrame): raise SystemExit('ran')\n"
        "@prefect.flow\ndef inner(ref):\n    typed(ref)\n"
        "@prefect.flow\nasync def outer(raw: pxw.Local = pxw.Local('in.csv')):\n"
        "    ref = typed(raw)\n    typed(plain.submit(ref).result())\n    plain.map([1, 2])\n"
        "    await later(ref)\n    inner(ref)\n    return plain(ref)\n"
    )
    code, out, err = pxw("check", "plain.py:outer")
    assert (code, out) == (0, "no errors, 3 tasks and 1 edge looked at\n"), err


def test_prefect_is_itself_again_after_a_walk(pxw, tmp_path):
    import prefect

    before = (prefect.Task.__call__, prefect.Task.submit, prefect.Task.map, prefect.Flow.__call__)
    (tmp_path / "plain.py").write_text("import prefect\n@prefect.flow\ndef plain():\n    1 / 0\n")
    assert pxw("check", "plain.py")[0] == 3
    assert (prefect.Task.__call__, prefect.Task.submit, prefect.Task.map, prefect.Flow.__call__) == before
