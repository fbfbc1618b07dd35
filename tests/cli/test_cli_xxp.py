"""`pxw run x.xxp` and `pxw check x.xxp`."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import proactive_helper as ph
content = ph.load_dataset(variables, resultMap, "raw")
print("hello", variables.get("greeting", "you"))
resultMap.put("size", len(content))
ph.save_dataset(variables, resultMap, "copy", content)
"""
WORKFLOW = """workflow Copy {
  task T { implementation "copy"; param greeting = "world"; param times = 2; }
  define input data Raw; define output data Out;
  configure data Raw { path "in.txt"; } configure data Out { path "out.txt"; }
  Raw --> T.raw; T.copy --> Out;
}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "eexp_config.py").write_text("TASK_LIBRARY_PATH = 'tasks'\n")
    folder = tmp_path / "tasks" / "copy"
    folder.mkdir(parents=True)
    (folder / "task.py").write_text(SCRIPT)
    (folder / "task.xxp").write_text(
        'task C { implementation "copy/task.py"; define input data raw; define output data copy;'
        " define param greeting { type String; } define param times { type Integer; default 1; range (1, 9); } }"
    )
    (tmp_path / "in.txt").write_text("content")
    (tmp_path / "w.xxp").write_text(WORKFLOW)
    return tmp_path


def test_a_workflow_runs_as_a_flow_does(pxw, project):
    code, out, err = pxw("run", "w.xxp", "--inline")
    assert code == 0, err
    assert Path("out.txt").read_text() == "content"
    assert [line.split() for line in out.splitlines()] == [
        ["output", "place", "rows", "size"],
        ["T.copy", "out.txt", "7", "B"],
        ["T.size", "7"],
    ]
    assert "T | hello world" in err
    assert "Copy done" in err


def test_a_run_whose_scripts_hand_on_no_tables_does_not_pay_for_arrow(project):
    run = (
        "import sys; from pxw.cli import main; code = main(['run', 'w.xxp', '--inline']);"
        "print(code, sorted({'pyarrow', 'numpy', 'pandas', 'httpx', 'prefect'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", run], cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_datasets_and_parameters_are_set_on_the_command_line(pxw, project):
    Path("other.txt").write_text("other content")
    code, _, err = pxw("run", "w.xxp", "--inline", "--set", "Raw=other.txt", "-p", "greeting=all", "-p", "T.times=9")
    assert code == 0, err
    assert Path("out.txt").read_text() == "other content"
    assert "T | hello all" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "Rwa=x.txt"], "did you mean 'Raw'?"),
        (["--set", "Raw"], "is no name=value"),
        (["-p", "greetin=x"], "did you mean 'T.greeting'?"),
        (["-p", "T.times=many"], "of type Integer"),
        (["-p", "T.times=10"], "expected 1 to 9"),
        (["--workflow", "Cop"], "did you mean 'Copy'?"),
        (["--experiment", "E"], "it has Copy"),
        (["--experiment", "E", "--workflow", "Copy"], "only one can be run"),
        (["-p", "T.greting=x"], "did you mean 'T.greeting'?"),
        (["--config", "eexp_confg.py"], "did you mean 'eexp_config.py'?"),
    ],
)
def test_words_that_do_not_fit_exit_with_2(pxw, project, arguments, said):
    code, _, err = pxw("run", "w.xxp", "--inline", *arguments)
    assert code == 2
    assert said in err
    assert not Path("out.txt").exists()


def test_a_missing_input_is_found_before_any_task_runs(pxw, project):
    Path("in.txt").unlink()
    code, _, err = pxw("run", "w.xxp", "--inline")
    assert code == 1
    assert "in.txt" in err
    assert "--set Raw=path" in err
    assert "started" not in err


def test_a_failing_script_exits_with_1_and_names_its_line(pxw, project):
    script = project / "tasks" / "copy" / "task.py"
    script.write_text(SCRIPT + "1 / 0\n")
    code, _, err = pxw("run", "w.xxp", "--inline")
    assert code == 1
    assert f"{script}:7" in err
    assert "ZeroDivisionError" in err


def test_a_project_with_errors_is_not_run(pxw, project):
    Path("w.xxp").write_text(WORKFLOW.replace("T.raw", "S.raw"))
    code, out, err = pxw("run", "w.xxp", "--inline")
    assert (code, out) == (3, "")
    assert "error[PXW301]" in err


TWO = WORKFLOW + "workflow Loud from Copy { task T { param greeting = 'LOUD'; } }".replace("'", '"')
EXPERIMENT = TWO + "experiment E { control { S; } space S of Loud { strategy singlerun; } }"


def test_templates_are_parts_and_an_experiment_wins(pxw, project):
    Path("w.xxp").write_text(TWO)
    code, _, err = pxw("run", "w.xxp", "--inline")
    assert (code, "hello LOUD" in err) == (0, True)
    code, _, err = pxw("run", "w.xxp:Copy", "--inline")
    assert (code, "hello world" in err) == (0, True)
    Path("w.xxp").write_text(EXPERIMENT)
    code, _, err = pxw("run", "w.xxp", "--inline")
    assert (code, "E done" in err) == (0, True)
    code, _, err = pxw("run", "w.xxp", "--inline", "-p", "T.times=2")
    assert (code, "come from its spaces" in err) == (2, True)
    Path("w.xxp").write_text(WORKFLOW + WORKFLOW.replace("Copy", "Again"))
    code, _, err = pxw("run", "w.xxp", "--inline")
    assert code == 2
    assert "name one: w.xxp:Copy, w.xxp:Again" in err


def test_the_end_of_ranges_is_chosen_on_the_command_line(pxw, project):
    space = "space S of Copy { strategy gridsearch; param_values v = range(1, 3); task T { param times = v; } }"
    Path("w.xxp").write_text(f"{WORKFLOW} experiment E {{ control {{ S; }} {space} }}")
    for how, count in (("inclusive", 3), ("exclusive", 2)):
        code, _, err = pxw("run", "w.xxp", "--inline", f"--range={how}")
        assert code == 0
        assert err.count("hello world") == count


def test_how_many_runs_go_on_at_a_time_is_checked(pxw, project):
    space = "space S of Copy { strategy gridsearch; param_values v = range(1, 3); task T { param times = v; } }"
    Path("w.xxp").write_text(f"{WORKFLOW} experiment E {{ control {{ S; }} {space} }}")
    assert pxw("run", "w.xxp", "--inline", "--parallel", "3")[0] == 0
    code, _, err = pxw("run", "w.xxp", "--inline", "--parallel", "0")
    assert (code, "--parallel 0: expected a whole number from 1 on" in err) == (2, True)
    with Path("eexp_config.py").open("a") as config:
        config.write("MAX_WORKFLOWS_IN_PARALLEL_PER_NODE = 'many'\n")
    code, _, err = pxw("run", "w.xxp", "--inline")
    assert (code, "'MAX_WORKFLOWS_IN_PARALLEL_PER_NODE' is 'many'" in err) == (3, True)


INTERACTIVE = """task C { implementation "copy/task.py"; type interactive; define input data raw;
  define output data copy; define param times { type Integer; default 1; range (1, 9); }
  define param greeting { type String; } }"""


def test_an_interactive_task_asks_at_the_terminal_until_the_answers_fit(pxw, project, monkeypatch):
    (project / "tasks" / "copy" / "task.xxp").write_text(INTERACTIVE)
    code, _, err = pxw("run", "w.xxp", "--inline")
    assert (code, "nobody can answer" in err, "started" in err) == (1, True, False)
    monkeypatch.setattr("sys.stdin", Terminal("many\n3\nall of you\n"))
    code, _, err = pxw("run", "w.xxp", "--inline")
    assert code == 0, err
    assert "task T of Copy asks" in err
    assert "times (1 to 9) [2]" in err
    assert "times: Input should be a valid integer" in err
    assert "T | hello all of you" in err
    monkeypatch.setattr("sys.stdin", Terminal("3\n"))
    code, _, err = pxw("run", "w.xxp", "--inline")
    assert (code, "the input ended before it was answered" in err) == (1, True)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_project_says_where_the_ddm_is_and_secrets_are_never_shown(pxw, project, monkeypatch):
    for name in ("URL", "USERNAME", "PASSWORD"):
        monkeypatch.setenv(f"PXW_DDM_{name}", "")
        monkeypatch.delenv(f"PXW_DDM_{name}")
    with Path("eexp_config.py").open("a") as config:
        config.write("DDM_URL = 'http://127.0.0.1:9'\nPORTAL_USERNAME = 'ann'\nPORTAL_PASSWORD = 'hunter2'\n")
    code, out, err = pxw("run", "w.xxp", "--inline", "--traceback")
    assert code == 0
    assert os.environ["PXW_DDM_URL"] == "http://127.0.0.1:9"
    assert os.environ["PXW_DDM_PASSWORD"] == "hunter2"
    assert "hunter2" not in out + err
    assert not [path for path in Path("pxw-home").rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]


def test_its_password_goes_to_no_other_ddm(pxw, project, monkeypatch):
    monkeypatch.setenv("PXW_DDM_URL", "http://127.0.0.1:10")
    with Path("eexp_config.py").open("a") as config:
        config.write("DDM_URL = 'http://127.0.0.1:9'\nPORTAL_PASSWORD = 'hunter2'\n")
    pxw("run", "w.xxp", "--inline")
    assert os.environ["PXW_DDM_URL"] == "http://127.0.0.1:10"
    assert "PXW_DDM_PASSWORD" not in os.environ


# Checking -------------------------------------------------------------------------------------------------------------

BROKEN = WORKFLOW.replace("T.raw", "S.raw").replace("T.copy", "T.cpoy")


def test_check_reports_all_problems_and_exits_with_3(pxw, project):
    Path("w.xxp").write_text(BROKEN)
    code, out, _ = pxw("check", "w.xxp")
    assert code == 3
    assert "w.xxp:5:11: error[PXW301]: unknown task 'S'" in out
    assert "^" in out
    assert "did you mean 'copy'?" in out
    assert "2 errors" in out


def test_check_of_a_sound_project_exits_with_0(pxw, project):
    code, out, _ = pxw("check", "w.xxp")
    assert (code, out.strip()) == (0, "no errors")


def test_check_speaks_to_programs(pxw, project):
    Path("w.xxp").write_text(BROKEN)
    code, out, _ = pxw("check", "w.xxp", "--json")
    assert code == 3
    assert [(each["code"], each["line"], each["severity"]) for each in json.loads(out)] == [
        ("PXW301", 5, "error"),
        ("PXW307", 5, "error"),
    ]
    code, out, _ = pxw("check", "w.xxp", "--gcc")
    assert code == 3
    assert out.splitlines()[0].startswith(f"{project / 'w.xxp'}:5:11: error: unknown task 'S'")


def test_check_syntax_judges_files_on_their_own(pxw, project):
    Path("alone.xxp").write_text('import "nowhere.xxp"; workflow A from B { task T { implementation "none"; } }')
    assert pxw("check", "--syntax", "alone.xxp", "w.xxp")[0] == 0
    assert pxw("check", "alone.xxp")[0] == 3
    Path("alone.xxp").write_text("workflow A { task ; }")
    code, out, _ = pxw("check", "--syntax", "w.xxp", "alone.xxp", "--gcc")
    assert code == 3
    assert "alone.xxp:1:" in out


def test_options_of_dsl_files_are_refused_for_python(pxw, three):
    code, _, err = pxw("check", "three.py", "--gcc")
    assert code == 2
    assert "is no .xxp file" in err


def test_a_missing_file_is_named(pxw, project):
    for command in ("run", "check"):
        code, _, err = pxw(command, "ww.xxp")
        assert code == 2
        assert "did you mean 'w.xxp'?" in err


def test_a_folder_is_checked_with_all_its_files(pxw, project):
    Path("other.xxp").write_text(WORKFLOW.replace("task T", "taks T").replace("Copy", "Other"))
    Path("w.xxp").write_text(WORKFLOW.replace("Raw -->", "Rwa -->"))
    code, out, _ = pxw("check", ".")
    assert (code, [line.partition(": ")[0] for line in out.splitlines() if ": error" in line]) == (
        3,
        ["other.xxp:2:3", "w.xxp:5:3"],
    )
    assert pxw("check", "tasks")[0] == 2
    assert "there is no .xxp file in tasks" in pxw("check", "tasks")[2]
    assert pxw("check", "--syntax", "tasks")[0] == 0
    assert "tasks is a folder" in pxw("run", "tasks")[2]


def test_what_a_condition_or_a_filter_raises_shows_its_own_line(pxw, project):
    Path("eexp_config.py").write_text("TASK_LIBRARY_PATH = 'tasks'\nPYTHON_CONFIGURATIONS = 'filters'\n")
    Path("filters.py").write_text("def small(configurations):\n    return [each['v'] for each in configurations[0]]\n")
    space = (
        'space S of Copy { strategy gridsearch; filter "small"; param_values n = enum(1); task T { param times = n; } }'
    )
    Path("w.xxp").write_text(f"{WORKFLOW} experiment E {{ {space} }}")
    code, _, err = pxw("run", "w.xxp", "--inline")
    assert code == 1
    assert "caused by: TypeError" in err
    assert "filters.py:2, in small" in err
    assert "return [each['v'] for each in configurations[0]]" in err
