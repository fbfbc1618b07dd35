"""A converted project runs, and gives what its DSL gives: inline, and on Prefect."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pxw.compat.asking import asker
from pxw.convert import convert
from pxw.dsl.resolve import resolve
from pxw.importing import find_flow, inline
from pxw.runner import Setup, flow_of
from tests.engines.conftest import without_heartbeats

FILES = {
    "eexp_config.py": """
TASK_LIBRARY_PATH = "tasks"
PYTHON_CONDITIONS = "conditions"
PYTHON_CONFIGURATIONS = "configurations"
""",
    "conditions.py": """
def grows(space, results):
    runs = results[space]
    return runs[1]["result"]["square"] < runs[len(runs)]["result"]["Square"]["square"]
""",
    "configurations.py": """
def odd(configurations):
    return [each for each in configurations if each["n"] % 2]


def more():
    return [{"n": 100}, {}]
""",
    "tasks/square/task.xxp": """
task Square {
  implementation "square/task.py";
  define param n { type Integer; default 2; range (0, 1000); }
  define output data text;
  define metric square { kind single-value; type Integer; }
}
""",
    "tasks/square/task.py": """
import proactive_helper as ph
square = variables["n"] ** 2
resultMap.put("square", square)
ph.save_dataset(variables, resultMap, "text", str(square).encode())
""",
    "tasks/double/task.py": """
import proactive_helper as ph
resultMap.put("double", 2 * int(ph.load_dataset(variables, resultMap, "text")))
""",
    "tasks/last/task.py": """
resultMap.put("label", variables["label"] + "!")
""",
    "tasks/sum/task.py": """
import proactive_helper as ph
runs = ph.get_experiment_results()["Coarse"]
resultMap.put("sum", sum(run["result"]["square"] for run in runs.values()))
assert runs[1] == runs["1"]
""",
    "numbers.xxp": """
workflow Numbers {
  task Square { implementation "square"; }
  task Double { implementation "double"; }
  task Last { implementation "last"; param label = 1; }
  START -> Square -> "square > 10" ? Double : END -> Last -> END;
  define output data Text;
  configure data Text { path "out/text.txt"; }
  Square.text --> Double.text;
  Square.text --> Text;
}
experiment Search {
  control {
    START -> Coarse -> Sum -> END;
    Coarse ?-> Fine { condition "grows Coarse"; };
    Coarse ?-> Never { condition "results['Coarse'][1]['result']['square'] > 10"; };
    (Sum || Fine) -> Last -> END;
  }
  space Coarse of Numbers {
    strategy gridsearch;
    param_values n = range(3, 4);
    param_values label = enum("a", 7);
    task Square { param n = n; }
    task Last { param label = label; }
  }
  space Fine of Numbers {
    strategy randomsearch;
    runs = 1;
    param_values n = range(1, 9);
    filter "odd";
    generator "more";
    task Square { param n = n; }
  }
  space Never of Numbers { strategy singlerun; }
  space Last of Numbers { strategy singlerun; param_values n = enum(9); task Square { param n = n; } }
  task Sum { implementation "sum"; }
}
""",
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    convert(Path("numbers.xxp"), Path("flows")).write()
    return tmp_path


def _by_the_dsl(name: str) -> Any:
    found = resolve("numbers.xxp").raise_errors()
    graph = found.experiments.get(name) or found.workflows[name]
    with inline():
        run = flow_of(graph, Setup(found.project.conditions, found.project.configurations))
    return run()


def _plain(results: dict[str, Any]) -> dict[str, Any]:
    """The results without places, which differ, and without tasks that leave nothing."""
    return {
        node: {
            number: {
                "configuration": run["configuration"],
                "result": {key: value for key, value in run["result"].items() if _is_number(key)},
            }
            for number, run in runs.items()
        }
        for node, runs in results.items()
    }


def _is_number(key: str) -> bool:
    return key in {"square", "double", "label", "sum"}


def _judge(results: dict[str, Any]) -> None:
    assert set(results) == {"Coarse", "Fine", "Last", "Sum"}
    assert results["Sum"][1]["result"]["sum"] == 2 * (9 + 16)
    assert [run["result"]["label"] for run in results["Coarse"].values()] == ["a!", "7!"] * 2
    texts = {path.parent.name: path.read_text() for path in Path("out").glob("*/text.txt")}
    assert [texts[f"Coarse-{number}"] for number in range(1, 5)] == ["9", "9", "16", "16"]
    assert texts["Last-1"] == "81"


def test_a_converted_experiment_gives_what_its_dsl_gives() -> None:
    expected = _by_the_dsl("Search")
    with inline():
        found = find_flow("flows/search.py")()
    assert _plain(found) == _plain(expected)
    _judge(found)


def test_a_converted_experiment_and_its_workflow_run_on_prefect(prefect_server: str) -> None:
    with without_heartbeats():
        _judge(find_flow("flows/search.py")(parallel=3))
        found = find_flow("flows/numbers_flow.py")(n=3)
    assert (found["square"], found["label"], "double" in found) == (9, "1!", False)


@pytest.mark.parametrize("n", [3, 4])
def test_what_comes_after_a_converted_condition_runs_either_way(n: int) -> None:
    with inline():
        found = find_flow("flows/numbers_flow.py")(n=n)
    assert found["label"] == "1!"
    assert found.get("double") == (32 if n == 4 else None)


def test_a_space_that_its_filter_empties_is_an_error_before_anything_runs(project: Path) -> None:
    (project / "flows/configurations.py").write_text("def odd(all):\n    return []\n\n\ndef more():\n    return []\n")
    with inline(), pytest.raises(Exception, match="of 0 configurations"):
        find_flow("flows/search.py")()
    assert not (project / "out").exists()


def test_without_the_end_of_ranges_the_old_engines_runs_are_made() -> None:
    made = convert(Path("numbers.xxp"), Path("flows"), inclusive=False)
    assert 'pxw.grid(n=[3], label=["a", 7])' in made.files["search.py"]
    assert [each.line for each in made.entries if "is left out" in each.message] == [21, 29]


def test_the_runs_of_a_converted_space_go_on_side_by_side(project: Path) -> None:
    meet = """
