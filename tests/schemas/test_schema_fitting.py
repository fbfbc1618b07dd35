"""Tables and streams against a schema: casts, checks, and the words for what is wrong."""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    NaiveDatetime,
    field_validator,
    model_validator,
)

from pxw.errors import SchemaError
from pxw.schemas import Checker, Coerce, Fault, Schema, Unique, compile_schema, fit, schema_error


def naive(*parts: int) -> datetime:
    return datetime(*parts)  # noqa: DTZ001 - times without a zone are what it is about


class Passenger(BaseModel):
    age: float | None = Field(ge=0, le=120)
    fare: float
    ticket: str = Field(pattern=r"^[A-Z]\d+$", max_length=6)
    port: Literal["C", "Q", "S"] | None = None


def passengers(**changes: list[Any]) -> pa.Table:
    good: dict[str, list[Any]] = {"age": [22.0, None, 38.0], "fare": [7.25, 8.0, 71.3], "ticket": ["A1", "B22", "C333"]}
    return pa.table(good | changes)


def words(table: pa.Table, source: object, coerce: Coerce = "safe") -> list[str]:
    return [str(fault) for fault in fit(table, compile_schema(source), coerce)[1]]


def cast(
    values: pa.Array | pa.ChunkedArray | list[Any], to: str, coerce: Coerce = "safe"
) -> tuple[pa.DataType, list[Any], list[str]]:
    table, faults = fit(pa.table({"x": values}), compile_schema({"x": to}), coerce)
    return table.schema.field("x").type, table.column("x").to_pylist(), [str(fault) for fault in faults]


def test_a_table_that_fits_has_no_faults_and_is_not_copied():
    table = passengers()
    fitted, faults = fit(table, compile_schema(Passenger))
    assert faults == []
    assert fitted.equals(table)
    assert fitted.column("fare").chunk(0).buffers()[1].address == table.column("fare").chunk(0).buffers()[1].address


def test_all_faults_come_at_once_by_column_with_rows_and_samples():
    table = pa.table(
        {
            "fare": [1.0, None, float("nan")],
            "age": [-1.0, 130.0, 150.0],
            "ticket": ["A1", "a1", "A1234567"],
            "port": ["C", "X", None],
        }
    )
    assert words(table, Passenger) == [
        "column 'age': 1 of 3 values break ge=0: row 0: -1.0",
        "column 'age': 2 of 3 values break le=120: row 1: 130.0, row 2: 150.0",
        "column 'fare': 2 of 3 values are missing: row 1: None, row 2: nan",
        "column 'ticket': 1 of 3 values break max_length=6: row 2: 'A1234567'",
        "column 'ticket': 1 of 3 values break pattern='^[A-Z]\\\\d+$': row 1: 'a1'",
        "column 'port': 1 of 3 values break one_of=['C', 'Q', 'S']: row 1: 'X'",
    ]


def test_a_fault_shows_the_first_rows_and_counts_the_rest():
    (fault,) = fit(pa.table({"x": list(range(100))}), compile_schema_of(int, lt=10))[1]
    assert (fault.column, fault.rule, fault.count) == ("x", "lt", 90)
    assert fault.rows == fault.samples == (10, 11, 12, 13, 14)
    assert str(fault).endswith("row 14: 14, ...")


def compile_schema_of(kind: Any, **constraints: Any) -> Schema:
    class Row(BaseModel):
        x: Annotated[kind, Field(**constraints)]

    return compile_schema(Row)


def test_rows_are_counted_over_the_chunks_of_a_table():
    column = pa.chunked_array([[1, 2], [], [3, -4], [-5]])
    (fault,) = fit(pa.table({"x": column}), compile_schema_of(int, ge=0))[1]
    assert (fault.rows, fault.samples, fault.count) == ((3, 4), (-4, -5), 2)


def test_long_samples_are_cut():
    fault = Fault("x", "pattern", "1 of 1 values break pattern='a'", 1, (0,), ("b" * 500,))
    assert len(str(fault)) < 150


def test_a_missing_column_is_reported_with_the_nearest_name():
    table = passengers().rename_columns(["agee", "fare", "ticket"])
    assert words(table, Passenger) == ["column 'age': there is no such column: did you mean 'agee'?"]


def test_a_missing_column_with_a_default_is_no_fault_and_stays_missing():
    assert "port" not in fit(passengers(), compile_schema(Passenger))[0].column_names


def test_a_column_that_is_there_twice_is_reported():
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])
    assert words(table, {"x": "int64"}) == ["column 'x': 2 columns have this name"]


