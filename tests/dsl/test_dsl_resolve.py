"""What files mean: overriding, inlining, casting, the kinds of conditions."""

from pathlib import Path

import pytest

from pxw.dsl.resolve import files_of, merged, resolve
from pxw.experiment import Transition
from pxw.workflow import Condition, ControlLink, DataLink, DDMPlace, LocalPlace, PortRef

READ = """task R { implementation "read/task.py"; venv "read/r.txt"; define output data table;
  define param rows { type Integer; default "5"; range (1, 9); } define metric m { kind series; } }"""
CLEAN = """task C { implementation "clean/task.py"; define input data table; define output data table;
  define param rows { type String; default "x"; } define metric n { kind series; } }"""


@pytest.fixture
def project(tmp_path):
    for name, text in {"read": READ, "clean": CLEAN}.items():
        folder = tmp_path / "tasks" / name
        folder.mkdir(parents=True)
        (folder / "task.xxp").write_text(text)
        (folder / "task.py").write_text("")
    (tmp_path / "tasks" / "read" / "r.txt").write_text("")
    (tmp_path / "conditions.py").write_text("def good(space, results): ...\n")
    (tmp_path / "eexp_config.py").write_text("PYTHON_CONDITIONS = 'conditions'\n")
    return tmp_path


def read(project: Path, text: str, name="w.xxp"):
    (project / name).write_text(text)
    return resolve(project / name)


def codes(found):
    return [each.code for each in found.diagnostics]


def test_a_derived_workflow_replaces_and_never_appends(project):
    found = read(
        project,
        'workflow B { task T { implementation "read"; param rows = 3; } }'
        'workflow A from B { task T { implementation "clean"; } }',
    ).workflows
    (before,), (after,) = found["B"].tasks, found["A"].tasks
    assert ([each.name for each in before.metrics], before.requirements) == (["m"], project / "tasks/read/r.txt")
    assert ([each.name for each in after.metrics], after.requirements) == (["n"], None)
    assert before.values == {"rows": 3}
    assert after.values == {"rows": "3"}  # the value stays, in the type that the new implementation declares


def test_a_value_that_the_new_implementation_does_not_know_is_left_out(project):
    (project / "tasks" / "read" / "task.xxp").write_text(
        'task R { implementation "read/task.py"; param n { default 1; } }'
    )
    found = read(
        project,
        'workflow B { task T { implementation "clean"; param rows = "a"; } }'
        'workflow A from B { task T { implementation "read"; } }',
    )
    assert codes(found) == ["PXW337"]
    assert found.workflows["A"].tasks[0].values == {"n": 1}


def test_values_and_defaults_have_their_declared_types(project):
    tasks = 'task T { implementation "read"; } task U { implementation "read"; param rows = "7"; }'
    found = read(project, f"workflow W {{ {tasks} }}")
    assert [task.values for task in found.workflows["W"].tasks] == [{"rows": 5}, {"rows": 7}]
    assert [task.parameters[0].given for task in found.workflows["W"].tasks] == [False, True]


def test_a_parameter_of_the_workflow_reaches_every_task_that_declares_it(project):
    tasks = 'task T { implementation "read"; } task U { implementation "read"; param rows = 6; }'
    found = read(project, f"workflow W {{ param rows = 4; {tasks} }}")
    assert [task.values for task in found.workflows["W"].tasks] == [{"rows": 4}, {"rows": 6}]
    assert found.workflows["W"].settings == (("rows", 4),)


def test_dots_and_slashes_mean_the_same_folder(project):
    (project / "tasks/deep").mkdir()
    (project / "tasks/read").rename(project / "tasks/deep/read")
    (project / "tasks/deep/read/task.xxp").write_text('task R { implementation "deep/read/task.py"; }')
    texts = ['"deep/read"', '"deep.read"', "deep.read", '"tasks/deep/read"', '"file://deep/read/task.py"']
    for text in texts:
        (task,) = (
            read(project, f"workflow W {{ task T {{ implementation {text}; }} }}").raise_errors().workflows["W"].tasks
        )
        assert task.script == project / "tasks/deep/read/task.py"


