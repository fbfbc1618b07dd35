"""No flow completes while a task of it failed unseen, on Prefect as inline."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from prefect import allow_failure

from pxw.errors import UnseenFailureError

pytestmark = pytest.mark.filterwarnings("ignore:A future was garbage collected")


@pytest.fixture
def tasks(engine: Any) -> Any:
    @engine.task
    def fail(why: str = "no luck") -> int:
        raise ValueError(why)

    @engine.task
    def double(number: Any) -> Any:
        return number if isinstance(number, Exception) else number * 2

    return SimpleNamespace(fail=fail, double=double)


def unseen(engine: Any, body: Any) -> UnseenFailureError | None:
    """What a flow with this body ends with."""
    try:
        engine.flow(name="main")(body)()
    except UnseenFailureError as error:
        return error
    return None


def test_a_flow_fails_if_a_submitted_task_failed_and_nobody_looked(engine, tasks):
    def main():
        tasks.double.submit(1)
        tasks.fail.submit()

    error = unseen(engine, main)
    assert error is not None
    assert "flow 'main'" in error.message
    assert list(error.details) == ["task 'fail': ValueError: no luck"]
    assert isinstance(error.__cause__, ValueError)


def test_all_runs_of_a_mapped_task_that_failed_are_named(engine, tasks):
    error = unseen(engine, lambda: tasks.fail.map([f"reason {number}" for number in range(12)]).wait())
    assert error is not None
    assert error.details[0] == "task 'fail': ValueError: reason 0"
    assert error.details[-1] == "... and 2 more"


def test_the_task_that_failed_is_named_though_only_others_waited_for_it(engine, tasks):
    error = unseen(engine, lambda: tasks.double.submit(tasks.double.submit(tasks.fail.submit())).wait())
    assert error is not None
    assert error.details[0] == "task 'fail': ValueError: no luck"
    assert len(error.details) == 3  # the others did not run


def test_a_task_that_still_runs_when_the_body_ends_is_waited_for(engine):
    @engine.task
    def late():
        time.sleep(0.2)
        raise ValueError("late")

    error = unseen(engine, late.submit)
    assert error is not None
    assert list(error.details) == ["task 'late': ValueError: late"]


def caught(future: Any) -> None:
    with pytest.raises(ValueError, match="no luck"):
        future.result()


LOOKS = {
    "result is asked for, and its error caught": lambda tasks: caught(tasks.fail.submit()),
    "result may fail": lambda tasks: tasks.fail.submit().result(raise_on_failure=False),
    "results of a map may fail": lambda tasks: tasks.fail.map(["a", "b"]).result(raise_on_failure=False),
    "another task takes it as it is": lambda tasks: tasks.double.submit(allow_failure(tasks.fail.submit())).result(),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_failure_that_was_looked_at_is_the_flows_own_business(engine, tasks, look):
    assert unseen(engine, lambda: LOOKS[look](tasks) and None) is None


def test_an_error_that_the_body_raises_is_not_replaced(engine, tasks):
    def main():
        tasks.fail.submit()
        raise KeyError("own")

    with pytest.raises(KeyError, match="own"):
        engine.flow(main)()


def test_a_direct_call_raises_where_it_is_made(engine, tasks):
    def main():
        with pytest.raises(ValueError, match="no luck"):
            tasks.fail()

    assert unseen(engine, main) is None


def test_a_subflow_fails_in_its_callers_hands(engine, tasks):
    @engine.flow(name="inner")
    def inner():
        tasks.fail.submit()

    def main():
        with pytest.raises(UnseenFailureError, match="flow 'inner'"):
            inner()

    assert unseen(engine, main) is None


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_an_async_flow_is_held_to_the_same(engine, tasks, event_loop_ends):
    import asyncio

    async def main():
        tasks.fail.submit()

    async def outcome():
        try:
            await engine.flow(main)()
        except UnseenFailureError as error:
            return list(error.details)  # the error would keep the event loop's sockets

    assert asyncio.run(outcome()) == ["task 'fail': ValueError: no luck"]


# What only Prefect has -----------------------------------------------------------------------------------------------


def test_a_retry_that_succeeds_is_no_failure(quick, tmp_path):
    import pxw

    @pxw.task(retries=1)
    def flaky():
        if not (tmp_path / "tried").exists():
            (tmp_path / "tried").touch()
            raise ValueError("first")

    @pxw.flow
    def main():
        flaky.submit()

    main()
    assert (tmp_path / "tried").exists()


def test_states_count_as_looked_at(quick):
    import pxw

    @pxw.task
    def fail():
        raise ValueError("no")

    @pxw.flow
    def main():
        assert fail.submit(return_state=True).is_failed()
        future = fail.submit()
        future.wait()
        assert future.state.is_failed()

    main()


def test_a_plain_prefect_flow_keeps_prefects_rules(quick):
    import prefect

    import pxw

    @pxw.task
    def fail():
        raise ValueError("no")

    @prefect.flow
    def main():
        fail.submit().wait()
        return 7

    assert main() == 7


def test_futures_of_tasks_that_completed_are_let_go(quick):
    import pxw
    from pxw.runs.unseen import submitted

    @pxw.task
    def work(number):
        return number

    @pxw.flow
    def main():
        assert work.map([1, 2, 3]).result() == [1, 2, 3]
        return list(submitted.get().failures()), vars(submitted.get())

    assert main() == ([], {"_futures": {}})