def test_further_columns_are_faults_only_if_the_model_forbids_them():
    class Closed(BaseModel):
        model_config = ConfigDict(extra="forbid")
        age: float

    table = pa.table({"age": [1.0], "fares": [2.0]})
    assert words(table, Closed) == ["column 'fares': 'Closed' allows no such column: there are: age"]
    assert words(table, {"age": "double"}) == []


@pytest.mark.parametrize(
    ("values", "to", "expected"),
    [
        (pa.array([1, 2, None]), "double", [1.0, 2.0, None]),
        (pa.array([2**60]), "double", [float(2**60)]),
        (pa.array([1.0, float("nan"), None]), "int64", [1, None, None]),
        (pa.array([1, 2]), "int8", [1, 2]),
        (pa.array([0.5, 0.1]), "double", [0.5, 0.1]),
        (pa.array([0.5, float("nan")]).filter(pa.array([True, False])), "float", [0.5]),
        (pa.array([1, 0]), "bool", [True, False]),
        (pa.array([True, None]), "int64", [1, None]),
        (pa.array(["1", "-20", None]), "int64", [1, -20, None]),
        (pa.array(["1.5", "2", "1e3"]), "double", [1.5, 2.0, 1000.0]),
        (pa.array(["1.50"]), "decimal128(10, 2)", [Decimal("1.50")]),
        (pa.array([0.1, 1.25]), "decimal128(10, 2)", [Decimal("0.10"), Decimal("1.25")]),
        (pa.array([3]), "decimal128(10, 2)", [Decimal("3.00")]),
        (pa.array([Decimal("1234567.89")]), "double", [1234567.89]),
        (pa.array([Decimal("2.00")]), "int64", [2]),
        (pa.array(["true", "False"]), "bool", [True, False]),
        (pa.array(["2020-01-02"]), "date32[day]", [date(2020, 1, 2)]),
        (pa.array(["2020-01-02 03:04:05"]), "timestamp[us]", [naive(2020, 1, 2, 3, 4, 5)]),
        (pa.array(["2020-01-02T03:04:05Z"]), "timestamp[us, tz=UTC]", [datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)]),
        (pa.array(["03:04:05.5"]), "time64[us]", [time(3, 4, 5, 500000)]),
        (pa.array([date(2020, 1, 2)]), "timestamp[us]", [naive(2020, 1, 2)]),
        (pa.array([naive(2020, 1, 2)]), "date32[day]", [date(2020, 1, 2)]),
        (pa.array([naive(2020, 1, 2)], pa.timestamp("ns")), "timestamp[s]", [naive(2020, 1, 2)]),
        (pa.array([timedelta(seconds=2)]), "duration[s]", [timedelta(seconds=2)]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), "string", ["a", "b", "a"]),
        (pa.array(["1", "2", None]).dictionary_encode(), "int64", [1, 2, None]),
        (pa.array(["a", "b"]), "dictionary<values=string, indices=int8, ordered=0>", ["a", "b"]),
        (pa.array(["a"], pa.string_view()), "string", ["a"]),
        (pa.array(["a"]), "binary", [b"a"]),
        (pa.nulls(2), "double", [None, None]),
        (pa.nulls(2), "list<item: int64>", [None, None]),
        (pa.array([[1, 2], None]), "list<item: double>", [[1.0, 2.0], None]),
        (pa.array([{"a": 1}, None]), "struct<a: double>", [{"a": 1.0}, None]),
        (pa.array([], pa.string()), "int64", []),
    ],
)
def test_a_safe_cast_keeps_every_value(values: pa.Array, to: str, expected: list[Any]):
    kind, cast_values, faults = cast(values, to)
    assert faults == []
    assert cast_values == expected
    if not pa.types.is_dictionary(values.type):
        assert kind == compile_schema({"x": to}).arrow.field("x").type or kind == values.type