import time
from pathlib import Path
mine = Path("out") / variables["label"]
mine.parent.mkdir(exist_ok=True)
mine.touch()
while len(list(mine.parent.glob("run-*"))) < 2:
    time.sleep(0.01)
"""
    (project / "tasks/meet").mkdir()
    (project / "tasks/meet/task.py").write_text(meet.replace('Path("out")', f'Path("{project}/met")'))
    (project / "meet.xxp").write_text("""
workflow Meet { task Meet { implementation "meet"; param label = "x"; } START -> Meet -> END; }
experiment Both {
  control { START -> All -> END; }
  space All of Meet {
    strategy gridsearch;
    param_values label = enum("run-1", "run-2");
    task Meet { param label = label; }
  }
}
""")
    convert(project / "meet.xxp", project / "flows").write()
    with inline():
        found = find_flow("flows/both.py")(parallel=2)
    assert [run["configuration"]["label"] for run in found["All"].values()] == ["run-1", "run-2"]


def test_an_interactive_task_asks_what_its_dsl_asks(project: Path) -> None:
    (project / "tasks/review").mkdir()
    (project / "tasks/review/task.py").write_text('resultMap.put("kept", [variables["grade"], variables["label"]])')
    (project / "tasks/review/task.xxp").write_text("""
task Review { implementation "review/task.py"; type interactive; define metric kept { type String; }
  define param grade { type Integer; default 2; range (1, 5); } define param label { type String; } }
""")
    (project / "review.xxp").write_text("""
workflow Reviewed { START -> Review -> END; task Review { implementation "review"; param label = "a"; } }
""")
    made = convert(project / "review.xxp", project / "flows")
    made.write()
    assert "    grade: Annotated[int, Field(ge=1, le=5)]\n    label: str\n" in made.files["reviewed.py"]
    token = asker.set(lambda question: question.form.model_validate({"grade": 3}).model_dump())
    try:
        with inline():
            assert find_flow("flows/reviewed.py")()["kept"] == [3, "a"]
    finally:
        asker.reset(token)


# Nodes that do not wait for each other ------------------------------------------------------------------------------

MEET = """
import time
from pathlib import Path
import proactive_helper as ph

