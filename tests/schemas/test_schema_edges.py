"""Edges judged by recorded columns, before any data is there."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from pxw.schemas import Coerce, columns_of, compile_schema, fit, mismatches


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid")
    age: float | None
    name: str
    note: str = Field("", max_length=9)


GOOD = {"age": "double", "name": "string", "note": "string"}


def test_what_fits_has_no_mismatches():
    assert mismatches(GOOD, compile_schema(Row)) == []
    assert (
        mismatches({"age": "float", "name": "dictionary<values=string, indices=int8, ordered=0>"}, compile_schema(Row))
        == []
    )


def test_a_schema_fits_its_own_columns():
    schema = compile_schema(Row)
    assert mismatches(schema.columns, schema, "strict") == []


def test_missing_and_unexpected_columns_are_named_with_the_nearest():
    assert mismatches({"agee": "double", "name": "string"}, compile_schema(Row)) == [
        "column 'age': there is no such column: did you mean 'agee'?",
        "column 'agee': 'Row' allows no such column: did you mean 'age'?",
    ]


def test_types_that_no_cast_joins_are_named():
    assert mismatches(GOOD | {"name": "int64"}, compile_schema(Row)) == [
        "column 'name': int64, where string is expected"
    ]


def test_a_cast_that_may_work_is_left_to_the_data():
    assert mismatches(GOOD | {"age": "string"}, compile_schema(Row)) == []
    assert mismatches(GOOD | {"age": "null"}, compile_schema(Row), "strict") == []


@pytest.mark.parametrize(("coerce", "number"), [("safe", 0), ("strict", 1), ("off", 0)])
def test_the_policy_decides(coerce: Coerce, number: int):
    assert len(mismatches(GOOD | {"age": "int64"}, compile_schema(Row), coerce)) == number


def test_types_without_words_are_left_to_the_data():
    assert mismatches(GOOD | {"name": "extension<arrow.uuid>"}, compile_schema(Row)) == []


KINDS = st.sampled_from(
    [
        *[
            pa.null(),
            pa.bool_(),
            pa.int32(),
            pa.float64(),
            pa.string(),
            pa.date32(),
            pa.timestamp("us"),
            pa.timestamp("us", "UTC"),
        ],
        *[
            pa.time64("us"),
            pa.duration("us"),
            pa.decimal128(9, 2),
            pa.binary(),
            pa.list_(pa.int64()),
            pa.list_(pa.float64()),
        ],
        *[pa.struct([("a", pa.int64())]), pa.struct([("a", pa.float64())]), pa.map_(pa.string(), pa.int64())],
        *[pa.dictionary(pa.int8(), pa.string()), pa.large_string(), pa.string_view(), pa.list_(pa.int64(), 2)],
    ]
)


@given(KINDS, KINDS, st.sampled_from(["safe", "strict", "off"]))
def test_an_edge_is_refused_exactly_if_an_empty_table_would_be(
    given_kind: pa.DataType, wanted: pa.DataType, coerce: Coerce
):
    produced, consumer = pa.schema([("x", given_kind)]), compile_schema(pa.schema([("x", wanted)]))
    faults = fit(produced.empty_table(), consumer, coerce)[1]
    if not pa.types.is_null(given_kind):
        assert bool(mismatches(columns_of(produced), consumer, coerce)) == bool(faults)
    nulls = pa.table({"x": pa.nulls(2, given_kind)})
    assert [fault.rule for fault in fit(nulls, consumer, coerce)[1]] == [fault.rule for fault in faults]
