"""A pxw task in a plain Prefect flow."""

from __future__ import annotations

import prefect
import pytest

import pxw
from pxw.errors import RefTouchedError


@pxw.task(outputs=["pair"])
def pair(n: int) -> dict[str, int]:
    return {"one": n}


@pxw.task
def fails() -> None:
    raise ValueError("no")


def test_its_future_says_how_to_get_the_value(quick: None) -> None:
    @prefect.flow
    def plain() -> int:
        future = pair.submit(1)
        with pytest.raises(RefTouchedError, match=r"this is the future of task 'pair'.*\[\.\.\.\]"):
            future["one"]  # type: ignore[index]  # that is the point
        return int(pxw.load(future)["one"])  # type: ignore[call-overload]  # a future

    assert plain() == 1


def test_a_failure_that_nobody_saw_is_left_to_prefect(quick: None) -> None:
    @prefect.flow
    def plain() -> str:
        fails.submit().wait()
        return "ended"

    assert plain() == "ended"