@pytest.mark.parametrize(
    ("values", "to", "fault"),
    [
        (pa.array([1, 2**53 + 1]), "double",
         "column 'x': 1 of 2 values (int64) are no double: row 1: 9007199254740993"),
        (pa.array([1.0, 1.5]), "int64", "column 'x': 1 of 2 values (double) are no int64: row 1: 1.5"),
        (pa.array([0.1]), "float", "column 'x': 1 of 1 values (double) are no float: row 0: 0.1"),
        (pa.array([300]), "int8", "column 'x': 1 of 1 values (int64) are no int8: row 0: 300"),
        (pa.array([2]), "bool", "column 'x': 1 of 1 values (int64) are no bool: row 0: 2"),
        (pa.array([1.005]), "decimal128(10, 2)",
         "column 'x': 1 of 1 values (double) are no decimal128(10, 2): row 0: 1.005"),
        (pa.array(["1", "one", "2", ""]), "int64",
         "column 'x': 2 of 4 values (string) are no int64: row 1: 'one', row 3: ''"),
        (pa.array(["a", "1"]).dictionary_encode(), "int64",
         "column 'x': 1 of 2 values (dictionary<values=string, indices=int32, ordered=0>) are no int64: row 0: 'a'"),
        (pa.array([naive(2020, 1, 2, 5)]), "date32[day]",
         "column 'x': 1 of 1 values (timestamp[us]) are no date32[day]: row 0: 2020-01-02 05:00:00"),
        (pa.array([1, 2]), "string", "column 'x': int64, where string is expected"),
        (pa.array([True]), "string", "column 'x': bool, where string is expected"),
        (pa.array([naive(2020, 1, 2)]), "timestamp[us, tz=UTC]",
         "column 'x': timestamp[us], where timestamp[us, tz=UTC] is expected"),
        (pa.array([[1]]), "int64", "column 'x': list<item: int64>, where int64 is expected"),
        (pa.array([{"zipp": "a"}]), "struct<zip: string>",
         ("column 'x': struct<zipp: string>, where struct<zip: string> is expected "
          "(no field 'zip': did you mean 'zipp'?)")),
    ],
)  # fmt: skip
def test_what_a_cast_would_change_is_a_fault_and_the_column_stays(values: pa.Array, to: str, fault: str):
    kind, kept, faults = cast(values, to)
    assert faults == [fault]
    assert kind == values.type
    assert kept == values.to_pylist()


def test_a_column_of_a_wholly_wrong_kind_is_told_quickly():
    table = pa.table({"x": ["word"] * 1_000_000})
    (fault,) = fit(table, compile_schema({"x": "int64"}))[1]
    assert fault.count >= 1000
    assert "or more" in fault.message


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none()))
def test_integers_become_floats_only_if_they_come_back(values: list[int | None]):
    _, got, faults = cast(pa.array(values, pa.int64()), "double")
    exact = all(value is None or int(float(value)) == value for value in values)
    assert (faults == []) == exact
    assert [None if value is None else int(value) for value in got] == values


@given(st.lists(st.floats() | st.integers(-9, 9).map(float) | st.none()))
def test_floats_become_integers_only_if_they_come_back(values: list[float | None]):
    _, got, faults = cast(pa.array(values, pa.float64()), "int64")
    present = [value for value in values if value is not None and not math.isnan(value)]
    exact = all(value.is_integer() and -(2**63) <= value < 2**63 for value in present)
    assert (faults == []) == exact
    if exact:
        assert [value for value in got if value is not None] == present


@given(st.lists(st.decimals(-(10**8), 10**8, places=4)))
def test_decimals_become_floats_only_if_they_come_back(values: list[Decimal]):
    _, got, faults = cast(pa.array(values, pa.decimal128(16, 4)), "double")
    assert faults == []
    assert [Decimal(repr(value)) for value in got] == values


def test_strict_takes_equal_types_in_any_layout_only():
    assert cast(pa.array([1]), "double", "strict")[2] == ["column 'x': int64, where double is expected"]
    assert cast(pa.nulls(1), "double", "strict")[2] == ["column 'x': null, where double is expected"]
    for values in (
        pa.array(["a"]).dictionary_encode(),
        pa.array(["a"], pa.large_string()),
        pa.array(["a"], pa.string_view()),
    ):
        kind, _, faults = cast(values, "string", "strict")
        assert (kind, faults) == (values.type, [])


