"""Which failures a task is tried again after."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from prefect.states import Failed
from pydantic import BaseModel

import pxw
from pxw.errors import MissingDataError, PxwError, SchemaError


class Row(BaseModel):
    a: int


@pytest.fixture
def tries(quick: None) -> Callable[..., int]:
    """How often a task runs that fails in some way."""

    def count(error: Exception, **options: Any) -> int:
        ran = []

        @pxw.task(retries=2, **options)
        def fail() -> None:
            ran.append(1)
            raise error

        @pxw.flow
        def failing() -> None:
            fail()

        with pytest.raises(type(error)):
            failing()
        return len(ran)

    return count


@pytest.mark.server
def test_what_cannot_heal_is_not_tried_again(tries, prefect_server):
    assert tries(ValueError("perhaps")) == 3
    assert tries(MissingDataError("not there yet")) == 3
    assert tries(SchemaError("never")) == 1


@pytest.mark.server
def test_only_the_errors_that_are_named_are_tried_again(tries, prefect_server):
    condition = pxw.retry_on(ConnectionError, PxwError)
    assert tries(ConnectionResetError(), retry_condition_fn=condition) == 3
    assert tries(ValueError(), retry_condition_fn=condition) == 1
    assert tries(SchemaError("never"), retry_condition_fn=condition) == 1


def test_one_that_cannot_heal_is_tried_again_where_its_own_class_is_named():
    assert pxw.retry_on(SchemaError)(None, None, Failed(data=SchemaError("flaky source")))
    assert not pxw.retry_on(PxwError)(None, None, Failed(data=SchemaError("no")))


def test_the_condition_crosses_process_borders():
    condition = pxw.retry_on(ConnectionError, TimeoutError)
    assert pickle.loads(pickle.dumps(condition)) == condition


@pytest.mark.server
def test_a_table_that_breaks_its_schema_fails_at_once(quick, prefect_server):
    ran = []

    @pxw.task(outputs={"x": pxw.Dataset(schema=Row)}, retries=5)
    def make() -> pd.DataFrame:
        ran.append(1)
        return pd.DataFrame({"a": ["text"]})

    @pxw.flow
    def making() -> None:
        make()

    with pytest.raises(SchemaError):
        making()
    assert len(ran) == 1
