"""`variables` and `resultMap`: what they hold, and who sees what was put there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pxw
from pxw.compat import Job, place_in_run
from pxw.errors import ScriptError
from pxw.specs import DDM, Local, Ref
from tests.compat.conftest import Runner


def test_parameters_arrive_with_their_types_and_the_mappings_answer_every_question(script: Runner) -> None:
    script(
        """
        assert (variables["n"], variables.get("rate"), variables.get("name")) == (3, 0.5, "x")
        assert variables["flag"] is True and variables["none"] is None and variables["many"] == [1, "a"]
        assert "n" in variables and "m" not in variables
        assert variables.get("m") is None and variables.get("m", 7) == 7
        assert dict(variables.items())["n"] == 3 and 3 in list(variables.values())
        variables.put("new", 1)
        resultMap.put("r", 2)
        resultMap["s"] = 3
        assert variables["new"] == 1 and (resultMap["r"], resultMap.get("s")) == (2, 3)
        """,
        parameters={"n": 3, "rate": 0.5, "name": "x", "flag": True, "none": None, "many": [1, "a"]},
    )


def test_the_old_systems_own_keys_are_there(script: Runner) -> None:
    raw = script.write("raw.csv", b"")
    outcome = script(
        "variables['all'] = {key: variables[key] for key in list(variables)}",
        name="Train",
        key="t7",
        job=Job(workflow="W", id="w1", previous="Read"),
        inputs={"raw": raw, "between": Ref(value=1, format="json")},
        outputs={},
        parameters={"epochs": "3"},
    )
    assert outcome.variables["all"] == {
        "PA_JOB_ID": "w1",
        "PA_JOB_NAME": "W",
        "PA_TASK_ID": "t7",
        "PA_TASK_NAME": "Train",
        "PREVIOUS_TASK_ID": "Read",
        "wf_id": "w1",
        "workflow_id": "w1",
        "task_name": "Train",
        "dependent_modules_folders": "",
        "raw": str(raw),
        "epochs": "3",
    }


def test_what_a_task_puts_is_seen_by_the_next_one_whatever_it_is(script: Runner) -> None:
    first = script(
        """
        variables.put("number", 1.5)
        variables["tuple"] = (1, {2})
        resultMap.put("nested", {"a": [1, None]})
        resultMap["text"] = "é"
        """
    )
    assert first.variables["number"] == 1.5
    assert isinstance(first.variables["tuple"], Ref)
    assert pxw.load(first.variables["tuple"]) == (1, {2})
    assert first.result_map == {"nested": {"a": [1, None]}, "text": "é"}
    second = script(
        """
        assert variables["number"] == 1.5 and variables.get("tuple") == (1, {2})
        assert resultMap["nested"] == {"a": [1, None]} and resultMap["text"] == "é"
        resultMap["nested"]["a"].append(2)
        """,
        job=Job(variables=first.variables, result_map=first.result_map),
    )
    assert second.variables == {}
    assert second.result_map == {"nested": {"a": [1, None, 2]}}


def test_numbers_of_numpy_are_numbers(script: Runner) -> None:
    outcome = script(
        "import numpy as np\nresultMap.put('f', np.float32(0.5))\nresultMap.put('i', np.int64(3))\n"
        "resultMap.put('a', np.arange(2))"
    )
    assert (outcome.result_map["f"], outcome.result_map["i"]) == (0.5, 3)
    assert np.array_equal(pxw.load(outcome.result_map["a"]), [0, 1])


def test_a_metric_that_is_no_number_survives(script: Runner) -> None:
    outcome = script("resultMap.put('loss', float('nan'))")
    assert np.isnan(outcome.result_map["loss"])
    script("assert resultMap['loss'] != resultMap['loss']", job=Job(result_map=outcome.result_map))


def test_an_unknown_variable_names_the_nearest(script: Runner) -> None:
    with pytest.raises(ScriptError, match=r"variables has no 'epoch': did you mean 'epochs'\?"):
        script("variables['epoch']", parameters={"epochs": 1})


def test_a_value_that_nobody_asks_for_need_not_be_readable(script: Runner) -> None:
    first = script("class Own: pass\nvariables['own'] = Own()\nvariables['n'] = 1")
    script("assert variables['n'] == 1", job=Job(variables=first.variables))


def test_a_save_notes_its_place_where_a_result_map_was_given(script: Runner) -> None:
    outcome = script(
        "import proactive_helper as ph\nph.save_dataset(variables, resultMap, 'a', b'')\n"
        "ph.save_datasets(variables, ('b', 1))"
    )
    assert outcome.result_map == {"a": outcome.outputs["a"].place}


def test_the_place_of_an_output_carries_the_runs_id(script: Runner, tmp_path: Path) -> None:
    for wf in ("w1", "w2"):
        job = Job(id=wf, experiment="e", experiment_id="1")
        places = {name: place_in_run(Local(f"results/{name}"), job, "T") for name in ("out.csv", "figures/")}
        script(
            """
            import os, proactive_helper as ph
            ph.save_dataset(variables, "out.csv", variables["wf_id"])
            assert variables["out.csv"].endswith(os.path.join("results", variables["wf_id"], "out.csv"))
            open(ph.get_file_path(variables, "figures/", "one.png"), "w").write("1")
            """,
            outputs=places,
            job=job,
        )
    assert (tmp_path / "results/w1/out.csv").read_text() == "w1"
    assert (tmp_path / "results/w2/out.csv").read_text() == "w2"
    assert (tmp_path / "results/figures/w1/one.png").exists()
    placed = place_in_run(DDM(project="models", name="m.pkl"), Job(id="w1", experiment="e", experiment_id="1"), "T")
    assert placed == DDM(project="e/1/w1/output/T/models", name="m.pkl")


# Before the script ----------------------------------------------------------------------------------------------------


def test_a_pre_script_runs_first_with_the_same_variables(script: Runner) -> None:
    before = script.write(
        "before.py", "variables.put('a', 1)\nhidden = 2\nimport sys\nsys.path.append('x')\nsys.exit(0)\n"
    )
    outcome = script(
        """
        import sys
        assert sys.path[-1] == "x"
        assert "hidden" not in globals()
        resultMap.put("b", variables["a"] + 1)
        """,
        pre_script=before,
    )
    assert (outcome.variables, outcome.result_map) == ({"a": 1}, {"b": 2})


def test_a_failing_pre_script_fails_the_task_with_its_own_line(script: Runner) -> None:
    before = script.write("before.py", "x = 1\n1 / x.real - 1 / 0\n")
    with pytest.raises(ScriptError) as caught:
        script("print('ran')", pre_script=before)
    assert caught.value.at == f"{before}:2"
    assert "ran" not in script.text
    with pytest.raises(ScriptError, match=r"there is no script .*nowhere\.py"):
        script("print('ran')", pre_script=before.with_name("nowhere.py"))
