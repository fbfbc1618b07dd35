"""`pxw runs ls|show|diff`: looking at runs that were, or are."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pxw.runs import open_run
from pxw.runs.finding import histories
from pxw.settings import load_settings

Pxw = Callable[..., tuple[int, str, str]]

ENDS = """
import os, signal
import pandas as pd
import pxw


@pxw.task(outputs=["rows"])
def make(number: int) -> pd.DataFrame:
    return pd.DataFrame({"a": range(number), "b": 1.5})


@pxw.task(outputs=["size"])
def measure(tables: list[pd.DataFrame], mode: str) -> dict:
    if mode == "fail":
        raise ValueError("no [bold]total[/bold]")
    if mode == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "stop":
        raise KeyboardInterrupt
    return {"rows": sum(map(len, tables))}


@pxw.flow
def inner(number: int):
    return make(number)


@pxw.flow
def ends(mode: str = "ok", number: int = 4):
    if mode == "call":
        return inner(number)
    return measure(make.map(list(range(1, number))), mode)
"""


@pytest.fixture
def ends(tmp_path: Path, pxw: Pxw) -> Callable[..., str]:
    """Run the flow in a process of its own, which may be killed; gives the run's id."""
    (tmp_path / "ends.py").write_text(ENDS)

    def run(mode: str = "ok", *more: str) -> str:
        command = [sys.executable, "-m", "pxw.cli", "run", "ends.py:ends", "--inline", "-p", f"mode={mode}", *more]
        subprocess.run(command, check=False, capture_output=True, env=os.environ)
        return next(histories(load_settings())).id

    return run


def listed(pxw: Pxw, *options: str) -> list[dict]:
    code, out, _ = pxw("runs", "ls", "--json", *options)
    assert code == 0
    return json.loads(out)


def short(run_id: str) -> str:
    return run_id.removeprefix("inline-")[:8]


# Which runs there are ------------------------------------------------------------------------------------------------


def test_each_end_of_a_run_is_told_the_newest_first(pxw: Pxw, ends: Callable[..., str]) -> None:
    modes = {"ok": "done", "fail": "failed", "stop": "interrupted", "kill": "killed"}
    ids = [ends(mode) for mode in modes]
    runs = listed(pxw)
    assert [run["id"] for run in runs] == ids[::-1]
    assert [run["state"] for run in runs] == list(modes.values())[::-1]
    assert runs[-1]["tasks"] == {"done": 4, "reused": 0, "failed": 0, "running": 0, "killed": 0}
    assert runs[0]["tasks"]["killed"] == 1
    assert "no [bold]total[/bold]" in runs[2]["error"]
    out = pxw("runs", "ls")[1]
    assert re.search(rf"✗ +{short(ids[1])} +ends +failed .* 3 done, 1 failed ", out)


def test_a_run_is_running_as_long_as_its_process_holds_its_lock(pxw: Pxw) -> None:
    with open_run("one", "mine").noted():
        assert listed(pxw)[0]["state"] == "running"
        assert "1 running" not in pxw("runs", "ls")[1]
    assert listed(pxw)[0]["state"] == "done"


def test_a_resumed_run_tells_what_it_reused(pxw: Pxw, ends: Callable[..., str], tmp_path: Path) -> None:
    run_id = ends("fail")
    (tmp_path / "ends.py").write_text(ENDS.replace('if mode == "fail"', 'if mode == "never"'))
    assert pxw("run", "--resume", short(run_id))[0] == 0
    (run,) = listed(pxw)
    assert (run["state"], run["attempts"]) == ("done", 2)
    assert (run["tasks"]["reused"], run["tasks"]["failed"]) == (3, 0)
    out = pxw("runs", "show")[1]
    assert "2 attempts" in out
    assert "reused, from an earlier attempt" in out


def test_runs_are_chosen_by_flow_state_and_number(pxw: Pxw) -> None:
    for number in range(6):
        with open_run(f"run-{number}", "even" if number % 2 == 0 else "odd").noted():
            pass
    assert [run["id"] for run in listed(pxw, "--flow", "ev*")] == ["run-4", "run-2", "run-0"]
    assert [run["id"] for run in listed(pxw, "-n", "2")] == ["run-5", "run-4"]
    assert listed(pxw, "--state", "failed", "--state", "killed") == []
    assert "older ones: -n 4 shows more" in pxw("runs", "ls", "-n", "2")[2]
    assert "no such run is kept" in pxw("runs", "ls", "--flow", "none")[2]


