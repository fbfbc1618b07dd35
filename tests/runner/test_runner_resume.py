"""A run of a graph goes on from the scripts that finished, and chooses the same branches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pxw.errors import PxwError
from tests.runner.conftest import Project

BRANCHING = """workflow W {
  START -> A -> "score > 0.5" ? B : C -> D -> END;
  task A { implementation "a"; } task B { implementation "b"; } task C { implementation "c"; }
  task D { implementation "d"; }
  A.model --> B.model; A.model --> C.model; C.report --> D.report;
}"""
WAITING = """
import os
if not os.path.exists({there!r}):
    raise ValueError("not yet")
"""


def attempts(project: Project, text: str) -> Any:
    """Run it until it fails, let what it waits for be there, and go on."""
    flow = project.flow(text).with_options(run_id="run-1")
    with pytest.raises(PxwError, match="not yet"):
        flow()
    Path("there").touch()
    return flow()


def names(project: Project) -> list[str]:
    return [json.loads(line)[0] for line in (project.root / "trace").read_text().splitlines()]


def waiting(project: Project) -> str:
    return WAITING.format(there=str(project.root / "there"))


def test_scripts_that_finished_are_not_run_again_and_hand_on_the_same(project: Project) -> None:
    project.scripts(
        a='ph.save_datasets(variables, ("model", [1, 2])); resultMap.put("score", 0.3); variables.put("seen", 5)',
        b="pass",
        c='ph.save_datasets(variables, ("report", len(ph.load_datasets(variables, "model"))))',
    )
    project.script(
        "d", waiting(project) + 'assert ph.load_datasets(variables, "report") == 2 and variables["seen"] == 5'
    )
    attempts(project, BRANCHING)
    assert names(project) == ["A", "C", "D"]


def test_a_script_that_was_mended_runs_again_with_what_comes_after_it(project: Project) -> None:
    project.scripts(a='ph.save_datasets(variables, ("model", 1)); resultMap.put("score", 0.3)', b="pass")
    project.script("c", 'ph.save_datasets(variables, ("report", 1))')
    project.script("d", waiting(project))
    flow = project.flow(BRANCHING).with_options(run_id="run-1")
    with pytest.raises(PxwError, match="not yet"):
        flow()
    project.script("c", 'ph.save_datasets(variables, ("report", 2))')
    Path("there").touch()
    flow()
    assert names(project) == ["A", "C", "C", "D"]


def test_an_experiment_goes_on_from_the_runs_that_finished(project: Project) -> None:
    code = 'ph.save_datasets(variables, ("out", variables["p"])); resultMap.put("got", variables["p"])'
    project.script(
        "t", f'if variables["p"] == 2:\n    {waiting(project).strip().replace(chr(10), chr(10) + "    ")}\n{code}'
    )
    project.write(
        "tasks/t/task.xxp",
        't { implementation "t/task.py"; define param p { type Integer; default 0; } }'.replace("t {", "task T {", 1),
    )
    results = attempts(
        project,
        """workflow W { task T { implementation "t"; } }
        experiment E { control { START -> S -> END; }
          space S of W { strategy gridsearch; param_values v = range(1, 3); task T { param p = v; } } }""",
    )
    assert [run["result"]["got"] for run in results["S"].values()] == [1, 2, 3]
    assert sorted(names(project)) == ["T"] * len(names(project))
    assert len(names(project)) == 3
