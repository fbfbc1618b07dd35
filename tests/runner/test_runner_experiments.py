"""What it means to run an experiment."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pxw.errors import DSLError, ScriptError
from pxw.spaces import Runs
from tests.runner.conftest import Project

WORKFLOW = """
workflow W { task T { implementation "square"; param p = 1; }
  define output data O; configure data O { path "out/o.txt"; } T.output --> O; }
"""


@pytest.fixture
def squares(project: Project) -> Project:
    project.script(
        "square",
        """
        value = variables["p"] ** 2
        resultMap.put("square", value)
        ph.save_datasets(variables, ("output", str(value)))
        """,
    )
    project.write(
        "tasks/square/task.xxp",
        """task S { implementation "square/task.py"; define output data output;
          define param p { type Integer; default 2; } }""",
    )
    return project


def experiment(control: str, *spaces: str) -> str:
    return f"{WORKFLOW} experiment E {{ control {{ {control} }} {' '.join(spaces)} }}"


def space(name: str, body: str) -> str:
    return f"space {name} of W {{ {body} task T {{ param p = v; }} }}"


def squares_of(results: dict[str, Any], node: str) -> list[int]:
    return [run["result"]["square"] for run in results[node].values()]


def test_a_grid_runs_each_configuration_and_outputs_never_meet(squares: Project) -> None:
    results = squares.run(
        experiment("START -> A -> END;", space("A", "strategy gridsearch; param_values v = range(4, 6, 2);"))
    )
    assert squares_of(results, "A") == [16, 36]
    assert results["A"]["1"] == results["A"][1]
    assert results["A"][1]["configuration"] == {"v": 4}
    assert results["A"][1]["result"]["T"]["square"] == 16
    files = {path.parent.name: path.read_text() for path in Path("out").glob("*/o.txt")}
    assert sorted(files.values()) == ["16", "36"]
    assert all(name.endswith(("-A-1", "-A-2")) for name in files)
    assert json.loads(json.dumps(results))["A"]["2"]["result"]["square"] == 36


def test_the_end_of_a_range_can_be_left_out_as_in_the_old_engine(squares: Project) -> None:
    text = experiment("START -> A -> END;", space("A", "strategy gridsearch; param_values v = range(1, 3);"))
    assert squares_of(squares.run(text, inclusive=False), "A") == [1, 4]


def test_a_random_search_draws_the_same_for_the_same_seed(squares: Project) -> None:
    text = experiment("A;", space("A", "strategy randomsearch; runs = 2; param_values v = range(1, 50);"))
    first, again, other = (squares_of(squares.run(text, seed=seed), "A") for seed in (1, 1, 2))
    assert len(set(first)) == 2
    assert first == again != other


def test_a_single_run_takes_the_defaults(squares: Project) -> None:
    results = squares.run(experiment("A;", "space A of W { strategy singlerun; }"))
    assert squares_of(results, "A") == [1]


def test_filters_and_generators_come_from_the_configurations_module(squares: Project) -> None:
    squares.write(
        "configurations.py",
        """
        def odd(all):
            return [each for each in all if each["v"] % 2]

        def more():
            return [{"v": 10}]
        """,
    )
    text = experiment(
        "A;", space("A", 'strategy gridsearch; param_values v = range(1, 4); filter "odd"; generator "more";')
    )
    assert squares_of(squares.run(text), "A") == [1, 9, 100]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def odd(all):\n    return []\n", "has no configuration"),
        ("def odd(all):\n    return all[99]\n", "IndexError"),
    ],
)
def test_an_empty_space_is_an_error_before_anything_runs(squares: Project, code: str, said: str) -> None:
    squares.write("configurations.py", code)
    spaces = [
        space("A", "strategy gridsearch; param_values v = enum(1);"),
        space("B", 'strategy gridsearch; param_values v = enum(1); filter "odd";'),
    ]
    with pytest.raises(DSLError, match=said):
        squares.run(experiment("START -> A -> B -> END;", *spaces))
    assert squares.ran == []


@pytest.mark.parametrize(
    ("generated", "said"),
    [
        ('{"v": 11}', "11 in {'v': 11} is outside the domain of T.p"),
        ('{"v": "x"}', "no value of the type that the task declares"),
        ('{"vv": 1}', "'vv' in {'vv': 1} is no variability point"),
    ],
)
def test_what_a_generator_says_is_held_to_what_is_declared_before_anything_runs(
    squares: Project, generated: str, said: str
) -> None:
    squares.write("configurations.py", f"def more():\n    return [{generated}]\n")
    declared = squares.root / "tasks/square/task.xxp"
    declared.write_text(declared.read_text().replace("default 2;", "default 2; range (1, 10);"))
    text = experiment("A;", space("A", 'strategy gridsearch; param_values v = enum(1); generator "more";'))
    with pytest.raises(DSLError) as caught:
        squares.run(text)
    assert said in str(caught.value)
    assert squares.ran == []


def test_a_condition_that_its_function_cannot_take_is_refused_before_anything_runs(squares: Project) -> None:
    squares.write(
        "conditions.py", "beyond = lambda space, limit, results: True  # pxw check does not see what it takes\n"
    )
    spaces = (space(name, "strategy gridsearch; param_values v = enum(3);") for name in "AB")
    with pytest.raises(DSLError, match="cannot be called: missing a required argument: 'results'"):
        squares.run(experiment('START -> A; A ?-> B { condition "beyond A"; };', *spaces))
    assert squares.ran == []


def test_a_space_that_no_link_leads_to_does_not_run(squares: Project) -> None:
    spaces = (space(name, "strategy gridsearch; param_values v = enum(3);") for name in "AB")
    assert list(squares.run(experiment("START -> A -> END;", *spaces))) == ["A"]


@pytest.mark.parametrize(
    ("condition", "nodes"),
    [
        ("results['A'][1]['result']['output'] == '9'", ["A", "B"]),
        ("int(results['A']['1']['result']['T']['output']) < 9", ["A"]),
        ("beyond A 8", ["A", "B"]),
        ("beyond A 9", ["A"]),
    ],
)
def test_a_condition_on_results_decides_whether_a_space_runs(
    squares: Project, condition: str, nodes: list[str]
) -> None:
    squares.write(
        "conditions.py",
        "def beyond(space, limit, results):\n    return results[space][1]['result']['square'] > int(limit)\n",
    )
    text = experiment(
        f'START -> A; A ?-> B {{ condition "{condition}"; }}; B -> END;',
        space("A", "strategy gridsearch; param_values v = enum(3);"),
        space("B", "strategy gridsearch; param_values v = enum(4);"),
    )
    assert list(squares.run(text)) == nodes


def test_scripts_see_the_results_of_earlier_runs_and_an_experiment_task_runs_once(squares: Project) -> None:
    squares.script(
        "sum",
        """
        runs = ph.get_experiment_results()["A"]
        resultMap.put("sum", sum(run["result"]["square"] for run in runs.values()))
        assert runs[1] == runs["1"]
        """,
    )
    text = experiment(
        "START -> A -> Sum -> END;",
        space("A", "strategy gridsearch; param_values v = range(1, 3);"),
        'task Sum { implementation "sum"; }',
    )
    results = squares.run(text)
    assert results["Sum"][1]["result"]["sum"] == 14
    assert results["Sum"][1]["configuration"] == {}


def test_spaces_side_by_side_both_run_before_what_joins_them(squares: Project) -> None:
    spaces = [space(name, "strategy gridsearch; param_values v = enum(1);") for name in "ABC"]
    results = squares.run(experiment("START -> (A || B) -> C -> END;", *spaces))
    assert set(results) == {"A", "B", "C"}
    assert list(results)[-1] == "C"


def test_a_run_is_found_by_its_number_as_a_number_or_as_text() -> None:
    runs = Runs({"1": "x"})
    assert (runs[1], runs["1"], runs.get("2"), 1 in runs, "2" in runs) == ("x", "x", None, True, False)
    with pytest.raises(KeyError):
        runs[2]


def test_an_experiment_runs_on_prefect(on_prefect: Project) -> None:
    on_prefect.script(
        "square", 'resultMap.put("square", int(variables["p"]) ** 2); ph.save_datasets(variables, ("output", "x"))'
    )
    results = on_prefect.run(experiment("A;", space("A", "strategy gridsearch; param_values v = enum(3, 5);")))
    assert squares_of(results, "A") == [9, 25]


# Side by side ---------------------------------------------------------------------------------------------------------

MEETING = """
from pathlib import Path
met = Path("ROOT/met")
met.mkdir(exist_ok=True)
(met / variables["p"]).touch()
until = time.time() + 60
while {each.name for each in met.iterdir()} != set(variables["all"].split()):
    assert time.time() < until, "somebody did not come"
    time.sleep(0.02)
