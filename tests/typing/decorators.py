"""What a type checker makes of tasks and flows; mypy checks this file, and nobody runs it.

A line that must not type-check carries the ignore that it needs: an ignore that is not needed is an error, too.
"""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Any, NamedTuple, assert_type

import pandas as pd
from prefect import Flow, Task, unmapped
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, PrefectFutureList
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import BaseModel

import pxw
import pxw.engines.prefect.tasks


class Passenger(BaseModel):
    age: float


class Trained(NamedTuple):
    model: dict[str, float]
    predictions: pd.DataFrame


@pxw.task
def bare(number: int) -> str:
    return str(number)


@pxw.task(
    inputs={"dataset": pxw.Local("data/input.csv", schema=Passenger), "other": Passenger},
    outputs={"clean": pxw.Dataset(schema=Passenger)},
    retries=2,
    tags=["clean"],
)
def clean(dataset: pd.DataFrame, other: pd.DataFrame, min_age: float = 0.0) -> pd.DataFrame:
    return dataset


@pxw.task(inputs=["table"], outputs=["model", "predictions"])
def train(table: pd.DataFrame, *, rounds: int = 10) -> Trained:
    return Trained({}, table)


@pxw.task(outputs=["text"])
async def fetch(name: str) -> bytes:
    return name.encode()


@pxw.flow
def bare_flow(raw: pxw.Local | pxw.DDM = pxw.Local("data/input.csv"), times: int = 1) -> pxw.Ref:
    return pxw.save(raw, pxw.Local("out.csv"))


@pxw.flow(name="other", task_runner=ThreadPoolTaskRunner(max_workers=2), retries=1, log_prints=True)
async def async_flow(name: str) -> int:
    return len(await fetch(name))


def genuine() -> None:
    task: Task[[int], str] = bare
    flow: Flow[[str], Coroutine[Any, Any, int]] = async_flow
    assert_type(train.with_options(retries=3, outputs={"model": pxw.Local("m.json")})(pd.DataFrame()), Trained)
    ours: pxw.engines.prefect.tasks.Task[[int], str] = bare.with_options(retries=3)
    flow = async_flow.with_options(retries=3)
    task = ours
    print(task, flow)


def a_call_has_the_functions_own_type(frame: pd.DataFrame) -> None:
    assert_type(bare(1), str)
    assert_type(clean(frame, frame, min_age=3), pd.DataFrame)
    model, predictions = train(clean(frame, frame))
    assert_type(model, dict[str, float])
    assert_type(predictions, pd.DataFrame)
    assert_type(train(frame).predictions, pd.DataFrame)


def edges_are_checked(frame: pd.DataFrame) -> None:
    train(bare(1))  # type: ignore[call-overload]
    train(train(frame).model)  # type: ignore[call-overload]
    bare("one")  # type: ignore[call-overload]
    clean(frame, frame, 3.0, 4.0)  # type: ignore[call-overload]
    clean(frame, frame, min_age=[3.0])  # type: ignore[call-overload]
    train.submit(bare(1))  # type: ignore[call-overload]
    print(train(frame).predicitons)  # type: ignore[attr-defined]


def references_specs_and_futures_stand_for_values(frame: pd.DataFrame, ref: pxw.Ref) -> None:
    assert_type(train(ref), Trained)
    assert_type(train(pxw.Local("x.csv"), rounds=3), Trained)
    assert_type(train(pxw.DDM(project="p", name="x.csv")), Trained)
    assert_type(clean(frame, ref, 3.0), pd.DataFrame)
    assert_type(clean(pxw.Local("x.csv"), frame), pd.DataFrame)
    assert_type(train(clean.submit(frame, frame)), Trained)
    assert_type(train.submit(ref), PrefectFuture[Trained])
    assert_type(train(table=ref, rounds=4), Trained)


def inputs_with_a_place_may_be_left_out(ref: pxw.Ref) -> None:
    assert_type(clean(other=ref, min_age=3.0), pd.DataFrame)
    assert_type(train(), Trained)
    assert_type(train.submit(), PrefectFuture[Trained])


def futures_and_states(frame: pd.DataFrame) -> None:
    assert_type(clean.submit(frame, frame), PrefectFuture[pd.DataFrame])
    assert_type(clean.submit(frame, frame).result(), pd.DataFrame)
    assert_type(train.submit(frame, wait_for=[bare.submit(1)]), PrefectFuture[Trained])
    assert_type(train.submit(frame).result().model, dict[str, float])
    assert_type(bare.map([1, 2]), PrefectFutureList[str])
    assert_type(bare.map([1, 2]).result(), list[str])
    assert_type(clean.map(pxw.Local("in/*.csv"), other=unmapped(frame)), PrefectFutureList[pd.DataFrame])
    assert_type(bare(1, return_state=True), State[str])
    assert_type(bare.submit(1, return_state=True), State[str])


async def coroutines() -> None:
    assert_type(await fetch("a"), bytes)
    assert_type(fetch.submit("a"), PrefectFuture[bytes])
    assert_type(fetch.map(["a", "b"]), PrefectFutureList[bytes])
    assert_type(await async_flow("a"), int)
    fetch.submit(1)  # type: ignore[call-overload]


def options_are_prefects() -> None:
    pxw.task(retries="two")(bare.fn)  # type: ignore[call-overload]
    pxw.task(retires=2)(bare.fn)  # type: ignore[call-overload]
    pxw.task(inputs=3)(bare.fn)  # type: ignore[call-overload]
    bare.with_options(retires=2)  # type: ignore[call-arg]
    pxw.flow(nmae="x")  # type: ignore[call-overload]
    bare_flow.with_options(nmae="x")  # type: ignore[call-arg]


def flows() -> None:
    assert_type(bare_flow(), pxw.Ref)
    assert_type(bare_flow(pxw.DDM(project="p"), times=2), pxw.Ref)
    assert_type(bare_flow(return_state=True), State[pxw.Ref])
    bare_flow(times="two")  # type: ignore[call-overload]
    bare_flow(3)  # type: ignore[call-overload]


def values(ref: pxw.Ref) -> None:
    assert_type(pxw.load(ref, as_=pd.DataFrame), pd.DataFrame)
    assert_type(pxw.load(pxw.Local("x.bin"), as_=bytes), bytes)
    assert_type(pxw.load(ref, as_=Path), Path)
    assert_type(pxw.save(ref, pxw.Local("x.csv")), pxw.Ref)
    pxw.save(ref, "x.csv")  # type: ignore[arg-type]
    pxw.save(ref, pxw.Dataset())  # type: ignore[arg-type]
    pxw.Local("x.csv", formt="csv")  # a spec says at run time which options it knows


def an_item_of_a_reference_is_an_error(ref: pxw.Ref) -> None:
    print(ref["age"])  # type: ignore[index]


def iterating_over_a_reference_is_an_error(ref: pxw.Ref) -> None:
    for _ in ref:  # type: ignore[attr-defined]
        pass