met = Path("ROOT/met")
met.mkdir(exist_ok=True)
(met / variables["name"]).touch()
until = time.time() + 60
while not {each.name for each in met.iterdir()} >= set(variables["all"].split()):
    assert time.time() < until, "somebody did not come"
    time.sleep(0.02)
if variables["name"] == "fails":
    raise ValueError("on purpose")
if variables["name"] == "first":
    time.sleep(0.3)  # it ends last
resultMap.put("name", variables["name"])
resultMap.put("seen", sorted(ph.get_experiment_results() or {}))
"""

TOGETHER = """
workflow W { task T { implementation "meet"; param name = "x"; param all = ""; } START -> T -> END; }
experiment Together {
  control {
    START -> (First || Second) -> Joined -> END;
    Second ?-> More { condition "len(results['Second']) == 2" };
    Second ?-> Never { condition "len(results['Second']) == 1" };
    More -> Last -> END;
    START -> Alone -> END;
  }
  space First of W { strategy singlerun; task T { param name = "first"; param all = "first s-1 alone"; } }
  space Second of W {
    strategy gridsearch;
    param_values name = enum("s-1", "s-2");
    task T { param name = name; param all = "first s-1 alone"; }
  }
  space Joined of W { strategy singlerun; task T { param name = "joined"; param all = "joined more"; } }
  space More of W { strategy singlerun; task T { param name = "more"; param all = "joined more"; } }
  space Never of W { strategy singlerun; task T { param name = "never"; } }
  task Last { implementation "meet"; param name = "last"; param all = "more"; }
  task Alone { implementation "meet"; param name = "alone"; param all = "alone"; }
}
"""


ENDS_AFTER_THE_FAILURE = """
def is_told():
    return any(b"on purpose" in each.read_bytes() for each in Path("HOME").rglob("journal.jsonl"))

while variables["name"] == "s-1" and not is_told():
    time.sleep(0.02)
time.sleep(0.2)  # the journal hears of it a moment before the experiment does
"""


def _together(project: Path, text: str = TOGETHER) -> None:
    (project / "tasks/meet").mkdir(exist_ok=True)
    (project / "tasks/meet/task.py").write_text(MEET.replace("ROOT", str(project)))
    (project / "together.xxp").write_text(text)
    convert(project / "together.xxp", project / "together").write()


def _judge_together(results: dict[str, Any]) -> None:
    names = {node: [run["result"]["name"] for run in runs.values()] for node, runs in results.items()}
    expected = {"First": ["first"], "Second": ["s-1", "s-2"], "Alone": ["alone"], "Joined": ["joined"]}
    assert names == expected | {"More": ["more"], "Last": ["last"]}
    assert list(results)[:3] == ["First", "Second", "Alone"]
    assert set(results["Last"][1]["result"]["seen"]) >= {"Alone", "More", "Second"}
    assert "Last" not in results["Last"][1]["result"]["seen"]


def test_independent_nodes_run_side_by_side_as_in_the_dsl(project: Path) -> None:
    _together(project)
    with inline():
        _judge_together(find_flow("together/together.py")())
        for each in (project / "met").iterdir():
            each.unlink()
        found = resolve("together.xxp").raise_errors()
        _judge_together(flow_of(found.experiments["Together"], Setup(found.project.conditions))())


def test_independent_nodes_run_side_by_side_on_prefect(project: Path, prefect_server: str) -> None:
    _together(project)
    with without_heartbeats():
        _judge_together(find_flow("together/together.py")())


def test_when_one_of_them_fails_the_experiment_fails_and_nothing_else_is_begun(project: Path) -> None:
    text = TOGETHER.replace(
        'param name = "first"; param all = "first s-1 alone"', 'param name = "fails"; param all = "s-1"'
    )
    _together(project, text.replace("first s-1 alone", "fails s-1 alone"))
    script = project / "tasks/meet/task.py"
    script.write_text(script.read_text() + ENDS_AFTER_THE_FAILURE.replace("HOME", os.environ["PXW_HOME"]))
    with inline(), pytest.raises(Exception, match="on purpose"):
        find_flow("together/together.py")()
    assert {each.name for each in (project / "met").iterdir()} == {"fails", "s-1", "alone"}