def test_off_looks_at_no_type_but_at_the_values():
    assert cast(pa.array(["a"]), "double", "off")[2] == []
    schema = compile_schema(Passenger)
    faults = fit(passengers(age=["x", "y", "z"], fare=[1, None, 3]), schema, "off")[1]
    assert [(fault.column, fault.rule) for fault in faults] == [("age", "ge"), ("age", "le"), ("fare", "null")]
    assert "cannot be checked on string" in faults[0].message


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (int, pa.array([1], pa.int8())),
        (int, pa.array([2**64 - 1], pa.uint64())),
        (float, pa.array([0.1], pa.float32())),
        (str, pa.array(["a"]).dictionary_encode()),
        (datetime, pa.array([1], pa.timestamp("ns"))),
        (datetime, pa.array([1], pa.timestamp("s", "Europe/Athens"))),
        (AwareDatetime, pa.array([1], pa.timestamp("s", "Europe/Athens"))),
        (NaiveDatetime, pa.array([1], pa.timestamp("ns"))),
        (timedelta, pa.array([1], pa.duration("ns"))),
        (Decimal, pa.array([Decimal("1.5")])),
        (bytes, pa.array([b"ab"], pa.binary(2))),
        (list[int], pa.array([[1]], pa.large_list(pa.int16()))),
        (list[float], pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2))),
        (dict[str, int], pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32()))),
        (Any, pa.array([{"a": [1]}])),
    ],
)
@pytest.mark.parametrize("coerce", ["safe", "strict"])
def test_a_model_names_kinds_so_that_widths_units_and_zones_stay(kind: Any, values: pa.Array, coerce: Coerce):
    fitted, faults = fit(pa.table({"x": values}), compile_schema_of(kind), coerce)
    assert faults == []
    assert fitted.column("x").type == values.type


@pytest.mark.parametrize(
    ("kind", "values", "fault"),
    [
        (AwareDatetime, pa.array([1], pa.timestamp("s")), "timestamp[s], where timestamp with a time zone is expected"),
        (NaiveDatetime, pa.array([1], pa.timestamp("s", "UTC")), "where timestamp without a time zone is expected"),
    ],
)
def test_times_without_a_zone_are_not_given_one(kind: Any, values: pa.Array, fault: str):
    (found,) = fit(pa.table({"x": values}), compile_schema_of(kind))[1]
    assert fault in found.message


class Address(BaseModel):
    zip: str = Field(pattern=r"^\d{5}$")
    lines: list[Annotated[str, Field(min_length=1)]] = Field(max_length=2)


class Customer(BaseModel):
    home: Address | None
    scores: dict[str, Annotated[float, Field(ge=0)]]


def test_faults_inside_lists_structs_and_maps_have_the_rows_of_the_table():
    homes = [
        {"zip": "12345", "lines": ["a"]},
        None,
        {"zip": "1", "lines": ["a", "", "b"]},
        {"zip": None, "lines": [None]},
    ]
    scores = pa.array([[("a", 1.0)], [], [("b", 2.0), ("c", -1.0)], None], pa.map_(pa.string(), pa.float64()))
    table = pa.table({"home": homes, "scores": scores})
    assert words(pa.concat_tables([table.slice(1, 1), table.slice(2)]), Customer) == [
        "column 'home.lines': 1 inner values break max_length=2: row 1: ['a', '', 'b']",
        "column 'home.lines[]': 1 inner values are missing: row 2: None",
        "column 'home.lines[]': 1 inner values break min_length=1: row 1: ''",
        "column 'home.zip': 1 inner values are missing: row 2: None",
        "column 'home.zip': 1 inner values break pattern='^\\\\d{5}$': row 1: '1'",
        "column 'scores': 1 of 3 values are missing: row 2: None",
        "column 'scores.values()': 1 inner values break ge=0: row 1: -1.0",
    ]


def test_unused_categories_are_no_faults():
    column = pa.DictionaryArray.from_arrays(pa.array([0, 0, None]), pa.array(["C", "X"]))
    assert words(pa.table({"port": column}), Ports) == []
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(["C", "X"]))
    assert words(pa.table({"port": column}), Ports) == ["column 'port': 1 of 2 values break one_of=['C']: row 1: 'X'"]


class Ports(BaseModel):
    port: Literal["C"] | None


class Keyed(BaseModel):
    id: Annotated[int | None, Unique()]


def test_unique_reports_what_repeats_and_ignores_what_is_missing():
    (fault,) = fit(pa.table({"id": [1, None, 2, 1, None, 1]}), compile_schema(Keyed))[1]
    assert (fault.rule, fault.rows, fault.samples, fault.count) == ("unique", (3, 5), (1, 1), 2)
    assert str(fault) == "column 'id': 2 of 6 values repeat an earlier one: row 3: 1, row 5: 1"


@pytest.mark.parametrize("values", [[1.5, float("nan"), float("nan")], ["a", None, None], []])
def test_unique_values_of_any_kind_pass(values: list[Any]):
    class Row(BaseModel):
        x: Annotated[Any, Unique()]

    assert words(pa.table({"x": values}), Row) == []