def test_joins_and_diamonds_keep_every_predecessor(project):
    found = read(
        project,
        "workflow W { START -> A -> C -> END; A -> D -> END; B -> D; START -> B;"
        + "".join(f'task {name} {{ implementation "tasks/read/task.py"; }}' for name in "ABCD")
        + "C.x --> D.x; }",
    ).raise_errors()
    assert found.workflows["W"].predecessors() == {"A": (), "B": (), "C": ("A",), "D": ("A", "B", "C")}


def test_a_subworkflow_takes_the_place_of_its_task(project):
    (project / "inner.xxp").write_text(
        "workflow Inner { START -> A -> B -> END; A -> C -> END; define input data raw; define output data done;"
        'task A { implementation "clean"; } task B { implementation "clean"; }'
        'task C { implementation "tasks/read/task.py"; }'
        "raw --> A.table; A.table --> B.table; B.table --> done; }"
    )
    found = read(
        project,
        'workflow W { START -> R -> S -> A -> END; task R { implementation "read"; } task S { subworkflow "inner"; }'
        'task A { implementation "clean"; } configure task B { param rows = "q"; }'
        "R.table --> S.raw; S.done --> A.table; }",
    ).raise_errors()
    workflow = found.workflows["W"]
    assert [task.name for task in workflow.tasks] == ["R", "S_A", "B", "C", "A"]
    assert {(link.before, link.after) for link in workflow.links} == {
        ("R", "S_A"), ("S_A", "B"), ("S_A", "C"), ("B", "A"), ("C", "A"),
    }  # fmt: skip
    assert {(str(link.source), str(link.target)) for link in workflow.data_links} == {
        ("R.table", "S_A.table"), ("S_A.table", "B.table"), ("B.table", "A.table"),
    }  # fmt: skip
    assert workflow.datasets == ()
    assert workflow.task("B").values == {"rows": "q"}


def test_datasets_between_tasks_are_only_names(project):
    found = read(
        project,
        'workflow W { data X; task A { implementation "read"; } task B { implementation "clean"; } A --> X --> B; }',
    ).raise_errors()
    assert found.workflows["W"].data_links == (DataLink(PortRef("A", "table"), PortRef("B", "table")),)
    assert found.workflows["W"].datasets == ()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('path "a.csv";', ("a.csv", "file")),
        ('path "a/**";', ("a", "directory")),
        ('path "a/";', ("a", "directory")),
        ('path "fire.*.png";', ("fire.*.png", "glob")),
        ('path "tasks";', ("tasks", "directory")),
        ('name "f"; project "p";', DDMPlace("p", "f")),
        ('project "p";', DDMPlace("p")),
        ('zenoh_name "f";', DDMPlace(None, "f")),
    ],
)
def test_a_place_is_a_file_a_directory_a_pattern_or_a_ddm_address(project, text, place):
    found = read(project, f"workflow W {{ define output data D; configure data D {{ {text} }} }}")
    expected = LocalPlace(project / place[0], place[1]) if isinstance(place, tuple) else place
    assert found.workflows["W"].dataset("D").place == expected


@pytest.mark.parametrize(
    ("text", "kind", "problems"),
    [
        ("good A", "call", []),
        ("good", "call", ["PXW346"]),
        ("good A B", "call", ["PXW346"]),
        ("results['A'] > 1", "expression", []),
        ("rows > 3", "expression", []),
        ("True", "expression", []),
        ("godo A", "call", ["PXW308"]),
        ("bad(1)", "expression", ["PXW308"]),
        ("rows = 3", "text", ["PXW361"]),
        ("when everybody has agreed", "text", ["PXW361"]),
    ],
)
def test_a_condition_is_a_call_an_expression_or_a_text(project, text, kind, problems):
    found = read(
        project,
        f'workflow W {{ A -> "{text}" ? B : END -> C;'
        + "".join(f'task {name} {{ implementation "tasks/read/task.py"; }}' for name in "ABC")
        + "}",
    )
    assert found.workflows["W"].conditions == (Condition(("A",), text, kind, ("B",), (), ("C",)),)
    assert codes(found) == problems


def test_imports_that_go_round_in_a_circle_are_harmless(project):
    (project / "a.xxp").write_text('import "b.xxp"; import "a.xxp"; workflow A { }')
    (project / "b.xxp").write_text('import "a.xxp"; workflow B { }')
    found = read(
        project, 'import "a.xxp"; import "b"; experiment E { space S of B { strategy singlerun; } }'
    ).raise_errors()
    assert [each.name for each in found.experiments["E"].workflows] == ["B"]


