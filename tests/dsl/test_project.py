"""`eexp_config.py` is read, never executed."""

from pathlib import Path

import pytest

from pxw.dsl.diagnostics import Report
from pxw.dsl.project import find_project, functions
from pxw.dsl.resolve import resolve


def project_of(folder, text):
    (folder / "eexp_config.py").write_text(text, encoding="utf-8")
    report = Report()
    return find_project(folder / "w.xxp", report), report


def test_the_folders_of_a_project_come_from_its_configuration(tmp_path):
    project, report = project_of(
        tmp_path,
        "import os\nfrom pathlib import Path\n"
        "BASE = 'lib'\nEXPERIMENT_LIBRARY_PATH = os.path.join(BASE, 'experiments')\n"
        "WORKFLOW_LIBRARY_PATH = BASE + '/workflows'\nTASK_LIBRARY_PATH = f'{BASE}/tasks'\n"
        "DATASET_LIBRARY_RELATIVE_PATH: str = Path(BASE) / 'data'\n"
        "PYTHON_DEPENDENCIES_RELATIVE_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'src')\n"
        "PYTHON_CONDITIONS = 'lib.conditions'\nPYTHON_CONFIGURATIONS = 'lib/configurations.py'\n",
    )
    assert {each.code for each in report.diagnostics} == {"PXW354"}  # none of them is there
    assert project.experiments == tmp_path / "lib/experiments"
    assert project.workflows == tmp_path / "lib/workflows"
    assert project.tasks == tmp_path / "lib/tasks"
    assert project.datasets == tmp_path / "lib/data"
    assert project.dependencies == tmp_path / "src"
    assert project.conditions == tmp_path / "lib/conditions.py"
    assert project.configurations == tmp_path / "lib/configurations.py"


def test_without_a_configuration_the_usual_folders_are_taken(tmp_path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "tasks").mkdir()
    project = find_project(tmp_path / "experiments" / "x.xxp", Report())
    assert (project.root, project.tasks, project.datasets) == (tmp_path, tmp_path / "tasks", tmp_path)


def test_a_configuration_is_found_in_a_folder_above(tmp_path):
    (tmp_path / "eexp_config.py").write_text("TASK_LIBRARY_PATH = 'jobs'\n")
    project = find_project(tmp_path / "a" / "b" / "x.xxp", Report())
    assert project.tasks == tmp_path / "jobs"


def test_nothing_of_a_configuration_is_executed(tmp_path):
    mark = tmp_path / "mark"
    project, _ = project_of(tmp_path, f"open({str(mark)!r}, 'w')\nTASK_LIBRARY_PATH = 'jobs'\nX = exit()\n")
    assert not mark.exists()
    assert project.tasks == tmp_path / "jobs"


def test_other_settings_are_kept_and_secrets_are_kept_apart(tmp_path):
    project, _ = project_of(
        tmp_path, "EXECUTIONWARE = 'LOCAL'\nMAX_WORKFLOWS_IN_PARALLEL_PER_NODE = 2 + 2\nPORTAL_PASSWORD = 'hunter2'\n"
    )
    assert project.settings == {"EXECUTIONWARE": "LOCAL", "MAX_WORKFLOWS_IN_PARALLEL_PER_NODE": 4}
    assert project.secrets["PORTAL_PASSWORD"].get_secret_value() == "hunter2"
    assert "hunter2" not in repr(project)


