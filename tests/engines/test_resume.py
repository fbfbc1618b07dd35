"""A run that is executed again goes on from what its earlier attempts finished."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import pxw
from pxw.errors import OutputError, RunningError
from pxw.runs import folder_of, open_run
from pxw.settings import load_settings
from tests.engines.conftest import Engine

RAN: list[str] = []


class StopError(Exception):
    pass


def stop_once(name: str = "stopped") -> None:
    """Fail the first time."""
    if not Path(name).exists():
        Path(name).touch()
        raise StopError(name)


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()


@pytest.fixture
def attempt(engine: Engine) -> Callable[..., Any]:
    """Run a flow's function as attempts of one run: with Prefect as its retries, inline by the run's id."""

    def run(body: Callable[[], Any], times: int = 2) -> Any:
        if engine.name == "prefect":
            return engine.flow(name="attempted", retries=times - 1)(body)()
        flow = engine.flow(name="attempted")(body).with_options(run_id="run-1")
        for _ in range(times - 1):
            with pytest.raises(StopError):
                flow()
            RAN.append("again")
        return flow()

    return run


def ran() -> list[str]:
    return [name for name in RAN if name != "again"]


def folder() -> Path:
    (found,) = (load_settings().home / "runs").iterdir()
    return found


def events(kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder() / "journal.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == kind]


def test_finished_tasks_are_not_run_again_and_give_the_same(engine, attempt):
    @engine.task(outputs=["table"])
    def make(size: int) -> pd.DataFrame:
        RAN.append(f"make {size}")
        return pd.DataFrame({"a": range(size)})

    @engine.task(outputs={"doubled": pxw.Local("doubled.csv"), "count": pxw.Dataset()})
    def double(table: pd.DataFrame):
        RAN.append("double")
        return table * 2, len(table)

    @engine.task
    def measure(doubled: pd.DataFrame, count: int) -> dict:
        RAN.append("measure")
        return {"sum": int(doubled["a"].sum()), "count": count}

    def body():
        made = double(make(4))
        measured = measure(made.doubled, made.count)
        stop_once()
        return measured, pxw.load(made.doubled)["a"].tolist()

    assert attempt(body) == ({"sum": 12, "count": 4}, [0, 2, 4, 6])
    assert ran() == ["make 4", "double", "measure"]
    assert [event["task"] for event in events("reused")] == ["make", "double", "measure"]


def test_of_equal_calls_as_many_are_reused_as_were_finished(engine, attempt):
    @engine.task(outputs=["number"])
    def draw() -> int:
        RAN.append("draw")
        return len(ran())

    def body():
        first = [draw(), draw()]
        stop_once()
        return sorted(map(pxw.load, [*first, draw()]))

    assert attempt(body) == [1, 2, 3]


def test_what_changed_meanwhile_runs_again_with_all_that_depends_on_it(engine, attempt, tmp_path):
    Path("in.csv").write_text("a\n1\n")
    Path("other.csv").write_text("a\n7\n")
    os.utime("in.csv", (1, 1))
    time.sleep(0.05)

    @engine.task(inputs=["table"], outputs=["table"])
    def read(table: pd.DataFrame) -> pd.DataFrame:
        RAN.append(f"read {table['a'][0]}")
        return table

    @engine.task(outputs=["total"])
    def total(table: pd.DataFrame) -> int:
        RAN.append("total")
        return int(table["a"].sum())

    def body():
        totals = [pxw.load(total(read(pxw.Local(name)))) for name in ("in.csv", "other.csv")]
        if not Path("stopped").exists():
            Path("in.csv").write_text("a\n2\n")
            os.utime("in.csv", (1, 1))  # as large and as old as before
        stop_once()
        return totals

    assert attempt(body) == [2, 7]
    assert ran() == ["read 1", "total", "read 7", "total", "read 2", "total"]


def test_an_output_that_was_altered_or_removed_is_made_again(engine, attempt):
    @engine.task(outputs={"out": pxw.Local("out.json")})
    def write() -> dict:
        RAN.append("write")
        return {"a": 1}

    def body():
        ref = write()
        if not Path("stopped").exists():
            Path("out.json").write_text('{"a": 2}')
        stop_once()
        return pxw.load(ref)

    assert attempt(body) == {"a": 1}
    assert ran() == ["write", "write"]


def test_a_result_that_json_does_not_hold_makes_its_task_run_again(engine, attempt):
    @engine.task
    def make() -> Any:
        RAN.append("make")
        return {1, 2}

    @engine.task
    def small() -> Any:
        RAN.append("small")
        return ["a", (1, None), {"b": 0.5}]

    def body():
        found = make(), small()
        stop_once()
        return found

    assert attempt(body) == ({1, 2}, ["a", (1, None), {"b": 0.5}])
    assert ran() == ["make", "small", "make"]


def test_an_argument_that_nothing_tells_from_others_makes_its_task_run_again(engine, attempt):
    lock = threading.Lock()

    @engine.task(outputs=["x"])
    def take(thing: Any, factor: float) -> float:
        RAN.append(f"take {factor}")
        return factor

    def body():
        take(lock, 1.0)
        take([1, "a", {"b": (None, True)}], 2.0)
        stop_once()

    attempt(body)
    assert ran() == ["take 1.0", "take 2.0", "take 1.0"]


def test_two_outputs_to_one_place_are_refused_in_a_later_attempt_too(engine, attempt):
    @engine.task(outputs={"x": pxw.Local("x.json")})
    def write(number: int) -> int:
        return number

    def body():
        write(1)
        stop_once()
        write(2)

    with pytest.raises(OutputError, match="two outputs of this run"):
        attempt(body)


def test_a_subflow_goes_on_from_what_it_finished_too(engine, attempt):
    @engine.task(outputs=["x"])
    def work(number: int) -> int:
        RAN.append(f"work {number}")
        return number

    @engine.flow
    def inner(number: int) -> Any:
        ref = work(number)
        if number == 2:
            stop_once()
        return pxw.load(ref)

    assert attempt(lambda: [inner(1), inner(1), inner(2)]) == [1, 1, 2]
    assert ran() == ["work 1", "work 1", "work 2"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Prefect leaves sockets open
def test_an_async_flow_and_its_tasks_too(engine, event_loop_ends):
    import asyncio

    @engine.task(outputs=["x"])
    async def work(number: int) -> int:
        RAN.append(f"work {number}")
        return number

    async def body() -> Any:
        ref = await work(3)
        stop_once()
        return pxw.load(ref)

    if engine.name == "prefect":
        assert asyncio.run(engine.flow(retries=1)(body)()) == 3
    else:
        flow = engine.flow(body).with_options(run_id="run-1")
        with pytest.raises(StopError):
            asyncio.run(flow())
        assert asyncio.run(flow()) == 3
    assert ran() == ["work 3"]


def test_a_run_cannot_go_on_twice_at_once() -> None:
    run = open_run("one", "flow")
    with run.noted(), pytest.raises(RunningError, match="run one is going on"), open_run("one", "other").noted():
        pass


def test_what_a_killed_task_left_in_the_runs_folder_is_removed() -> None:
    run = open_run("one", "flow")
    with run.noted():
        run.note("started", task="a", key="1")
        run.note("finished", task="a", key="1", seconds=0.1)
        run.note("started", task="b", key="2")
        for task, key in [("a", "1"), ("b", "2")]:
            run.target(task, key, "x").parent.mkdir()
    with run.noted():
        pass
    left = {path.name for path in folder_of("one", load_settings()).iterdir() if path.is_dir()}
    assert left == {"a-1"}
