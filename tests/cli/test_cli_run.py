"""`pxw run` without a server: parameters, redirections, what is looked at before the run, errors, outputs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def test_an_inline_run_lists_its_outputs_on_standard_output(pxw, three):
    code, out, err = pxw("run", "three.py", "--inline")
    assert code == 0
    assert [line.split() for line in out.splitlines()] == [
        ["output", "place", "rows", "size"],
        ["select.adults", "results/out.csv", "2", "24", "B"],
        ["measure.metrics", '{"rows":', "2}"],
    ]
    assert "no retries and no caching" in err
    assert "✓ clean: 3 rows" in err
    assert "three done" in err


def test_parameters_are_json_where_that_fits_and_text_otherwise(pxw, three):
    code, out, _ = pxw("run", "three.py", "--inline", "-p", "min_age=50", "-p", "title=123")
    assert code == 0
    assert '{"rows": 1}' in out


def test_a_spec_can_be_given_as_json(pxw, three):
    code, _, err = pxw("run", "three.py", "--inline", "-p", 'out={"path": "elsewhere.json"}')
    assert code == 0, err
    assert len(json.loads(Path("elsewhere.json").read_text())) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-p", "min_ag=1"], "did you mean 'min_age'?"),
        (["-p", "min_age=young"], "does not fit float\n   | Input should be a valid number"),
        (["-p", "min_age"], "is no name=value"),
        (["-p", 'raw={"pat": 1}'], "did you mean 'path'?"),
        (["-p", 'raw={"path": 1}'], "does not fit pxw.Local"),
        (["-p", 'raw={"path": "data/in.csv'], "is no JSON: Unterminated string"),
        (["--set", "rw=x.csv"], "did you mean 'raw'?"),
        (["--set", "clean.datset=x.csv"], "did you mean 'clean.dataset'?"),
    ],
)
def test_words_that_do_not_fit_exit_with_2(pxw, three, arguments, said):
    code, out, err = pxw("run", "three.py", "--inline", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert "reference/errors/#pxw" in err
    assert not Path("pxw-home").exists()


@pytest.mark.parametrize(
    ("target", "said"),
    [("thre.py", "did you mean 'three.py'?"), ("three.py:thre", "did you mean 'three'?"), ("data/in.csv", ".py file")],
)
def test_a_target_that_is_none_exits_with_2(pxw, three, target, said):
    code, _, err = pxw("run", target, "--inline")
    assert code == 2
    assert said in err


def test_settings_that_cannot_be_used_exit_with_2_and_show_no_value(pxw, three, monkeypatch):
    monkeypatch.setenv("PXW_KEEP_DAYS", "s3cret")
    code, _, err = pxw("run", "three.py", "--inline")
    assert code == 2
    assert "PXW001" in err
    assert "s3cret" not in err


def test_a_parameter_without_a_value_is_asked_for(pxw, tmp_path):
    (tmp_path / "needy.py").write_text("import pxw\n@pxw.flow\ndef needy(count: int, name: str): ...\n")
    code, _, err = pxw("run", "needy.py", "--inline", "-p", "name=x")
    assert code == 2
    assert "-p count=..." in err


# Redirecting --------------------------------------------------------------------------------------------------------


SEMICOLONS = """
import pandas as pd
import pxw

@pxw.task(inputs={"prices": pxw.Local("prices.csv", format=pxw.Csv(delimiter=";"))}, outputs=["total"])
def add(prices: pd.DataFrame) -> int:
    return int(prices["price"].sum())

@pxw.task(outputs=["table"])
def make() -> pd.DataFrame:
    return pd.DataFrame({"price": [100]})

@pxw.flow
def declared():
    add()

@pxw.flow
def passed():
    add(make())

@pxw.flow
def given(raw: pxw.Local = pxw.Local("prices.csv", format=pxw.Csv(delimiter=";"))):
    add(raw)