def test_unique_sees_repeats_across_batches():
    checker = Checker(compile_schema(Keyed))
    for values in ([1, 2], [3, 1], [2, 9]):
        checker.check(pa.record_batch({"id": values}))
    (fault,) = checker.finish()
    assert (fault.rows, fault.samples) == ((3, 4), (1, 2))


tables = st.lists(
    st.fixed_dictionaries(
        {
            "age": st.sampled_from([1.0, -1.0, 200.0, None, float("nan")]),
            "fare": st.sampled_from([1.0, None]),
            "ticket": st.sampled_from(["A1", "b", "A123456", "Ω1"]),
            "port": st.sampled_from(["C", "x", None]),
        }
    ),
    min_size=1,
    max_size=12,
)


@given(tables, st.integers(1, 5))
def test_a_stream_has_the_faults_of_the_table(rows: list[Mapping[str, Any]], size: int):
    kinds = pa.schema([("age", pa.float64()), ("fare", pa.float64()), ("ticket", pa.string()), ("port", pa.string())])
    table = pa.Table.from_pylist(rows, schema=kinds)
    schema = compile_schema(Passenger)
    checker = Checker(schema)
    for batch in table.to_batches(max_chunksize=size):
        checker.check(batch)
    assert list(map(str, checker.finish())) == list(map(str, fit(table, schema)[1]))


def test_all_batches_of_a_stream_come_out_alike():
    checker = Checker(compile_schema_of(int | None))
    batches = [
        pa.record_batch({"x": values})
        for values in (pa.array([1], pa.int32()), pa.array([2]), pa.nulls(1), pa.array([3.0]))
    ]
    assert [checker.check(batch).schema.field("x").type for batch in batches] == [pa.int32()] * 4
    assert checker.finish() == []


def test_empty_tables_and_batches_are_cast_and_checked():
    fitted, faults = fit(pa.table({"x": pa.array([], pa.int64())}), compile_schema({"x": "double not null"}))
    assert (fitted.schema.field("x").type, faults) == (pa.float64(), [])
    no_chunks = pa.table({"x": pa.chunked_array([], pa.int64())})
    assert fit(no_chunks, compile_schema({"x": "double"}))[0].column("x").type == pa.float64()
    assert fit(pa.table({}), compile_schema({}))[1] == []
    checker = Checker(compile_schema({}))
    assert checker.check(pa.record_batch({})).num_columns == 0


def test_metadata_and_other_columns_stay_as_they_are():
    frame = pd.DataFrame({"x": [1, 2], "other": ["a", "b"]}, index=pd.Index([5, 6], name="key"))
    table = pa.Table.from_pandas(frame)
    fitted, faults = fit(table, compile_schema({"x": "double"}))
    assert faults == []
    assert fitted.schema.metadata == table.schema.metadata
    assert fitted.to_pandas().index.tolist() == [5, 6]


class Even(BaseModel):
    a: Annotated[int, AfterValidator(lambda value: value)] = Field(ge=0)
    b: float | None = None

    @field_validator("a")
    @classmethod
    def even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value

    @model_validator(mode="after")
    def ordered(self) -> "Even":
        if self.b is not None and self.b < self.a:
            raise ValueError("b is below a")
        return self


def test_a_models_own_validators_run_only_when_asked_for():
    table = pa.table({"a": [2, 3, -2, 4], "b": [2.0, 9.0, float("nan"), 1.0]})
    assert [fault.rule for fault in fit(table, compile_schema(Even))[1]] == ["ge"]
    faults = fit(table, compile_schema(Even, validators=True))[1]
    assert [str(fault) for fault in faults] == [
        "column 'a': 1 of 4 values break ge=0: row 2: -2",
        "column 'a': 1 of 4 values break a validator: Value error, must be even: row 1: 3",
        "the table: 1 of 4 rows break a validator: Value error, b is below a: row 3: {'a': 4, 'b': 1.0}",
    ]


def test_the_error_tells_all_faults_the_place_and_a_remedy():
    schema = compile_schema(Passenger)
    error = schema_error(
        fit(passengers(age=[-1.0, 1.0, 2.0], fare=[None] * 3), schema)[1], at="input 'raw'", schema=schema
    )
    assert isinstance(error, SchemaError)
    assert str(error).splitlines() == [
        "2 faults in a table that should fit 'Passenger' [PXW106]",
        "  at: input 'raw'",
        "  column 'age': 1 of 3 values break ge=0: row 0: -1.0",
        "  column 'fare': 3 of 3 values are missing: row 0: None, row 1: None, row 2: None",
        "  help: change the data, or 'Passenger' where it asks for too much",
    ]
