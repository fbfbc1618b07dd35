"""`convert`: the Python says what the graph says, passes the linters, runs alike, and spares a person's work."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pxw.convert import convert
from pxw.convert.beside import Arrangement
from pxw.convert.branches import TRUE, Branch, Choice, Decision, Flowchart
from pxw.errors import TargetError
from tests.convert.comparing import compare
from tests.dsl.dsl_projects import projects

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests/dsl/cases"
GOLDEN = Path(__file__).with_name("golden")
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


def _waits(nodes, over=frozenset()):
    """For each node, all that is over when it begins; and what is over after all of them."""
    found = {}
    for node in nodes:
        if isinstance(node, str):
            found[node] = over
            over |= {node}
            continue
        ends = []
        for branch, waits in zip(node.branches, node.waits, strict=True):
            begun = over.union(*(ends[place] for place in waits))
            inner, end = _waits(branch, begun)
            found |= inner
            ends.append(end)
        over = over.union(*ends)
    return found, over


@given(
    st.sets(st.tuples(st.sampled_from("ABCDEFG"), st.sampled_from("ABCDEFG")).filter(lambda each: each[0] < each[1]))
)
def test_each_node_of_a_graph_without_conditions_waits_for_what_is_before_it_and_for_nothing_else(links):
    before = {name: {one for one, two in links if two == name} for name in "ABCDEFG"}
    for name in "ABCDEFG":
        before[name] = before[name].union(*(before[each] for each in before[name]))
    chart = Flowchart("ABCDEFG", sorted(links), [])
    found, over = _waits(Arrangement(chart.before(), []).arranged(chart.tree()))
    assert found == before
    assert over == set("ABCDEFG")


def test_spaces_one_after_the_other_stay_so():
    chart = Flowchart("ABC", [("A", "B"), ("B", "C")], [])
    assert Arrangement(chart.before(), []).arranged(chart.tree()) == ["A", "B", "C"]


def test_an_event_is_no_branch_of_its_own():
    chart = Flowchart("ABC", [("A", "B"), ("A", "C")], [])
    assert Arrangement(chart.before(), ["C"]).arranged(chart.tree()) == ["A", "C", "B"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CASES).as_posix())
def test_the_python_of_a_case_does_what_the_graph_says(path, cases):
    compare(cases / path.relative_to(CASES), convert(cases / path.relative_to(CASES), cases / "flows"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CASES).as_posix())
def test_a_case_becomes_the_python_that_was_read_and_found_good(path, cases, monkeypatch):
    """`CONVERT_GOLDEN=write pytest tests/convert -k found_good` writes them anew; read the difference."""
    monkeypatch.chdir(cases)
    made = convert(Path(path.relative_to(CASES)), Path("flows"))
    parts = [f"# ---- {name}\n{text}" for name, text in made.files.items() if not name.startswith("python_")]
    told = [f"# {each.kind} {each.file}:{each.line}: {each.message}" for each in made.entries]
    text = "\n".join([*parts, *told]) + "\n"
    golden = (GOLDEN / path.relative_to(CASES)).with_suffix(".txt")
    if os.environ.get("CONVERT_GOLDEN") == "write":
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_converted_modules_pass_ruff_and_mypy(cases, checked):
    for folder in ("diagnostics", "T1", "T2"):
        shutil.rmtree(cases / folder)
    convert(cases, cases / "flows").write()
    shutil.copy(ROOT / "pyproject.toml", cases / "pyproject.toml")
    modules = [f"flows/{each.name}" for each in (cases / "flows").glob("*.py") if not each.name.startswith("python_")]
    checked(cases, modules, ["--config", 'src = ["flows"]'])


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
    assert [text.partition(":")[0] for text in texts] == ["'d' of space 'S1'", "'v' of space 'S2'"]
    assert all(each.line for each in made.entries if "old engine" in each.message)


def test_a_script_that_several_flows_run_alike_is_written_once_and_imported():
    made = convert(ROOT / "flows/old_project", ROOT / "flows/old_project/flows")
    definitions = [
        (line.partition(" = ")[0], name)
        for name, text in made.files.items()
        for line in text.splitlines()
        if " = pxw.script(" in line
    ]
    assert sorted(name for name, file in definitions if file == "scripts.py") == [
        "process_data", "read_data", "save_results",
    ]  # fmt: skip
    assert ("process_data", "limited.py") in definitions  # it has a parameter there
    assert ("clean", "machine_learning.py") in definitions  # nobody else runs it
    assert "from scripts import read_data, save_results\n" in made.files["limited.py"]
    lines = made.files["scripts.py"].splitlines()
    places = {lines[line - 1].partition(" ")[0]: place for line, place in made.origins["scripts.py"].items()}
    assert places["read_data"].partition(":")[0].endswith(".xxp")


@settings(
    max_examples=int(os.environ.get("DSL_EXAMPLES", "40")), deadline=None, suppress_health_check=list(HealthCheck)
)
@given(files=projects())
def test_the_python_of_a_random_project_does_what_the_graph_says(project, files):
    target = lay_out(project, files)
    compare(target, convert(target, project / "flows"))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("projects")
    lay_out_project(folder)
    return folder


def test_a_script_that_is_no_python_stays_one_and_the_report_says_so(tmp_path):
    (tmp_path / "torn.py").write_text("print 'as Python 2 did it'\n")
    (tmp_path / "w.xxp").write_text('workflow W { START -> A -> END; task A { implementation "torn.py"; } }')
    made = convert(tmp_path / "w.xxp", tmp_path / "flows", tasks=True)
    assert "pxw.script(" in made.files["w.py"]
    told = [each.message for each in made.entries if each.kind == "person" and each.file == "torn.py"]
    assert any("no Python" in each for each in told)
