"""Calls side by side: what a block of them promises."""

from __future__ import annotations

import inspect
from contextvars import ContextVar
from threading import Barrier, Event, current_thread
from typing import TYPE_CHECKING

import pytest

import pxw
from pxw.errors import ArgumentError
from pxw.importing import find_flow, inline
from pxw.walks import Walk
from tests.engines.conftest import without_heartbeats

if TYPE_CHECKING:
    from pathlib import Path


def test_calls_go_on_side_by_side_and_give_their_results() -> None:
    together = Barrier(3, timeout=30)

    def meet(n: int) -> int:
        together.wait()
        return n

    with pxw.parallel() as begin:
        futures = [begin(meet, n) for n in range(3)]
    assert [each.result() for each in futures] == [0, 1, 2]


def test_a_call_sees_the_context_of_its_block() -> None:
    word = ContextVar("word", default="")
    word.set("here")
    with pxw.parallel() as begin:
        found = begin(word.get)
    assert found.result() == "here"


def test_the_first_failure_is_raised_and_no_run_beside_it_is_begun() -> None:
    failed, runs, begun = Event(), pxw.Runs(), []

    def fail() -> None:
        while not begun:
            pass
        raise ValueError("no")

    def run(n: int) -> int:
        begun.append(n)
        assert failed.wait(30)
        return n

    def branch() -> None:
        with runs.parallel(1) as submit:
            for n in range(3):
                submit({"n": n}, run, n)

    with pytest.raises(ValueError, match="no"), pxw.parallel() as begin:  # noqa: PT012 - the block raises
        begin(branch)
        begin(fail).add_done_callback(lambda _: failed.set())
    assert (begun, runs[1]["result"], len(runs)) == ([0], 0, 1)


def test_a_failure_of_a_run_ends_the_blocks_around_it() -> None:
    begun, runs, after = [], pxw.Runs(), []

    def run(n: int) -> None:
        begun.append(n)
        raise KeyError(n)

    def branch() -> None:
        with runs.parallel(2) as submit:
            submit({}, run, 1)
        after.append("never")

    with pytest.raises(KeyError), pxw.parallel() as begin:
        begin(branch)
    assert (begun, after) == ([1], [])


BESIDE = """
from threading import Event

import pxw

ran, began, failed = [], Event(), Event()


@pxw.task
def step(name: str) -> None:
    ran.append(name)


@pxw.flow
def two(name: str) -> None:
    step(f"{name} begins")
    began.set()
    failed.wait(30)
    step(f"{name} ends")


def fail() -> None:
    began.wait(30)
    raise ValueError("no")


def branch() -> None:
    two("first")
    step("of its own")
    two("second")


@pxw.flow
def whole() -> None:
    with pxw.parallel() as begin:
        begin(branch)
        begin(fail).add_done_callback(lambda _: failed.set())
"""


def _goes_on(folder: Path) -> None:
    (folder / "beside.py").write_text(BESIDE)
    flow = find_flow(f"{folder}/beside.py:whole")
    with pytest.raises(ValueError, match="no"):
        flow()
    assert inspect.unwrap(flow.fn).__globals__["ran"] == ["first begins", "first ends"]


def test_a_flow_that_goes_on_comes_to_its_end_and_nothing_is_begun_after_it(tmp_path: Path) -> None:
    with inline():
        _goes_on(tmp_path)


def test_so_it_does_on_prefect(tmp_path: Path, prefect_server: str) -> None:
    with without_heartbeats():
        _goes_on(tmp_path)


AGAIN = """
from threading import Event

import pxw

attempts = []


@pxw.flow(persist_result=True)
def subflow(name: str) -> str:
    return name


@pxw.task(persist_result=True)
def task(name: str) -> str:
    return name


@pxw.flow(retries=1)
def whole() -> dict[str, list[str]]:
    attempts.append(1)
    found, went = {}, Event()
    first, second = ("a", "b") if len(attempts) == 1 else ("b", "a")

    def call(name: str) -> None:
        found[name] = [subflow(name), task(name), task.submit(name).result()]

    def call_after() -> None:
        went.wait(30)
        call(second)

    with pxw.parallel() as begin:
        begin(call, first).add_done_callback(lambda _: went.set())
        begin(call_after)
    if len(attempts) == 1:
        raise ValueError("once more")
    return found
"""


def test_another_attempt_does_not_mix_up_the_results_of_what_went_on_side_by_side(
    tmp_path: Path, prefect_server: str
) -> None:
    """Prefect finds the kept results of an earlier attempt by the order of calls."""
    (tmp_path / "again.py").write_text(AGAIN)
    with without_heartbeats():
        found = find_flow(f"{tmp_path}/again.py:whole")()
    assert found == {"a": ["a"] * 3, "b": ["b"] * 3}


def test_an_error_in_the_block_itself_is_raised_at_once() -> None:
    ready = Event()
    with pytest.raises(ZeroDivisionError), pxw.parallel() as begin:  # noqa: PT012 - as above
        begin(ready.wait, 60)
        1 / 0  # noqa: B018 - it fails
    ready.set()


def test_less_than_one_at_a_time_is_refused() -> None:
    with pytest.raises(ArgumentError, match="0 at a time"), pxw.parallel(0):
        pass


def test_a_check_looks_at_branches_in_order() -> None:
    seen, walk = [], Walk()
    with walk.going(), pxw.parallel() as begin:
        for n in range(50):
            begin(seen.append, (n, current_thread()))
    assert seen == [(n, current_thread()) for n in range(50)]
