"""`convert`: the Python says what the graph says, passes the linters, runs alike, and spares a person's work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from pxw.convert import convert
from pxw.convert.branches import TRUE, Branch, Choice, Decision, Flowchart
from pxw.dsl.resolve import resolve
from pxw.errors import TargetError
from pxw.workflow import DataRef, PortRef
from tests.convert.recording import Recorder
from tests.dsl.dsl_projects import projects

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests/dsl/cases"
GENERATIONS = ["G0", "G1", "G2", "G3", "G3z", "G4", "G5", "G6", "seed"]
FILES = sorted(path for each in GENERATIONS for path in (CASES / each).rglob("*.xxp") if path.name != "task.xxp")


CONFIG = """
WORKFLOW_LIBRARY_PATH = "workflows"
TASK_LIBRARY_PATH = "tasks"
DATASET_LIBRARY_RELATIVE_PATH = "datasets"
PYTHON_DEPENDENCIES_RELATIVE_PATH = "dependencies"
PYTHON_CONDITIONS = "python_conditions"
PYTHON_CONFIGURATIONS = "python_configurations"
"""


def lay_out_project(folder):
    shutil.copytree(CASES / "datasets", folder / "datasets")
    for name in ("python_conditions.py", "python_configurations.py"):
        shutil.copy(CASES / name, folder / name)
    (folder / "eexp_config.py").write_text(CONFIG)
    (folder / "tasks").mkdir()
    (folder / "tasks" / "plain.py").write_text("")
    (folder / "tasks" / "r.txt").write_text("")


def lay_out(root, files):
    for folder in ("workflows", "experiments", "tasks/t0", "tasks/t1", "tasks/t2", "tasks/deep"):
        shutil.rmtree(root / folder, ignore_errors=True)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root / "experiments" / "main.xxp"


SCRIPT = """
import proactive_helper as ph

