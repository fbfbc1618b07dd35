"""graph(parse(print(x))) == graph(x), on random projects of all constructs. `DSL_EXAMPLES=1000` draws more."""

import os
import shutil
from pathlib import Path

import pytest
from dsl_projects import projects
from hypothesis import HealthCheck, Phase, given, settings

from pxw.dsl.emit_xxp import print_project
from pxw.dsl.rendering import render_text
from pxw.dsl.resolve import resolve

CASES = Path(__file__).with_name("cases")
CONFIG = """
WORKFLOW_LIBRARY_PATH = "workflows"
TASK_LIBRARY_PATH = "tasks"
DATASET_LIBRARY_RELATIVE_PATH = "datasets"
PYTHON_DEPENDENCIES_RELATIVE_PATH = "dependencies"
PYTHON_CONDITIONS = "python_conditions"
PYTHON_CONFIGURATIONS = "python_configurations"
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("projects")
    shutil.copytree(CASES / "datasets", folder / "datasets")
    for name in ("python_conditions.py", "python_configurations.py"):
        shutil.copy(CASES / name, folder / name)
    (folder / "eexp_config.py").write_text(CONFIG)
    (folder / "tasks").mkdir()
    (folder / "tasks" / "plain.py").write_text("")
    (folder / "tasks" / "r.txt").write_text("")
    return folder


def lay_out(root, files):
    for folder in ("workflows", "experiments", "tasks/t0", "tasks/t1", "tasks/t2", "tasks/deep"):
        shutil.rmtree(root / folder, ignore_errors=True)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root / "experiments" / "main.xxp"


@settings(
    max_examples=int(os.environ.get("DSL_EXAMPLES", "100")),
    deadline=None,
    phases=set(Phase) - {Phase.explain},
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(files=projects())
def test_a_project_printed_and_read_again_is_the_same_graph(root, files):
    target = lay_out(root, files)
    found = resolve(target)
    assert not found.report.errors, render_text(found.report.errors)
    text = print_project(found.workflows.values(), found.experiments.values(), found.project)
    again = target.with_name("printed.xxp")
    again.write_text(text, encoding="utf-8")
    read = resolve(again)
    assert not read.report.errors, f"{text}\n{render_text(read.report.errors)}"
    assert found.experiments == read.experiments
    for name, workflow in found.workflows.items():
        assert workflow == read.workflows[name]
    once_more = print_project(read.workflows.values(), read.experiments.values(), read.project)
    assert sorted(once_more.splitlines()) == sorted(text.splitlines())
