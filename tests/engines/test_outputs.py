"""`pxw.outputs`: one of several outputs goes on to the next task while its own task still runs."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import pytest
from prefect.cache_policies import INPUTS

import pxw
from pxw.errors import ArgumentError
from pxw.importing import inline


class Halves(NamedTuple):
    left: str
    right: str


@pytest.fixture(autouse=True)
def _on_prefect(prefect_server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PXW_HOME", str(tmp_path / "home"))


def halves_when(ready: threading.Event, **options: Any) -> Any:
    @pxw.task(outputs=["left", "right"], **options)
    def halves(text: str) -> Halves:
        assert ready.wait(60)
        return Halves(text[:2], text[2:])

    return halves


@pxw.task(outputs=["loud"])
def shout(text: str) -> str:
    return text.upper()


@pxw.task(outputs=["all"])
def joined(texts: list[str]) -> str:
    return "+".join(texts)


def test_what_takes_an_output_is_submitted_while_its_maker_runs_and_what_comes_later_is_not_held_up() -> None:
    ready = threading.Event()
    halves = halves_when(ready)

    @pxw.flow
    def both() -> list[Any]:
        parts = pxw.outputs(halves.submit("abcd"))
        loud, whole = shout.submit(parts.right), joined.submit([parts.left, parts.right])
        also = joined.with_options(name="also").map([[parts.left], ["x"]]) if ready.is_set() else None
        ready.set()  # nothing above has waited
        assert also is None
        return [pxw.load(each) for each in (loud, whole, parts.left)]

    assert both() == ["CD", "ab+cd", "ab"]


def test_a_maker_that_fails_fails_the_flow_and_nothing_runs_after_it() -> None:
    @pxw.task(outputs=["left", "right"])
    def broken() -> Halves:
        raise ValueError("no halves")

    ran = []

    @pxw.task
    def after(text: str) -> None:
        ran.append(text)

    @pxw.flow
    def both() -> None:
        after.submit(pxw.outputs(broken.submit()).left)

    with pytest.raises(Exception, match="no halves"):
        both()
    assert not ran


def test_an_output_that_the_task_does_not_have_is_named_beside_those_that_it_has() -> None:
    ready = threading.Event()
    ready.set()
    halves = halves_when(ready)

    @pxw.flow
    def both() -> None:
        shout.submit(pxw.outputs(halves.submit("abcd")).rihgt).result()  # type: ignore[attr-defined]

    with pytest.raises(ArgumentError, match=r"no output 'rihgt'[^?]*did you mean 'right'"):
        both()


def test_one_output_alone_is_its_future() -> None:
    @pxw.flow
    def one() -> None:
        shout.submit(pxw.outputs(shout.submit("a")).loud).result()

    with pytest.raises(ArgumentError, match="hand on its future"):
        one()


def test_a_cache_knows_an_output_by_its_content() -> None:
    calls = []
    ready = threading.Event()
    ready.set()
    halves = halves_when(ready)

    @pxw.task(outputs=["loud"], cache_policy=INPUTS, persist_result=True)
    def counted(text: str) -> str:
        calls.append(text)
        return text.upper()

    @pxw.flow
    def twice() -> None:
        for _ in range(2):
            counted.submit(pxw.outputs(halves.submit("abcd")).left).result()

    twice()
    assert calls == ["ab"]


def test_without_prefect_the_outputs_are_there_at_once() -> None:
    with inline():

        @pxw.task(outputs=["left", "right"])
        def cut(text: str) -> Halves:
            return Halves(text[:1], text[1:])

        @pxw.task(outputs=["loud"])
        def loud(text: str) -> str:
            return text.upper()

        @pxw.flow
        def both() -> str:
            return pxw.load(loud.submit(pxw.outputs(cut.submit("abc")).right))  # type: ignore[no-any-return]

        assert both() == "BC"
