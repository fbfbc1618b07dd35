"""Grids, samples and runs: what experiments are written with."""

from __future__ import annotations

import json
import pickle
from contextvars import ContextVar
from pathlib import Path
from threading import Barrier, Event
from time import sleep
from typing import Any

import numpy as np
import pytest

import pxw
from pxw.errors import ArgumentError, DSLError
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


class Loud:
    """An object of a package that need not be here: to load it would be heard."""

    loaded: list[str] = []  # noqa: RUF012 - it tells of all of them

    def __reduce__(self) -> tuple[Any, ...]:
        return Loud.loaded.append, ("loaded",)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"auc": [0.5, None, True]}, {"auc": [0.5, None, True]}),
        (np.float64(0.5), 0.5),
        (np.bool_(True), True),
        ({1, 2}, None),
        (Loud(), None),
        ([Loud()], None),
        (np.arange(3), None),
    ],
)
def test_small_objects_are_told_themselves_and_no_others_are_loaded(tmp_path: Path, value: Any, told: Any) -> None:
    path = tmp_path / "value.pkl"
    path.write_bytes(pickle.dumps(value))
    ref = Ref(place=str(path), format="pickle", size=path.stat().st_size, task="A", output="x")
    assert pxw.results(ref)["x"] == (str(path) if told is None else told)
    assert Loud.loaded == []


def test_runs_side_by_side_are_counted_in_the_order_of_their_configurations() -> None:
    together, runs = Barrier(2, timeout=30), pxw.Runs()

    def flow(n: int) -> int:
        together.wait()
        sleep(0.02 * (4 - n))
        return n

    with runs.parallel(2) as submit:
        for configuration in pxw.grid(n=[0, 1, 2, 3]):
            submit(configuration, flow, n=configuration["n"])
    assert [(number, run["configuration"]["n"], run["result"]) for number, run in runs.items()] == [
        ("1", 0, 0), ("2", 1, 1), ("3", 2, 2), ("4", 3, 3),
    ]  # fmt: skip


@pytest.mark.parametrize("most", [1, 2])
def test_a_run_that_fails_ends_the_block_and_no_other_is_begun(most: int) -> None:
    runs, begun = pxw.Runs(), []

    def flow(n: int) -> int:
        begun.append(n)
        if n == 1:
            raise ValueError("one is too much")
        sleep(0.1)
        return n

    with pytest.raises(ValueError, match="one is too much"), runs.parallel(most) as submit:  # noqa: PT012 - it is the block that raises
        for n in range(50):
            submit({"n": n}, flow, n)
    assert [run["result"] for run in runs.values()] == [n for n in begun if n != 1]
    assert len(begun) < 5


@pytest.mark.parametrize("most", [1, 2])
def test_a_failure_says_of_which_run_it_is(most: int) -> None:
    def flow(error: Exception) -> None:
        raise error

    for error in (ValueError("no"), DSLError("no", at="w.xxp:3")):
        with pytest.raises((ValueError, DSLError)) as told, pxw.Runs().parallel(most) as submit:
            submit({"n": 4}, flow, error)
        said = told.value.at if isinstance(told.value, DSLError) else told.value.__notes__[0]
        assert said.startswith("run 1, with {'n': 4}")


def test_a_run_sees_the_context_of_the_block() -> None:
    word, runs = ContextVar("word", default=""), pxw.Runs()
    word.set("here")
    with runs.parallel(2) as submit:
        submit({}, word.get)
    assert runs[1]["result"] == "here"


def test_an_error_in_the_block_itself_is_raised_at_once() -> None:
    ready = Event()
    with pytest.raises(ZeroDivisionError), pxw.Runs().parallel(2) as submit:  # noqa: PT012 - as above
        submit({}, ready.wait, 60)
        1 / 0  # noqa: B018 - it fails
    ready.set()


def test_less_than_one_run_at_a_time_is_refused() -> None:
    with pytest.raises(ArgumentError, match="0 runs at a time"), pxw.Runs().parallel(0):
        pass