"""


@pytest.fixture
def prices(tmp_path: Path) -> None:
    (tmp_path / "prices.py").write_text(SEMICOLONS)
    (tmp_path / "prices.csv").write_text("name;price\na;1\nb;2\n")
    (tmp_path / "other.csv").write_text("name;price\na;10\nb;20\n")
    (tmp_path / "other.json").write_text('[{"price": 7}]')


@pytest.mark.parametrize(
    ("flow", "moved", "total"),
    [
        ("given", "raw=other.csv", 30),
        ("given", "raw=other.json", 7),
        ("declared", "add.prices=other.csv", 30),
        ("declared", "prices=other.csv", 30),
        ("passed", "add.prices=other.csv", 30),
    ],
)
def test_set_moves_a_dataset_and_keeps_what_else_was_declared(pxw, prices, flow, moved, total):
    code, out, err = pxw("run", f"prices.py:{flow}", "--inline", "--set", moved)
    assert code == 0, err
    assert f"add.total  {total}" in out


def test_a_task_input_that_is_moved_is_looked_at_before_the_run(pxw, prices):
    code, _, err = pxw("run", "prices.py:declared", "--inline", "--set", "prices=othr.csv")
    assert code == 1
    assert "did you mean 'other.csv'?" in err
    assert not Path("pxw-home/runs").exists()


# Before the run -----------------------------------------------------------------------------------------------------


def test_a_missing_input_is_one_error_before_anything_runs(pxw, three):
    code, out, err = pxw("run", "three.py", "--inline", "--set", "raw=data/inn.csv")
    assert (code, out) == (1, "")
    assert err.count("error[") == 1
    assert "error[PXW103]" in err
    assert "did you mean 'in.csv'?" in err
    assert "flow 'three', parameter 'raw'" in err
    assert not Path("pxw-home").exists()


def test_a_header_that_does_not_fit_what_the_task_declares_is_found_before_anything_runs(pxw, three):
    Path("data/in.csv").write_text("aeg,fare\n1,2\n")
    code, _, err = pxw("run", "three.py", "--inline")
    assert code == 1
    assert "error[PXW106]" in err
    assert "did you mean 'aeg'?" in err
    assert not Path("pxw-home").exists()


def test_an_output_that_does_not_exist_yet_is_no_missing_input(pxw, three):
    assert not Path("results").exists()
    assert pxw("run", "three.py", "--inline")[0] == 0


@pytest.mark.parametrize(("kind", "code"), [("bytes", 0), ("Path", 0), ("str", 1), ("pd.DataFrame", 1)])
def test_what_a_task_takes_as_raw_bytes_needs_no_format_and_no_header(pxw, tmp_path, kind, code):
    """A text must be text, which is seen when it is read; a table must have a format, which is seen before."""
    (tmp_path / "blob.xyz").write_bytes(b"\xff\x00")
    (tmp_path / "blobs.py").write_text(
        "from pathlib import Path\nimport pandas as pd\nimport pxw\n"
        f"@pxw.task(inputs=['blob'])\ndef work(blob: {kind}): ...\n"
        "@pxw.flow\ndef blobs(raw: pxw.Local = pxw.Local('blob.xyz')):\n    work(raw)\n"
    )
    assert pxw("run", "blobs.py", "--inline")[0] == code
    assert Path("pxw-home/runs").exists() == (kind != "pd.DataFrame")
    assert pxw("check", "blobs.py")[0] == (3 if kind == "pd.DataFrame" else 0)


def test_an_input_that_only_the_flows_body_loads_must_be_there(pxw, tmp_path):
    (tmp_path / "body.py").write_text(
        "import pxw\n@pxw.flow\ndef body(raw: pxw.Local = pxw.Local('blob.xyz')):\n"
        "    return len(pxw.load(raw, bytes))\n"
    )
    code, _, err = pxw("run", "body.py", "--inline")
    assert (code, "PXW103" in err) == (1, True)
    assert not Path("pxw-home").exists()
    (tmp_path / "blob.xyz").write_bytes(b"abc")
    code, out, _ = pxw("run", "body.py", "--inline")
    assert (code, out.split()[-2:]) == (0, ["returned", "3"])


@pytest.mark.parametrize("command", [("run", "--inline"), ("check",)])
def test_a_flow_in_a_package_imports_its_neighbours_as_the_package_does(pxw, tmp_path, command):
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "outer" / "__init__.py").write_text("FACTOR = 2\n")
    (inner / "__init__.py").write_text("")
    (inner / "helping.py").write_text("from .. import FACTOR\n\ndef double(n):\n    return FACTOR * n\n")
    (inner / "beside.py").write_text("ONE = 1\n")
    (inner / "flows.py").write_text(
        "import pxw\nfrom beside import ONE\nfrom .helping import double\n"
        "@pxw.task(outputs=['n'])\ndef make(n: int) -> int:\n    return double(n) + ONE\n"
        "@pxw.flow\ndef main(n: int = 3):\n    return pxw.load(make(n))\n"
    )
    name, *options = command
    code, out, err = pxw(name, "outer/inner/flows.py", *options)
    assert code == 0, err
    assert name == "check" or out.split()[-2:] == ["returned", "7"]


def test_a_package_that_imports_its_flow_runs_it_once_and_one_with_a_taken_name_is_a_mere_folder(pxw, tmp_path):
    flow = "import pxw\nprint('executed', __name__)\n@pxw.flow\ndef main():\n    return 1\n"
    for name, init in {"own": "from .flow import main\n", "json": ""}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(init)
        (tmp_path / name / "flow.py").write_text(flow)
    assert pxw("run", "own/flow.py", "--inline")[1].count("executed own.flow") == 1
    assert pxw("run", "json/flow.py", "--inline")[1].count("executed flow") == 1


def test_every_missing_input_of_a_list_is_found_before_anything_runs(pxw, tmp_path):
    (tmp_path / "many.py").write_text(
        "import pandas as pd\nimport pxw\n"
        "@pxw.task(inputs=['tables'], outputs=['rows'])\n"
        "def rows(tables: list[pd.DataFrame]) -> int:\n    return sum(map(len, tables))\n"
        "@pxw.flow\ndef many(raw: list[pxw.Local] = [pxw.Local(f'{name}.csv') for name in 'abc']):\n"
        "    return rows(raw)\n"
    )
    (tmp_path / "b.csv").write_text("x\n1\n")
    code, _, err = pxw("run", "many.py", "--inline")
    assert (code, err.count("error[PXW103]"), "started" in err) == (1, 2, False)
    assert "a.csv" in err
    assert "c.csv" in err


def test_check_walks_first_and_runs_nothing_if_it_finds_something(pxw, three):
    Path("data/in.csv").unlink()
    code, out, err = pxw("run", "three.py", "--inline", "--check")
    assert (code, out) == (3, "")
    assert "1 error, 3 tasks and 2 edges looked at" in err
    assert not Path("pxw-home").exists()


def test_check_runs_the_flow_if_it_finds_nothing(pxw, three):
    code, out, err = pxw("run", "three.py", "--inline", "--check")
    assert code == 0
    assert "no errors, 3 tasks and 2 edges looked at" in err
    assert "results/out.csv" in out


# Errors -------------------------------------------------------------------------------------------------------------


def test_an_error_of_the_users_code_shows_the_users_lines_only(pxw, tmp_path):
    (tmp_path / "broken.py").write_text(
        "import pandas as pd\nimport pxw\n\n"
        "def pick(frame):\n    return frame['nope']\n\n"
        "@pxw.task\ndef work():\n    return pick(pd.DataFrame({'a': [1]}))\n\n"
        "@pxw.flow\ndef broken():\n    work()\n"
    )
    code, _, err = pxw("run", "broken.py", "--inline")
    assert code == 1
    assert [line.strip() for line in err.splitlines() if "-->" in line] == [
        "--> broken.py:13, in broken",
        "--> broken.py:9, in work",
        "--> broken.py:5, in pick",
    ]
    assert "return frame['nope']" in err
    assert "KeyError: 'nope'" in err
    assert "site-packages" not in err
    assert "Traceback" not in err


def test_an_error_of_pxw_points_at_the_users_line(pxw, tmp_path):
    (tmp_path / "touched.py").write_text(
        "import pxw\n@pxw.task(outputs=['x'])\ndef one():\n    return 1\n@pxw.flow\ndef touched():\n    one() + 1\n"
    )
    code, _, err = pxw("run", "touched.py", "--inline")
    assert code == 1
    assert "error[PXW404]" in err
    assert "--> touched.py:7, in touched" in err
    assert "Traceback" not in err


def test_a_group_of_errors_shows_each(pxw, tmp_path):
    (tmp_path / "group.py").write_text(
        "import pxw\n@pxw.flow\ndef group():\n"
        "    raise ExceptionGroup('both', [ValueError('one'), pxw.PxwError('two', help='mend it')])\n"
    )
    code, _, err = pxw("run", "group.py", "--inline")
    assert code == 1
    assert "ExceptionGroup: both" in err
    assert "error: ValueError: one" in err
    assert "error[PXW000]: two" in err
    assert "mend it" in err


def test_a_cause_in_the_users_code_is_shown(pxw, tmp_path):
    (tmp_path / "caused.py").write_text(
        "import pxw\n@pxw.flow\ndef caused():\n    try:\n        {}['x']\n"
        "    except KeyError as error:\n        raise ValueError('no x') from error\n"
    )
    err = pxw("run", "caused.py", "--inline")[2]
    assert err.index("error: ValueError: no x") < err.index("caused by: KeyError: 'x'")
    assert err.index("caused by") < err.index("caused.py:5")


def test_traceback_shows_all_of_it(pxw, tmp_path):
    (tmp_path / "broken.py").write_text("import pxw\n@pxw.flow\ndef broken():\n    1 / 0\n")
    code, _, err = pxw("run", "broken.py", "--inline", "--traceback")
    assert code == 1
    assert "Traceback (most recent call last)" in err
    assert "inline.py" in err


@pytest.mark.parametrize("source", ["import pxw\nnope(\n", "import nope_nope\n", "1 / 0\n"])
def test_a_file_that_cannot_be_imported_fails(pxw, tmp_path, source):
    (tmp_path / "broken.py").write_text(source)
    code, _, err = pxw("run", "broken.py", "--inline")
    assert code == 1
    assert "broken.py" in err
    assert "Traceback" not in err


LOOSE = "import pxw\n@pxw.task\ndef work():\n    1 / 0\n@pxw.flow\ndef loose():\n    work.submit()"


def test_a_task_whose_failure_nobody_looked_at_fails_the_run(pxw, tmp_path):
    (tmp_path / "loose.py").write_text(LOOSE)
    code, _, err = pxw("run", "loose.py", "--inline")
    assert code == 1
    assert "PXW407" in err
    assert "task 'work': ZeroDivisionError" in err


def test_a_task_whose_failure_the_flow_copes_with_is_told(pxw, tmp_path):
    (tmp_path / "loose.py").write_text(f"{LOOSE}.result(raise_on_failure=False)")
    code, _, err = pxw("run", "loose.py", "--inline")
    assert code == 0
    assert "warning: the flow went on although a task failed: work" in err


def test_a_plain_prefect_flow_cannot_run_inline(pxw, tmp_path):
    (tmp_path / "plain.py").write_text("import prefect\n@prefect.flow\ndef plain(): ...\n")
    code, _, err = pxw("run", "plain.py", "--inline")
    assert code == 2
    assert "plain Prefect flow" in err


# Outputs and interruptions ------------------------------------------------------------------------------------------


def test_many_values_of_one_task_are_counted_not_listed(pxw, tmp_path):
    (tmp_path / "many.py").write_text(
        "import pxw\n@pxw.task(outputs=['x'])\ndef one(i: int):\n    return i\n"
        "@pxw.flow\ndef many():\n    one.map(range(30))\n    return {'all': 'good'}\n"
    )
    code, out, _ = pxw("run", "many.py", "--inline")
    assert code == 0
    assert "one.x     30 values" in out
    assert 'returned  {"all": "good"}' in out


def test_of_many_files_of_one_output_the_first_are_listed_and_the_others_counted(pxw, tmp_path):
    (tmp_path / "many.py").write_text(
        "import pxw\n@pxw.task(outputs=['x'])\ndef one(i: int) -> bytes:\n    return b'12345'\n"
        "@pxw.flow\ndef many():\n    for i in range(30):\n        pxw.save(one(i), pxw.Local(f'out/{i}.bin'))\n"
    )
    code, out, _ = pxw("run", "many.py", "--inline")
    assert code == 0
    assert "out/19.bin" in out
    assert "out/20.bin" not in out
    assert re.search(r"\.\.\. 10 more +50 B", out)


EXPERIMENT = """
import pxw
@pxw.task(outputs=["rows", "table", "model"])
def fit(depth: int, rate: float) -> tuple[int, str, bytes]:
    return depth * 10, "a " * depth, b"model"