def test_what_cannot_be_reached_by_control_is_linked_by_an_experiment_in_order(project):
    spaces = "".join(f"space {name} of W {{ strategy singlerun; }}" for name in ("S1", "S2", "S3"))
    workflow = 'workflow W { task T { implementation "tasks/read/task.py"; } }'
    for control in ("", "control { S1; }"):
        found = (
            read(project, f"{workflow} experiment E {{ {control} {spaces} }}").raise_errors().experiments["E"].control
        )
        assert found.nodes == ("S1", "S2", "S3")
        assert found.transitions == (Transition(("S1",), ("S2",)), Transition(("S2",), ("S3",)))


def test_every_part_of_a_graph_knows_where_it_was_declared(project):
    lines = ["START -> A -> B;", 'task A { implementation "read"; }', 'task B { implementation "clean"; }', "A --> B;"]
    found = read(project, "workflow W {\n  " + "\n  ".join(lines) + "\n}")
    workflow = found.raise_errors().workflows["W"]
    assert (workflow.at.line, workflow.at.column) == (1, 10)
    assert [(task.at.line, task.at.column) for task in workflow.tasks] == [(3, 8), (4, 8)]
    assert workflow.links == (ControlLink("A", "B"),)
    assert (workflow.links[0].at.line, workflow.data_links[0].at.line) == (2, 5)
    assert workflow.task("A").outputs[0].at.file == str(project / "tasks/read/task.xxp")


@pytest.mark.parametrize("text", ["", "// nothing yet", "\ufeff\n"])
def test_a_file_that_declares_nothing_is_told(project, text):
    assert codes(read(project, text)) == ["PXW315"]


def test_lines_may_end_as_on_old_macs(project):
    found = read(project, "workflow W {\r  // no more\r  START -> A;\r}\r")
    assert [(each.at.line, each.at.column) for each in found.diagnostics] == [(3, 12)]


def test_files_below_a_folder_are_told_together_and_fill_each_other(project):
    (project / "a.xxp").write_text("workflow A { START -> T; task T; }")
    (project / "b.xxp").write_text(
        'import "a.xxp"; workflow B from A { task T { implementation "tasks/read/task.py"; } }'
    )
    (project / ".hidden").mkdir()
    (project / ".hidden/c.xxp").write_text("nonsense")
    files = files_of(project)
    assert [each.name for each in files if each.parent == project] == ["a.xxp", "b.xxp"]
    assert all(".hidden" not in each.parts for each in files)
    both = merged([resolve(project / "a.xxp"), resolve(project / "b.xxp")])
    assert [each.code for each in both if each.severity == "error"] == []
    assert [each.code for each in resolve(project / "a.xxp").report.errors] == ["PXW330"]


@pytest.mark.parametrize(
    ("field", "code", "message", "remedy"),
    [
        ('python_version "abc";', "PXW332", "'abc' is no version of Python", 'write it as "3.11"'),
        ('venv "reqs.txt";', "PXW331", "no requirements file 'reqs.txt'", "did you mean 'req.txt'?"),
        ('dependency "nowhere/**";', "PXW355", "no file fits the dependency 'nowhere/**'", "looked in ."),
    ],
)
def test_what_a_task_needs_besides_its_script_is_looked_for(project, monkeypatch, field, code, message, remedy):
    monkeypatch.chdir(project)
    (project / "req.txt").write_text("")
    found = read(project, f'workflow W {{ task T {{ implementation "tasks/read/task.py"; {field} }} }}')
    assert [(each.code, each.message, each.help) for each in found.diagnostics] == [(code, message, remedy)]


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("", "dataset 'D' has no place"),
        ('configure data D { name "f.csv"; }', "dataset 'D' has a name in a DDM, but no project"),
        ('configure data D { project "p"; }', None),
    ],
)
def test_a_dataset_that_a_run_would_look_for_nowhere_is_told(project, place, problem):
    text = f'workflow W {{ task T {{ implementation "tasks/read/task.py"; }} input data D; {place} D --> T.x; }}'
    found = [each.message for each in read(project, text).diagnostics if each.code == "PXW356"]
    assert found == ([problem] if problem else [])
