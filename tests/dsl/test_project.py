"""`eexp_config.py` is read, never executed."""

import pytest

from pxw.dsl.diagnostics import Report
from pxw.dsl.project import find_project, functions


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
    assert report.diagnostics == []
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