@pxw.flow
def one(depth: int, rate: float = 0.1):
    return pxw.results(fit(depth, rate))
@pxw.flow
def tuning():
    runs = {"coarse": pxw.Runs(), "fine": pxw.Runs()}
    for each in pxw.grid(depth=[1, 2], rate=[0.1, 1 / 3]):
        runs["coarse"].add(each, one(**each))
    for each in pxw.grid(depth=range(3, 33)):
        runs["fine"].add(each, one(**each))
    return COUNTED
"""


@pytest.mark.parametrize("returned", ["runs", "runs['fine']"])
def test_the_runs_of_an_experiment_are_a_table_of_what_they_had_and_gave(pxw, tmp_path, returned):
    (tmp_path / "tuning.py").write_text(EXPERIMENT.replace("COUNTED", returned))
    code, out, err = pxw("run", "tuning.py:tuning", "--inline")
    assert code == 0, err
    lines = [line.split() for line in out.splitlines()]
    if returned == "runs":
        assert lines[0] == ["run", "depth", "rate", "rows", "table"]
        assert lines[2] == ["coarse-2", "1", "0.333333", "10", "a"]
        assert lines[5] == ["fine-1", "3", "30", "a", "a", "a"]
        assert "... 14 more runs: pxw runs show --all" in out
    else:
        assert lines[1] == ["1", "3", "30", "a", "a", "a"]
    assert "returned" not in out
    assert "fit.rows" not in out


def test_the_progress_of_subflows_is_shown(pxw, tmp_path):
    (tmp_path / "nested.py").write_text(
        "import pxw\n@pxw.task(outputs=['x'])\ndef deep():\n    return 1\n"
        "@pxw.flow\ndef inner():\n    return deep()\n@pxw.flow\ndef outer():\n    inner()\n"
    )
    code, out, err = pxw("run", "nested.py:outer", "--inline")
    assert code == 0
    assert "✓ deep" in err
    assert "deep.x" in out


def test_an_async_flow_runs(pxw, tmp_path):
    (tmp_path / "waits.py").write_text(
        "import asyncio, pxw\n@pxw.task(outputs=['x'])\nasync def one():\n    await asyncio.sleep(0)\n    return 5\n"
        "@pxw.flow\nasync def waits():\n    return await one()\n"
    )
    code, out, _ = pxw("run", "waits.py", "--inline")
    assert code == 0
    assert "one.x   5" in out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_end_a_run_soon_and_it_says_what_stays(tmp_path, number, code):
    (tmp_path / "long.py").write_text(
        "import time, pxw\n@pxw.task(outputs={'x': pxw.Local('done.json')})\ndef quick():\n    return {'a': 1}\n"
        "@pxw.task\ndef slow():\n    print('slow began', flush=True)\n    time.sleep(60)\n"
        "@pxw.flow\ndef long():\n    quick()\n    slow()\n"
    )
    command = [sys.executable, "-m", "pxw.cli", "run", "long.py", "--inline"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "slow began\n"
        began = time.monotonic()
        os.kill(process.pid, number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert time.monotonic() - began < 5
    assert "long interrupted after 1 of 2 started tasks" in err
    assert "written already: done.json" in err
    assert "Traceback" not in err


def test_ctrl_c_while_an_interrupted_run_ends_says_nothing_more(tmp_path):
    (tmp_path / "long.py").write_text(
        "import threading, time, pxw\n"
        "def last():\n    print('at its exit', flush=True)\n    time.sleep(60)\n"
        "threading._register_atexit(last)\n"  # as Prefect does, to send what is still to be sent
        "@pxw.task\ndef slow():\n    print('slow began', flush=True)\n    time.sleep(60)\n"
        "@pxw.flow\ndef long():\n    slow()\n"
    )
    command = [sys.executable, "-m", "pxw.cli", "run", "long.py", "--inline"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in ("slow began\n", "at its exit\n"):
            assert process.stdout.readline() == line
            process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode in {130, -signal.SIGINT}
    assert "long interrupted after" in err
    assert "Traceback" not in err