def test_a_setting_that_only_a_run_could_tell_is_left_out_with_a_warning(tmp_path):
    project, report = project_of(tmp_path, "import os\nTASK_LIBRARY_PATH = os.environ['TASKS']\n")
    assert project.tasks == tmp_path
    assert [(each.code, each.at.line) for each in report.diagnostics] == [("PXW351", 2)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "TASKS_LIBRARY_PATH = 'tasks'",
            "PXW354 1:22 nothing reads the setting 'TASKS_LIBRARY_PATH': did you mean 'TASK_LIBRARY_PATH'?",
        ),
        (
            "TASK_LIBRARY_PATH = 'taks'",
            "PXW354 1:21 'TASK_LIBRARY_PATH' leads to 'taks', which is not there: did you mean 'tasks'?",
        ),
        (
            "PYTHON_CONDITIONS = 'conditons'",
            (
                "PXW354 1:21 'PYTHON_CONDITIONS' leads to 'conditons.py', which is not there: "
                "did you mean 'conditions.py'?"
            ),
        ),
        ("TASK_LIBRARY_PATH = 3", "PXW332 1:21 'TASK_LIBRARY_PATH' is 3, and should be a path: "),
        ("DATASET_MANAGEMENT = 'LOCLA'", "PXW333 1:22 'DATASET_MANAGEMENT' is 'LOCLA': did you mean 'LOCAL'?"),
        (
            "MAX_WORKFLOWS_IN_PARALLEL_PER_NODE = 0",
            "PXW333 1:38 'MAX_WORKFLOWS_IN_PARALLEL_PER_NODE' is 0: it must be a whole number from 1 on",
        ),
        (
            "if True:\n    TASK_LIBRARY_PATH = 'tasks'",
            (
                "PXW351 2:25 'TASK_LIBRARY_PATH' is not set at the top of the file, and is left out: "
                "the file is read, not executed"
            ),
        ),
    ],
)
def test_a_slip_in_a_configuration_is_told_at_its_value(tmp_path, text, problem):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "conditions.py").write_text("")
    _, report = project_of(tmp_path, text)
    (found,) = report.diagnostics
    assert f"{found.code} {found.at.line}:{found.at.column} {found.message}: {found.help}" == problem


@pytest.mark.parametrize("text", ["PORTAL_URL = 'x'", "LOGGING_CONFIG = {}", "TASK_LIBRARY_PATH = ''"])
def test_what_else_a_configuration_says_is_its_own_affair(tmp_path, text):
    assert project_of(tmp_path, text)[1].diagnostics == []


def test_the_line_of_a_problem_shows_no_secret(tmp_path):
    _, report = project_of(tmp_path, "PORTAL_PASSWORD = 'hunter2\n")
    (found,) = report.diagnostics
    assert (found.code, found.source) == ("PXW350", "PORTAL_PASSWORD = ...")


def test_a_module_of_conditions_that_is_no_python_is_one_error_in_it(tmp_path):
    (tmp_path / "conditions.py").write_text("def better(space, results)\n    return True\n")
    (tmp_path / "eexp_config.py").write_text("PYTHON_CONDITIONS = 'conditions'\n")
    (tmp_path / "a.py").write_text("")
    (tmp_path / "w.xxp").write_text(
        'workflow W { START -> A; task A { implementation "a.py"; } }\n'
        "experiment E { space S of W { strategy singlerun; } space S2 of W { strategy singlerun; }\n"
        '  control { START -> S; S ?-> S2 { condition "better S" }; } }\n'
    )
    found = resolve(tmp_path / "w.xxp").diagnostics
    assert [(each.code, Path(each.at.file).name, each.at.line) for each in found] == [("PXW350", "conditions.py", 1)]


@pytest.mark.parametrize("text", ["X = (1\n", "X = \x00\n"])
def test_a_configuration_that_is_no_python_is_an_error_at_its_line(tmp_path, text):
    _, report = project_of(tmp_path, text)
    assert [each.code for each in report.diagnostics] == ["PXW350"]
    assert report.diagnostics[0].at.line == 1


def test_a_missing_configuration_is_an_error(tmp_path):
    report = Report()
    find_project(tmp_path / "w.xxp", report, tmp_path / "nowhere.py")
    assert [each.code for each in report.diagnostics] == ["PXW350"]


def test_the_functions_of_a_module_are_found_without_importing_it(tmp_path):
    module = tmp_path / "m.py"
    module.write_text("from x import y as z\nimport w\n\ndef f(): ...\nasync def g(): ...\nh = f\nraise SystemExit\n")
    assert functions(module) == {"z": 1, "w": 2, "f": 4, "g": 5, "h": 6}
    assert functions(tmp_path / "nowhere.py") is None
    assert functions(None) is None
