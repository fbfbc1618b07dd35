"""What travels through Prefect: closed to Prefect's eyes, and otherwise like a model."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import FrozenInstanceError, is_dataclass
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json

import pxw
from pxw.specs import Csv, Ref

REF = Ref(place="/x.csv", format=Csv(delimiter=";"), rows=3, columns={"a": "int64"}, task="clean", output="table")


class Holder(BaseModel):
    ref: Ref
    refs: list[Ref] = []
    anything: Any = None


def test_prefect_sees_one_value_and_nothing_in_it() -> None:
    from prefect.utilities.collections import visit_collection

    seen: list[Any] = []
    visit_collection({"data": [REF]}, seen.append)
    assert [each for each in seen if not isinstance(each, dict | list)] == ["data", REF]
    assert not is_dataclass(REF)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda ref: pickle.loads(pickle.dumps(ref))])
def test_a_copy_is_equal(way: Any) -> None:
    assert way(REF) == REF
    assert hash(way(REF)) == hash(REF)


def test_its_json_is_that_of_its_fields_wherever_it_stands() -> None:
    held = Holder(ref=REF, refs=[REF], anything=REF)
    for known in (json.loads(to_json(REF)), *(json.loads(held.model_dump_json())[key] for key in ("ref", "anything"))):
        assert TypeAdapter(Ref).validate_python(known) == REF
    assert Holder.model_validate_json(held.model_dump_json()).refs == [REF]
    assert Holder.model_json_schema()["$defs"]["Ref"]["properties"].keys() == vars(REF).keys()


def test_prefects_json_serializer_keeps_it() -> None:
    from prefect.serializers import JSONSerializer

    serializer = JSONSerializer()
    assert serializer.loads(serializer.dumps([REF])) == [REF]


def test_it_does_not_change_and_a_changed_one_is_another() -> None:
    with pytest.raises(FrozenInstanceError, match="place"):
        REF.place = "/y"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="rows"):
        del REF.rows
    changed = REF.changed(rows="7")
    assert (changed.rows, REF.rows) == (7, 3)
    assert changed != REF


@pytest.mark.parametrize("wrong", [{"plaec": "/x"}, {"rows": "many"}])
def test_a_field_that_does_not_exist_or_fit_is_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    for make in (Ref, REF.changed, lambda **facts: TypeAdapter(pxw.Ref).validate_python(facts)):
        with pytest.raises(ValidationError, match=name):
            make(**wrong)