def test_runs_that_another_called_show_with_all(pxw: Pxw, ends: Callable[..., str]) -> None:
    ends("call")
    assert [run["flow"] for run in listed(pxw)] == ["ends"]
    (inner,) = (run for run in listed(pxw, "--all") if run["flow"] == "inner")
    assert inner["caller"] == listed(pxw)[0]["id"]
    assert (
        f"called    inner {short(inner['id'])}" in pxw("runs", "show", "last")[1]
        or inner["id"] in (pxw("runs", "show", "--json")[1])
    )


@pytest.mark.parametrize(
    "journal",
    [
        b"",
        b"\0\xff\xfe garbage",
        b"{}\n[1, 2]\n3\nnull\n",
        b'{"at": 1.0, "event": "flow started"}\n{"at": 2.0, "event": "saved"}\n{"at": 3.0, "event": "failed"}\n',
        b'{"at": 1.0, "event": "started", "task": "t", "key": "k"}\n{"at": 1.0, "event": "fini',
        b'{"at": "soon", "event": "flow started", "flow": 3}\n',
        b'{"at": 1.0, "event": "finished", "task": "t", "key": "k", "inputs": 3, "seconds": "x"}\n',
    ],
)
def test_damaged_and_foreign_folders_do_no_harm(pxw: Pxw, journal: bytes) -> None:
    runs = load_settings().runs
    with open_run("good", "mine").noted():
        pass
    for name in ("damaged", "empty", "odd/journal.jsonl"):
        (runs / name).mkdir(parents=True)
    (runs / "file").write_text("no folder")
    (runs / "damaged" / "journal.jsonl").write_bytes(journal)
    (runs / "damaged" / "about.json").write_bytes(journal)
    (runs / "damaged" / "asked.json").write_bytes(journal)
    assert "good" in [run["id"] for run in listed(pxw, "--all")]
    for words in (["ls", "--all"], ["show", "damaged"], ["diff", "good", "damaged"], ["show", "damaged", "--json"]):
        assert pxw("runs", *words)[0] in {0, 2}
    assert pxw("cache", "ls")[0] == 0
    assert pxw("cache", "verify")[0] == 0


