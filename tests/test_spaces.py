"""Grids, samples and runs: what experiments are written with."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import pxw
from pxw.errors import ArgumentError
from pxw.specs import Ref


def test_a_grid_is_a_sequence_whose_last_name_changes_fastest() -> None:
    grid = pxw.grid(a=[1, 2], b=["x", "y"])
    assert list(grid) == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]
    assert (len(grid), grid[-1], grid[1:3]) == (4, {"a": 2, "b": "y"}, list(grid)[1:3])
    with pytest.raises(IndexError):
        grid[4]


def test_a_grid_of_nothing_is_one_configuration() -> None:
    assert list(pxw.grid()) == [{}]


def test_a_grid_takes_whatever_can_be_listed() -> None:
    assert len(pxw.grid(a=np.linspace(0, 1, 5), b={"x": 1}, c=(each for each in "ab"))) == 10


@pytest.mark.parametrize("wrong", ["svm", 3, None, [], range(5, 1)])
def test_a_name_without_a_list_of_values_is_refused(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match=r"pxw\.grid: 'model'"):
        pxw.grid(model=wrong)


def test_a_sample_of_a_huge_grid_makes_only_what_it_draws() -> None:
    huge = pxw.grid(a=range(10**6), b=range(10**6), c=range(10**6), d=range(10**6))
    assert len(pxw.sample(huge, 3)) == 3


def test_a_sample_never_repeats_and_the_seed_decides() -> None:
    grid = pxw.grid(a=range(5), b=range(5))
    drawn = pxw.sample(grid, 20, seed=7)
    assert len({tuple(each.items()) for each in drawn}) == 20
    assert drawn == pxw.sample(list(grid), 20, seed=7) != pxw.sample(grid, 20, seed=8)


@pytest.mark.parametrize(("known", "runs"), [([], 2), ([{"a": 1}], 0), ([{"a": 1}], -1)])
def test_a_sample_of_nothing_is_refused(known: list[dict[str, Any]], runs: int) -> None:
    with pytest.raises(ArgumentError, match=r"pxw\.sample"):
        pxw.sample(known, runs)


def test_runs_keep_what_each_was_made_with() -> None:
    configuration = {"a": 1}
    runs = pxw.Runs()
    runs.add(configuration, 0.5)
    configuration["a"] = 2
    runs.add(configuration, 0.7)
    assert json.loads(json.dumps(runs))["2"] == {"configuration": {"a": 2}, "result": 0.7} == runs[2]
    assert runs[1]["configuration"] == {"a": 1}


def test_results_are_told_by_task_and_by_output() -> None:
    refs = Ref(value=1, task="A", output="x"), Ref(place="/far/away.csv", format="csv", task="A", output="y")
    other = Ref(value=2, task="B", output="x")
    assert pxw.results(refs, None, other) == {
        "x": 2,
        "y": "/far/away.csv",
        "A": {"x": 1, "y": "/far/away.csv"},
        "B": {"x": 2},
    }