data = ph.load_dataset(variables, resultMap, "{source}")
ph.save_dataset(variables, resultMap, "{target}", data + b"{target}")
"""
STEPS = [
    ("read_data", "input_data", "processed_data"),
    ("process_data", "input_data", "final_data"),
    ("save_results", "input_data", "output_data"),
]


@pytest.fixture
def cases(tmp_path):
    return shutil.copytree(CASES, tmp_path / "cases")


def test_who_runs_after_a_choice_runs_always():
    chart = Flowchart("ABCD", [], [Choice(("A",), ("B",), ("C",), ("D",))])
    assert chart.alive["D"] == TRUE
    assert chart.tree() == ["A", Decision(0), Branch(0, ["B"], ["C"]), "D"]


def test_a_choice_within_a_choice_is_an_if_within_an_if():
    chart = Flowchart("ABCD", [], [Choice(("A",), ("B",)), Choice(("B",), ("C",), ("D",))])
    assert chart.tree() == ["A", Decision(0), Branch(0, ["B", Decision(1), Branch(1, ["C"], ["D"])], [])]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CASES).as_posix())
def test_the_tasks_of_a_case_get_and_wait_for_what_the_graph_says(path, cases):
    made = convert(cases / path.relative_to(CASES), cases / "flows")
    graphs = resolve(cases / path.relative_to(CASES))
    every = dict(graphs.workflows)
    for one in graphs.experiments.values():
        every |= {each.name: each for each in one.workflows}
    complete = [each for each in every.values() if all(task.script for task in each.tasks)]
    assert complete or not every
    for workflow in complete:
        for turns in product([True, False], repeat=len(workflow.conditions)):
            _compare(workflow, made, turns)


def _runs(workflow, turns):
    """What runs, as pxw.workflow says it, when the conditions turn out like this."""
    runs = {}
    for name in workflow.order():
        edges = [runs[link.before] for link in workflow.links if link.after == name]
        for condition, holds in zip(workflow.conditions, turns, strict=True):
            is_decided = any(runs.get(each, False) for each in condition.sources)
            branches = (*condition.then, *condition.otherwise)
            edges += [is_decided and holds] * (name in condition.then)
            edges += [is_decided and not holds] * (name in condition.otherwise)
            if name in condition.continuation:
                edges.append(any(runs[each] for each in branches))
        runs[name] = not edges or any(edges)
    return {name for name, does in runs.items() if does}


def _lines(workflow, turns, origins):
    """How each line with a condition turns out."""
    places = {f"{each.at.line}:{each.at.column}": turn for each, turn in zip(workflow.conditions, turns, strict=True)}
    found = {line: place.partition(":")[2] for line, place in origins.items()}
    return {line: places[place] for line, place in found.items() if place in places}


def _compare(workflow, made, turns):
    name = next(name for name, text in made.files.items() if f'@pxw.flow(name="{workflow.name}")' in text)
    text = made.files[name]
    lines = _lines(workflow, turns, made.origins[name])
    calls = Recorder(made.out, lines).run(text, workflow.name)
    before, runs = workflow.predecessors(), _runs(workflow, turns)
    assert sorted(each.task.name for each in calls) == sorted(runs)
    for call in calls:
        node = workflow.task(call.task.name)
        assert call.task.file == node.script.resolve()
        expected = (tuple(map(str, node.dependencies)), node.requirements, node.python_version)
        assert call.task.environment == expected
        waits = _closure({each.task.name for each in call.waits}, before)
        assert waits >= {*before[node.name]} & runs
        _compare_inputs(workflow, node, call, runs)
        values = {
            each.name: each.value if each.type else str(each.value)
            for each in node.parameters
            if each.name in call.values
        }
        assert {key: value for key, value in call.values.items() if key in values} == values
        assert values.keys() == node.values.keys()


def _closure(names, before):
    found, left = set(), list(names)
    while left:
        if (name := left.pop()) not in found:
            found.add(name)
            left += before[name]
    return found


def _compare_inputs(workflow, node, call, runs):
    for port, sources in workflow.sources_of(node.name).items():
        alive = [each for each in sources if isinstance(each, DataRef) or each.task in runs]
        value = call.values[port]
        if not alive:
            assert value is None
            continue
        source = alive[-1]
        if isinstance(source, PortRef):
            assert (value.call.task.name, value.port) == (source.task, source.port)
        else:
            place = workflow.dataset(source.name).place
            assert (
                isinstance(value, str)
                if place is None
                else str(getattr(place, "path", None) or place.project) in _place(value)
            )
    for port, targets in workflow.targets_of(node.name).items():
        if any(isinstance(each, DataRef) for each in targets):
            assert call.task.outputs[port] is not None


def _place(value):
    return f"{Path(value.path).resolve()}" if hasattr(value, "path") else value.project


def test_converted_modules_pass_ruff_and_mypy(cases):
    for path in FILES:
        convert(cases / path.relative_to(CASES), cases / "flows").write(force=True)
    shutil.copy(ROOT / "pyproject.toml", cases / "pyproject.toml")
    folder = cases / "flows"
    modules = [str(each) for each in sorted(folder.glob("*.py")) if each.name != "python_conditions.py"]
    for command in (
        ["ruff", "format", "--diff"],
        ["ruff", "check", "--no-cache"],
        ["mypy", "--ignore-missing-imports"],
    ):
        where = [] if command[0] == "ruff" else ["--config-file=", "--cache-dir", str(cases / ".mypy")]
        result = subprocess.run(
            [sys.executable, "-m", *command, *where, *modules], cwd=cases, capture_output=True, text=True, check=False
        )
        assert not result.returncode, result.stdout + result.stderr


def test_a_converted_project_runs_and_writes_what_the_dsl_writes(cases, monkeypatch):
    from pxw.cli import main

    seed = cases / "seed"
    for folder, source, target in STEPS:
        (seed / "tasks" / folder / "task.py").write_text(SCRIPT.format(source=source, target=target))
    convert(seed / "local.xxp", seed / "flows").write()
    monkeypatch.chdir(seed)
    assert main(["run", str(seed / "local.xxp"), "--inline"]) == 0
    expected = (seed / "results/output.csv").read_bytes()
    (seed / "results/output.csv").unlink()
    assert main(["run", "flows/data_processing_workflow.py", "--inline"]) == 0
    assert (seed / "results/output.csv").read_bytes() == expected


def test_a_file_that_a_person_changed_is_spared_and_nothing_else_is_written(cases):
    made = convert(cases / "seed/local.xxp", cases / "flows")
    made.write()
    made.write()
    module = cases / "flows/data_processing_workflow.py"
    module.write_text(module.read_text() + "\n# mine\n")
    (cases / "flows/conversion.md").unlink()
    with pytest.raises(TargetError, match=r"data_processing_workflow\.py .* changed by a person"):
        made.write()
    assert not (cases / "flows/conversion.md").exists()
    made.write(force=True)
    assert "# mine" not in module.read_text()


def test_every_line_of_the_map_leads_to_its_declaration(cases):
    made = convert(cases / "seed/local.xxp", cases / "flows")
    (name,) = made.files
    lines, source = made.files[name].splitlines(), (cases / "seed/local.xxp").read_text().splitlines()
    found = {lines[line - 1]: place for line, place in made.origins[name].items()}
    place = found["read_data = pxw.script("]
    assert "ReadData" in source[int(place.split(":")[1]) - 1]


def test_a_range_that_the_old_engine_read_otherwise_is_reported(cases):
    made = convert(cases / "G5/imports_and_spaces.xxp", cases / "flows")
    texts = [each.message for each in made.entries if "the old engine left it out" in each.message]
    assert [text.partition(":")[0] for text in texts] == ["'d'", "'v'"]
    assert all(each.line for each in made.entries if "old engine" in each.message)


@settings(
    max_examples=int(os.environ.get("DSL_EXAMPLES", "40")), deadline=None, suppress_health_check=list(HealthCheck)
)
@given(files=projects())
def test_the_tasks_of_a_random_project_get_and_wait_for_what_the_graph_says(project, files):
    target = lay_out(project, files)
    made = convert(target, project / "flows")
    for workflow in resolve(target).workflows.values():
        if all(task.script for task in workflow.tasks):
            for turns in list(product([True, False], repeat=len(workflow.conditions)))[:32]:
                _compare(workflow, made, turns)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("projects")
    lay_out_project(folder)
    return folder