def test_a_journal_of_an_earlier_pxw_is_read(pxw: Pxw) -> None:
    folder = load_settings().runs / "old"
    folder.mkdir(parents=True)
    lines = [
        {"at": 1.0, "event": "flow started", "flow": "mine", "run": "old"},
        {"at": 1.0, "event": "started", "task": "t", "key": "k"},
        {
            "at": 2.0,
            "event": "saved",
            "task": "t",
            "key": "k",
            "output": "o",
            "place": "/x.arrow",
            "rows": 3,
            "size": 9,
        },
        {"at": 2.0, "event": "finished", "task": "t", "key": "k", "seconds": 1.0},
        {"at": 2.0, "event": "flow finished"},
    ]
    (folder / "journal.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    out = pxw("runs", "show", "old")[1]
    assert "✓ t  1.00 s" in out
    assert "3 rows, 9 B" in out
    assert "/x.arrow (gone)" in out
    assert "digests are of two kinds, or were not noted" in pxw("runs", "diff", "old", "old")[1]


def test_the_listing_fits_60_columns_and_stays_plain_in_a_pipe(pxw: Pxw, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_run("inline-0c8a6b1e-98c1-4f4e-8a3b-1f2e3d4c5b6a", "a-flow-with-a-very-long-name-\x1b[31m" * 2).noted():
        pass
    wide = pxw("runs", "ls")[1]
    assert "\x1b" not in wide
    monkeypatch.setenv("COLUMNS", "60")
    lines = pxw("runs", "ls")[1].splitlines()
    assert max(map(len, lines)) <= 60
    assert "0c8a6b1e" in lines[1]


def test_a_pipe_that_is_closed_is_no_error(pxw: Pxw) -> None:
    for number in range(50):
        with open_run(f"run-{number}", "mine").noted():
            pass
    command = f"{sys.executable} -m pxw.cli runs ls -n 0 | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env=os.environ)
    assert "flow" in done.stdout
    assert done.stderr == ""


# What one did --------------------------------------------------------------------------------------------------------


def test_a_run_is_shown_with_its_lineage_and_places(pxw: Pxw, three: Path) -> None:
    assert pxw("run", str(three), "--inline", "-p", "min_age=20")[0] == 0
    out = pxw("runs", "show")[1]
    assert re.search(r"command +pxw run .*three.py -p min_age=20 --inline", out)
    assert re.search(r"raw +data/in.csv *\n", out)
    assert re.search(r"min_age +20.0", out)
    assert re.search(r"← clean +clean.clean", out)
    assert re.search(r"→ adults +arrow, 2 rows, .*, xxh3:\w{12}", out)
    assert "age double, fare double" in out
    assert '→ metrics  {"rows": 2}' in out
    assert re.search(r"saved by the flow\n +→ adults +csv, 2 rows", out)
    told = json.loads(pxw("runs", "show", "last", "--json")[1])
    assert told["about"]["parameters"]["min_age"] == 20
    assert told["about"]["versions"].keys() >= {"python", "pxw", "pandas"}
    select = next(task for task in told["tasks"] if task["task"] == "select")
    clean = next(task for task in told["tasks"] if task["task"] == "clean")
    assert select["inputs"]["clean"]["place"] == clean["saved"][0]["place"]
    assert select["inputs"]["clean"]["digest"] == clean["saved"][0]["digest"]


def test_of_many_runs_of_a_task_those_that_failed_are_shown_first(pxw: Pxw, ends: Callable[..., str]) -> None:
    ends("ok", "-p", "number=30")
    out = pxw("runs", "show")[1]
    assert "make[1]" in out
    assert "make[9]" not in out
    assert "... 26 more runs of make" in out
    assert "make[29]" in pxw("runs", "show", "last", "--task", "make", "--all")[1]
    code, _, err = pxw("runs", "show", "last", "--task", "mak")
    assert code == 2
    assert "did you mean 'make'" in err


def test_parameters_are_for_their_owner_only_and_hide_secrets(pxw: Pxw, tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text(
        "import pxw\nfrom pydantic import SecretStr\n\n"
        "@pxw.task\ndef use(word: SecretStr) -> int:\n    return 1\n\n"
        "@pxw.flow\ndef secret(word: SecretStr):\n    return use(word)\n"
    )
    assert pxw("run", "secret.py", "--inline", "-p", "word=s3cret")[0] == 0
    (folder,) = load_settings().runs.iterdir()
    assert (folder / "about.json").stat().st_mode & 0o077 == 0
    assert "s3cret" not in (folder / "about.json").read_text() + (folder / "journal.jsonl").read_text()
    assert "s3cret" not in pxw("runs", "show", "last", "--json")[1].replace("word=s3cret", "")


def test_an_unknown_run_names_the_nearest_and_an_ambiguous_one_all(pxw: Pxw) -> None:
    for name in ("nightly-1", "nightly-2"):
        with open_run(name, "mine").noted():
            pass
    code, _, err = pxw("runs", "show", "nihgtly-1")
    assert code == 2
    assert "did you mean 'nightly-1'? `pxw runs ls` lists them" in err
    assert "'nightly' means 2 runs" in pxw("runs", "show", "nightly")[2]
    assert pxw("runs", "show", "last~7")[0] == 2
    assert pxw("runs", "show", "../runs/nightly-1")[0] == 2
    assert "nightly-1" in pxw("runs", "show", "last~1")[1]


# What differs --------------------------------------------------------------------------------------------------------


def test_equal_runs_are_said_to_be_the_same(pxw: Pxw, ends: Callable[..., str]) -> None:
    ends(), ends()
    code, out, _ = pxw("runs", "diff")
    assert code == 0
    assert "outputs: 4 same" in out
    assert "the two runs gave the same" in out


def test_parameters_code_inputs_and_values_that_differ_are_told(pxw: Pxw, three: Path) -> None:
    assert pxw("run", str(three), "--inline")[0] == 0
    text = three.read_text().replace("return dataset.dropna()", "return dataset.dropna().assign(fare=1.0)")
    three.write_text(text.replace('"age >= @min_age"', '"age >= @min_age + 0"'))
    data = three.parent / "data/in.csv"
    data.write_text(data.read_text() + "\n")
    assert pxw("run", str(three), "--inline", "-p", "title=other")[0] == 0
    out = pxw("runs", "diff")[1]
    assert 'title  "" → other' in out or "title   → other" in out
    assert re.search(r"task clean\n +dataset +\S+ \(.*\) → .*\n +code +changed|task clean\n +code +changed", out)
    assert "fare: 3 of 3 values differ" in out
    assert "the data of a was written over since" in out  # results/out.csv
    told = json.loads(pxw("runs", "diff", "--json")[1])
    (pair,) = (pair for pair in told["outputs"] if pair["name"] == "clean.clean")
    assert pair["content"]["changed"] == {"fare": 3}
    assert "content" not in pxw("runs", "diff", "--no-data")[1]


def test_data_that_is_gone_is_said_to_be(pxw: Pxw, ends: Callable[..., str]) -> None:
    first = ends("ok", "-p", "number=3")
    ends("ok", "-p", "number=4")
    for file in (load_settings().runs / first).rglob("*.arrow"):
        file.unlink()
    told = json.loads(pxw("runs", "diff", "--json")[1])
    verdicts = {pair["name"]: pair["verdict"] for pair in told["outputs"]}
    assert verdicts == {
        "make[1].rows": "same",
        "make[2].rows": "same",
        "make[3].rows": "only in b",
        "measure.size": "different",
    }
    assert [task["only"] for task in told["tasks"] if task["task"] == "make[3]"] == ["b"]
    assert "(gone)" in pxw("runs", "show", "last~1")[1]


# Where data is kept elsewhere, and on Prefect ------------------------------------------------------------------------


@pytest.mark.server
def test_runs_on_prefect_tell_the_same_and_what_its_cache_gave(pxw: Pxw, tmp_path: Path, prefect_server: str) -> None:
    (tmp_path / "cached.py").write_text(
        "import pandas as pd\nimport pxw\nfrom prefect.cache_policies import INPUTS\n\n"
        "@pxw.task(outputs=['t'], cache_policy=INPUTS, persist_result=True)\n"
        "def make(n: int) -> pd.DataFrame:\n    return pd.DataFrame({'a': range(n)})\n\n"
        "@pxw.flow\ndef cached(n: int = 3):\n    return make(n)\n"
    )
    for _ in range(2):
        assert pxw("run", "cached.py")[0] == 0
    newest, oldest = listed(pxw)
    assert (newest["state"], newest["tasks"]["reused"], oldest["tasks"]["done"]) == ("done", 1, 1)
    out = pxw("runs", "show")[1]
    assert "↺ make  " in out
    assert f"cached, made by run {oldest['id'][:8]}" in out
    assert re.search(r"engine +Prefect", out)
    assert re.search(r"n +3", out)


def test_an_experiment_of_an_old_project_tells_its_runs(
    pxw: Pxw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(Path(__file__).parents[2] / "flows/old_project", tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    code, _, err = pxw("run", "experiments/largest_radius.xxp", "--inline")
    assert code == 0
    assert "✓ Coarse-2 ProcessData: " in err
    out = pxw("runs", "show")[1]
    assert re.search(r"runs of the experiment *\n +run +limit +rows *\n +Coarse-1 +20 +493", out)
    assert re.search(r"✓ ProcessData\[1\]  Coarse-1, ", out)
    assert re.search(r"← processed_data +ReadData\[1\].processed_data", out)
    told = json.loads(pxw("runs", "show", "last", "--task", "ProcessData", "--json")[1])
    assert {task["label"] for task in told["tasks"]} == {"Coarse-1", "Coarse-2", "Fine-1", "Fine-2"}
    assert told["runs"][0]["configuration"] == {"limit": 20}


@pytest.mark.server
def test_what_a_list_of_futures_gave_is_told_as_the_task_took_it(pxw: Pxw, tmp_path: Path, prefect_server: str) -> None:
    (tmp_path / "ends.py").write_text(ENDS)
    assert pxw("run", "ends.py:ends")[0] == 0
    assert re.search(r"← tables +\[make\[\d\].rows, make\[\d\].rows, make\[\d\].rows\] \(3\)", pxw("runs", "show")[1])
