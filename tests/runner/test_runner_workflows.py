"""What it means to run a workflow."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pxw.errors import DSLError, OutputError, ScriptError
from pxw.specs import Local
from tests.runner.conftest import Project

DIAMOND = """workflow W {
  START -> A -> B -> D -> END; A -> C -> D;
  task A { implementation "a"; } task B { implementation "b"; } task C { implementation "c"; }
  task D { implementation "d"; }
  A.out --> B.in; A.out --> C.in; B.out --> D.left; C.out --> D.right;
  define output data Report; configure data Report { path "report.txt"; }
  D.report --> Report;
}"""


def diamond(project: Project, *, seconds: float = 0.0) -> None:
    wait = f"time.sleep({seconds})"
    step = f'x = ph.load_datasets(variables, "in"); {wait}; ph.save_datasets(variables, ("out", x + ["%s"]))'
    project.scripts(
        a='ph.save_datasets(variables, ("out", [1]))',
        b=step % "b",
        c=step % "c",
        d="""
        left, right = ph.load_datasets(variables, "left", "right")
        ph.save_datasets(variables, ("report", f"{left} {right}"))
        """,
    )


def test_equal_port_names_of_different_tasks_are_different_things(project: Project) -> None:
    diamond(project)
    outputs = project.run(DIAMOND)
    assert Path("report.txt").read_text() == "[1, 'b'] [1, 'c']"
    assert set(outputs) == {"Report"}
    assert outputs["Report"].place == str(project.root / "report.txt")
    assert (outputs["Report"].task, outputs["Report"].output) == ("D", "report")


def test_independent_tasks_run_side_by_side_on_prefect_and_a_join_waits_for_both(on_prefect: Project) -> None:
    diamond(on_prefect, seconds=1.5)
    began = time.monotonic()
    on_prefect.run(DIAMOND)
    took = time.monotonic() - began
    spans = on_prefect.spans
    assert min(spans["B"][1], spans["C"][1]) - max(spans["B"][0], spans["C"][0]) > 0.5  # they overlap
    assert spans["D"][0] > max(spans["B"][1], spans["C"][1])
    assert took < 30


def test_data_links_alone_order_tasks(project: Project) -> None:
    project.scripts(a='ph.save_datasets(variables, ("x", 1))', b='assert ph.load_datasets(variables, "y") == 1')
    project.run('workflow W { task B { implementation "b"; } task A { implementation "a"; } A.x --> B.y; }')
    assert project.ran == ["A", "B"]


def test_a_script_may_ask_for_what_any_earlier_task_saved_and_gets_the_latest(project: Project) -> None:
    project.scripts(
        a='ph.save_datasets(variables, ("model", "old")); variables.put("v", 1)',
        b='ph.save_datasets(variables, ("model", "new")); variables.put("v", 2)',
        c="pass",
        d='assert ph.load_datasets(variables, "model") == "new"; assert variables["v"] == 2',
    )
    tasks = "".join(f'task {name} {{ implementation "{name.lower()}"; }}' for name in "ABCD")
    # C comes after A only: what it hands on is older than what B put.
    project.run(f"workflow W {{ {tasks} START -> A -> B -> D -> END; A -> C -> D; }}")
    assert project.ran[-1] == "D"


def test_parameters_have_their_declared_types_and_are_text_without_one(project: Project) -> None:
    project.script(
        "typed",
        """
        got = [variables[name] for name in ("n", "x", "flag", "word", "loose")]
        assert got == [3, 2.0, True, "7", "5"], got
        assert [type(each) for each in got] == [int, float, bool, str, str]
        """,
    )
    project.write(
        "tasks/typed/task.xxp",
        """task Typed { implementation "typed/task.py";
        define param n { type Integer; default "3"; } define param x { type Float; default 1; }
        define param flag { type Boolean; default "true"; } define param word { type String; default 7; }
        define param loose { default 5; } }""",
    )
    project.run('workflow W { task T { implementation "typed"; param x = 2; } }')
    assert project.ran == ["T"]


# Conditions -----------------------------------------------------------------------------------------------------------

BRANCHES = """workflow W {{
  START -> A -> "{condition}" ? B : C -> D -> END; B -> B2;
  task A {{ implementation "measure"; }} task B {{ implementation "n"; }} task B2 {{ implementation "n"; }}
  task C {{ implementation "n"; }} task D {{ implementation "n"; }}
}}"""


@pytest.mark.parametrize(
    ("condition", "ran"),
    [
        ("score > 0.5", ["A", "B", "B2", "D"]),
        ("results['A']['score'] < 0.5", ["A", "C", "D"]),
        ("variables['limit'] == 3 and resultMap['score'] > 0.5", ["A", "B", "B2", "D"]),
        ("out == 41", ["A", "C", "D"]),
        ("beyond 0.9", ["A", "C", "D"]),
        ("beyond '0.5'", ["A", "B", "B2", "D"]),
    ],
)
def test_a_condition_chooses_one_branch_and_what_follows_runs_after_it(
    project: Project, condition: str, ran: list[str]
) -> None:
    project.scripts(
        measure='resultMap.put("score", 0.75); variables.put("limit", 3); ph.save_datasets(variables, ("out", 42))',
        n="pass",
    )
    project.write("conditions.py", "def beyond(limit, results):\n    return results['A']['score'] > float(limit)\n")
    project.run(BRANCHES.format(condition=condition))
    assert sorted(project.ran) == ran


def test_conditions_choose_on_prefect_too(on_prefect: Project) -> None:
    on_prefect.scripts(measure='resultMap.put("score", 0.75)', n="pass")
    on_prefect.run(BRANCHES.format(condition="score < 0.5"))
    assert on_prefect.ran == ["A", "C", "D"]


def test_what_comes_after_a_skipped_task_is_skipped_and_nested_conditions_are_not_asked(project: Project) -> None:
    project.scripts(n="pass", value='ph.save_datasets(variables, ("out", 1))')
    text = """workflow W {
      START -> A -> "False" ? B : C; B -> "1 / 0" ? E : F -> G; C -> H -> END; B.out --> I.in; C -> J; G -> J;
      task B { implementation "value"; } task I { implementation "n"; }
    """ + "".join(f'task {name} {{ implementation "n"; }}' for name in "ACEFGHJ")
    project.run(text + "}")
    assert sorted(project.ran) == ["A", "C", "H", "J"]  # J has one taken edge; I's input was never made


def test_a_branch_may_do_nothing_and_a_condition_may_come_first(project: Project) -> None:
    project.scripts(n="pass")
    tasks = "".join(f'task {name} {{ implementation "n"; }}' for name in "AB")
    project.run(f'workflow W {{ START -> "True" ? END : A -> B -> END; {tasks} }}')
    assert project.ran == ["B"]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("scor > 1", "NameError: name 'scor' is not defined"),
        ("results['A']['nothing'] > 1", "KeyError: 'nothing'"),
        ("silent", "None, neither true nor false"),
    ],
)
def test_a_condition_that_cannot_be_decided_is_never_taken_for_false(
    project: Project, condition: str, said: str
) -> None:
    project.scripts(measure='resultMap.put("score", 0.75)', n="pass")
    project.write("conditions.py", "def silent(results): ...\n")
    with pytest.raises(DSLError) as caught:
        project.run(BRANCHES.format(condition=condition))
    assert said in str(caught.value)
    assert "w.xxp:2:" in caught.value.at
    assert project.ran == ["A"]


def test_a_condition_waits_for_its_own_sources_only(on_prefect: Project) -> None:
    on_prefect.scripts(slow="time.sleep(4)", n="pass")
    tasks = 'task S { implementation "slow"; }' + "".join(f'task {name} {{ implementation "n"; }}' for name in "ABCDF")
    on_prefect.run(f'workflow W {{ START -> S -> "True" ? A : B; START -> F -> "True" ? C : D; {tasks} }}')
    assert on_prefect.spans["C"][1] < on_prefect.spans["S"][1]
    assert sorted(on_prefect.ran) == ["A", "C", "F", "S"]


# Failures -------------------------------------------------------------------------------------------------------------

FAILING = """workflow W {
  START -> Bad -> After -> "x > 1" ? B : C; START -> Beside -> END;
  task Bad { implementation "bad"; } task After { implementation "n"; } task Beside { implementation "n"; }
  task B { implementation "n"; } task C { implementation "n"; }
}"""


def _fails(project: Project) -> None:
    project.scripts(n="pass")
    bad = project.script("bad", "def divide():\n    return 1 / 0\n\ndivide()")
    with pytest.raises(ScriptError) as caught:
        project.run(FAILING)
    line = bad.read_text().splitlines().index("    return 1 / 0") + 1
    assert caught.value.at == f"{bad}:{line}, in divide()"
    assert "task 'Bad' failed: ZeroDivisionError: division by zero" in str(caught.value)
    assert not {"Bad", "After", "B", "C"} & set(project.ran)


def test_a_failing_script_fails_the_flow_with_its_own_line_and_nothing_after_it_runs(project: Project) -> None:
    _fails(project)


def test_the_same_on_prefect(on_prefect: Project) -> None:
    _fails(on_prefect)


def test_an_output_that_is_linked_and_not_saved_is_an_error(project: Project) -> None:
    project.scripts(a='ph.save_datasets(variables, ("tabel", 1))', b="pass")
    with pytest.raises(OutputError, match="did you mean 'tabel'"):
        project.run('workflow W { task A { implementation "a"; } task B { implementation "b"; } A.table --> B.table; }')


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('task A { implementation "a"; type interactive; }', "waits for a person"),
        (
            """task A { implementation "a"; } task B { implementation "a"; }
            START -> A -> "a person finds the curve smooth enough" ? B : END;""",
            "no run can decide",
        ),
        ('task A { implementation "a"; } define input data D; D --> A.x;', "--set D=path"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_runs(project: Project, body: str, said: str) -> None:
    project.scripts(a="pass")
    if "interactive" in body:
        project.write("tasks/a/task.xxp", 'task A { implementation "a/task.py"; type interactive; }')
        body = 'task A { implementation "a"; }'
    with pytest.raises(DSLError, match=said):
        project.flow(f"workflow W {{ {body} }}")


# Datasets -------------------------------------------------------------------------------------------------------------


def test_a_dataset_may_be_a_file_a_folder_or_a_pattern_and_be_elsewhere(project: Project) -> None:
    for name in ("fire.1.txt", "fire.2.txt", "water.txt"):
        project.write(f"data/{name}", name)
    project.write("other.txt", "moved")
    project.script(
        "read",
        """
        assert ph.load_dataset(variables, resultMap, "one") == b"moved"
        assert sorted(ph.load_datasets(variables, resultMap, "all")) == [b"fire.1.txt", b"fire.2.txt", b"water.txt"]
        assert sorted(ph.load_datasets(variables, resultMap, "some")) == [b"fire.1.txt", b"fire.2.txt"]
        ph.save_datasets(variables, resultMap, "many", [b"a", b"b"], ["a.bin", "b.bin"])
        """,
    )
    datasets = {"One": "data/water.txt", "All": "data/**", "Some": "data/fire.*.txt"}
    text = "".join(
        f'define input data {name}; configure data {name} {{ path "{path}"; }} {name} --> R.{name.lower()};'
        for name, path in datasets.items()
    )
    text += 'define output data Many; configure data Many { path "out/**"; } R.many --> Many;'
    project.run(
        f'workflow W {{ task R {{ implementation "read"; }} {text} }}',
        places={"One": Local(project.root / "other.txt")},
    )
    assert {path.name for path in Path("out").iterdir()} == {"a.bin", "b.bin"}


def test_datasets_may_live_in_a_ddm(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pydantic import SecretStr

    from pxw.stores import ddm
    from tests.ddm.serving import serving

    project.scripts(
        a='ph.save_dataset(variables, resultMap, "mid", ph.load_dataset(variables, resultMap, "in") + b"!")',
        b='ph.save_dataset(variables, resultMap, "out", ph.load_dataset(variables, resultMap, "mid") + b"?")',
    )
    text = """workflow W { START -> A -> B; task A { implementation "a"; } task B { implementation "b"; }
      define input data I; define output data O;
      configure data I { name "in.txt"; project "demo/in"; } configure data O { name "out.txt"; project "demo/out"; }
      I --> A.in; A.mid --> B.mid; B.out --> O; }"""
    with serving(tmp_path / "ddm", SecretStr("secret")) as url:
        for name, value in {"URL": url, "TOKEN": "secret"}.items():
            monkeypatch.setenv(f"PXW_DDM_{name}", value)
        monkeypatch.setenv("PXW_DATASET_MANAGEMENT", "DDM")
        ddm.client().upload(project.write("in.txt", "hello"), "demo/in")
        outputs = project.run(text)
        client = ddm.client()
        assert client.fetch(client.find("demo/out", "out.txt")).read_bytes() == b"hello!?"
    assert outputs["O"].place == "ddm://demo/out//out.txt"