if variables["p"] == "1":
    time.sleep(0.5)  # the first one ends last
resultMap.put("p", variables["p"])
ph.save_datasets(variables, ("output", variables["p"]))
"""


def meeting(project: Project, everybody: str) -> str:
    """A workflow whose task ends only when those of all runs have begun."""
    project.script("square", MEETING.replace("ROOT", str(project.root)))
    return WORKFLOW.replace("param p = 1;", f'param p = 1; param all = "{everybody}";')


def _three_at_a_time(project: Project) -> None:
    workflow = meeting(project, "1 2 3")
    three = space("A", "strategy gridsearch; param_values v = range(1, 3);")
    text = f"{workflow} experiment E {{ control {{ A; }} {three} }}"
    results = project.run(text, parallel=3)
    assert [run["result"]["p"] for run in results["A"].values()] == ["1", "2", "3"]
    assert sorted(path.read_text() for path in Path("out").glob("*/o.txt")) == ["1", "2", "3"]


def test_runs_of_a_space_go_on_side_by_side_and_their_results_are_in_order(project: Project) -> None:
    _three_at_a_time(project)


def test_they_do_so_on_prefect(on_prefect: Project) -> None:
    _three_at_a_time(on_prefect)


def test_independent_nodes_run_side_by_side(project: Project) -> None:
    workflow = meeting(project, "1 2")
    spaces = [space(name, f"strategy gridsearch; param_values v = enum({v});") for name, v in (("A", 1), ("B", 2))]
    results = project.run(f"{workflow} experiment E {{ control {{ START -> (A || B) -> END; }} {' '.join(spaces)} }}")
    assert list(results) == ["A", "B"]


@pytest.mark.parametrize("parallel", [1, 3])
def test_a_failing_run_fails_the_experiment_and_the_results_of_the_others_are_kept(
    squares: Project, parallel: int
) -> None:
    squares.script(
        "square",
        """
        if variables["p"] == 2:
            time.sleep(0.5)
            raise ValueError("no twos")
        ph.save_datasets(variables, ("output", "x"))
        """,
    )
    spaces = [
        space("A", "strategy gridsearch; param_values v = range(1, 3);"),
        space("B", "strategy gridsearch; param_values v = enum(5);"),
    ]
    with pytest.raises(ScriptError, match="no twos") as caught:
        squares.run(experiment("START -> A -> B -> END;", *spaces), parallel=parallel)
    assert caught.value.at.startswith("run 2 of A, with {'v': 2}, ")
    (kept,) = caught.value.details[-1:]
    results = json.loads(Path(kept.rpartition(": ")[2]).read_text())
    assert list(results) == ["A"]
    assert list(results["A"]) == (["1"] if parallel == 1 else ["1", "3"])
    assert results["A"]["1"]["configuration"] == {"v": 1}


def test_all_failures_of_runs_side_by_side_are_told(squares: Project) -> None:
    squares.script("square", "time.sleep(0.3); raise ValueError(variables['p'])")
    text = experiment("A;", space("A", "strategy gridsearch; param_values v = range(1, 2);"))
    with pytest.raises(ScriptError) as caught:
        squares.run(text, parallel=2)
    assert {"ValueError: 1", "ValueError: 2"} <= set(re.findall(r"ValueError: \d", str(caught.value)))


def test_a_condition_that_cannot_be_decided_fails_and_keeps_the_results(squares: Project) -> None:
    text = experiment(
        'START -> A; A ?-> B { condition "nothing > 1"; };',
        *(space(name, "strategy gridsearch; param_values v = enum(3);") for name in "AB"),
    )
    with pytest.raises(DSLError, match="NameError") as caught:
        squares.run(text)
    assert "results of the runs that ended well (A: 1): " in str(caught.value)
