"""What a schema becomes: pydantic models, Arrow schemas, type texts."""

import pickle
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal

import annotated_types as at
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    NaiveDatetime,
    PastDate,
    RootModel,
    StringConstraints,
    create_model,
    field_validator,
    model_validator,
)

from pxw.errors import SpecError
from pxw.schemas import Schema, Unique, columns_of, compile_schema, fit
from pxw.schemas.typetext import field_of


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Address(BaseModel):
    zip: str = Field(pattern=r"^\d{5}$")
    city: str | None = None


class Person(BaseModel):
    id: Annotated[int, Unique()]
    age: float | None = Field(ge=0, le=120)
    name: str
    home: Address | None


def columns(**fields: Any) -> dict[str, str]:
    return compile_schema(create_model("Row", **{name: (kind, ...) for name, kind in fields.items()})).columns


def rules(kind: Any, **constraints: Any) -> list[str]:
    (part,) = compile_schema(create_model("Row", x=(kind, Field(**constraints)))).parts
    return [rule.text for rule in part.rules]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (int, "int64 not null"),
        (int | None, "int64"),
        (float, "double not null"),
        (int | float, "double not null"),
        (str, "string not null"),
        (bool, "bool not null"),
        (bytes, "binary not null"),
        (date, "date32[day] not null"),
        (time, "time64[us] not null"),
        (timedelta, "duration[us] not null"),
        (datetime, "timestamp[us] not null"),
        (NaiveDatetime, "timestamp[us] not null"),
        (AwareDatetime, "timestamp[us, tz=UTC] not null"),
        (Annotated[Decimal, Field(max_digits=10, decimal_places=2)], "decimal128(10, 2) not null"),
        (Literal["a", "b"], "string not null"),
        (Literal["a", None], "string"),  # noqa: PYI061 - as users write it
        (Literal[1, 2], "int64 not null"),
        (Colour, "string not null"),
        (Level, "int64 not null"),
        (list[int], "list<item: int64 not null> not null"),
        (Sequence[int], "list<item: int64 not null> not null"),
        (set[str] | None, "list<item: string not null>"),
        (tuple[float, ...], "list<item: double not null> not null"),
        (dict[str, float | None], "map<string, double> not null"),
        (Address, "struct<zip: string not null, city: string> not null"),
        (list[Address], "list<item: struct<zip: string not null, city: string> not null> not null"),
        (Any, "null"),
    ],
)
def test_each_kind_of_field_has_its_arrow_type(kind: Any, text: str):
    assert columns(x=kind) == {"x": text}


@pytest.mark.parametrize(
    ("kind", "constraints", "texts"),
    [
        (float, {"ge": 0, "lt": 5}, ["ge=0", "lt=5"]),
        (Annotated[int, at.Interval(gt=1, le=3)], {}, ["gt=1", "le=3"]),
        (Annotated[int | None, at.MultipleOf(3)], {}, ["multiple_of=3"]),
        (Annotated[str, StringConstraints(pattern="^a", max_length=3)], {}, ["max_length=3", "pattern='^a'"]),
        (Annotated[str, at.Len(2, 4)] | None, {}, ["min_length=2", "max_length=4"]),
        (list[int], {"min_length": 1}, ["min_length=1"]),
        (float, {"allow_inf_nan": False}, ["allow_inf_nan=False"]),
        (int | float, {"ge": 3}, ["ge=3"]),
        (Decimal, {"max_digits": 5, "ge": 0}, ["ge=0", "max_digits=5"]),
        (str, {"json_schema_extra": {"unique": True}}, ["unique"]),
        (Annotated[str, Unique], {}, ["unique"]),
        (str, {"pattern": re.compile("^a", re.IGNORECASE)}, ["pattern='(?i)^a'"]),
    ],
)
def test_every_way_to_write_a_constraint_is_read(kind: Any, constraints: Any, texts: list[str]):
    assert rules(kind, **constraints) == texts


def test_a_models_configuration_counts():
    class Row(BaseModel):
        model_config = ConfigDict(extra="forbid", str_min_length=1, str_max_length=9, allow_inf_nan=False)
        name: str
        code: str = Field(min_length=2)
        size: float

    schema = compile_schema(Row)
    assert schema.closed
    texts = [[rule.text for rule in part.rules] for part in schema.parts]
    assert texts == [["min_length=1", "max_length=9"], ["min_length=2", "max_length=9"], ["allow_inf_nan=False"]]


def test_a_column_is_called_by_its_alias_and_may_be_missing_if_it_has_a_default():
    class Row(BaseModel):
        size: float = Field(alias="Size (cm)")
        note: str = "none"

    schema = compile_schema(Row)
    assert [(part.name, part.required) for part in schema.parts] == [("Size (cm)", True), ("note", False)]


def test_validators_are_named_as_skipped_unless_they_are_asked_for():
    class Row(BaseModel):
        a: Annotated[int, AfterValidator(abs)]
        b: Annotated[str, StringConstraints(strip_whitespace=True)]

        @field_validator("a")
        @classmethod
        def even(cls, value: int) -> int:
            return value

        @model_validator(mode="after")
        def sane(self) -> "Row":
            return self

    schema = compile_schema(Row)
    assert set(schema.skipped_validators) == {"Row: sane", "a: even", "a: abs", "b: strip_whitespace"}
    assert schema.extras == ()
    asked = compile_schema(Row, validators=True)
    assert asked.skipped_validators == ()
    assert len(asked.extras) == 1
    assert asked != schema


def test_what_the_compiler_does_not_know_is_named_as_skipped_and_runs_on_request():
    row = create_model("Row", day=(PastDate, ...), size=(Annotated[int, at.Predicate(lambda size: size % 2 == 0)], ...))
    assert compile_schema(row).skipped_validators == ("day: now_op", "size: val_func")
    table = pa.table({"day": [date(1999, 1, 1), date(2999, 1, 1)], "size": [2, 3]})
    assert fit(table, compile_schema(row))[1] == []
    found = fit(table, compile_schema(row, validators=True))[1]
    assert [(fault.column, fault.rule, fault.rows) for fault in found] == [
        ("day", "date_past", (1,)),
        ("size", "predicate_failed", (1,)),
    ]


class Endless(BaseModel):
    children: "list[Endless]"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (dict, "a dict of anything"),
        (int | str, "a choice of types"),
        (Literal[1, "a"], "a choice among"),
        (tuple[int, str], "tuple"),
        (complex, "complex"),
        (RootModel[int], "root model"),
        (Endless, "holds itself"),
        (Annotated[list[int], Unique()], "unique"),
    ],
)
def test_a_field_that_no_column_can_be_is_refused_at_its_place(kind: Any, words: str):
    with pytest.raises(SpecError, match=re.escape(words)) as caught:
        columns(x=kind)
    assert caught.value.at == "Row.x" or caught.value.at.startswith("Row.x")
    assert caught.value.help


def test_an_alias_with_choices_is_refused():
    with pytest.raises(SpecError, match="alias"):
        compile_schema(create_model("Row", x=(int, Field(validation_alias=AliasChoices("a", "b")))))


@pytest.mark.parametrize(
    "source", [None, 3, "Passenger", {"a": 1}, int, [("a", "int64")], Person(id=1, age=1, name="", home=None)]
)
def test_what_is_no_schema_is_refused_with_a_remedy(source: object):
    with pytest.raises(SpecError, match="no schema") as caught:
        compile_schema(source)
    assert "pydantic model" in caught.value.help


def test_a_model_that_is_not_complete_is_refused():
    class Row(BaseModel):
        x: "Nowhere"  # noqa: F821 - that is the case

    with pytest.raises(SpecError, match="Nowhere"):
        compile_schema(Row)


def test_an_arrow_schema_with_a_column_twice_is_refused():
    with pytest.raises(SpecError, match="two columns 'a'"):
        compile_schema(pa.schema([("a", pa.int64()), ("a", pa.int64())]))


def test_compiling_is_done_once_and_a_schema_is_itself():
    assert compile_schema(Person) is compile_schema(Person)
    assert compile_schema(compile_schema(Person)) is compile_schema(Person)


def test_a_schema_is_hashable_equal_by_its_checks_and_survives_pickling():
    schema = compile_schema(Person)
    copy = pickle.loads(pickle.dumps(schema))
    assert copy == schema
    assert {copy: 1}[schema] == 1
    assert copy.columns == schema.columns
    assert schema != compile_schema(schema.arrow)
    assert schema != "Person"


def test_a_fingerprint_tells_checks_apart_and_is_the_same_in_another_process():
    a = compile_schema(create_model("A", x=(float, Field(ge=0))))
    b = compile_schema(create_model("B", x=(float, Field(ge=0))))
    others = [
        create_model("A", x=(float, Field(ge=1))),
        create_model("A", x=(float, Field(gt=0))),
        create_model("A", x=(float | None, Field(ge=0))),
        create_model("A", x=(int, Field(ge=0))),
        create_model("A", y=(float, Field(ge=0))),
        create_model("A", x=(float, Field(1.0, ge=0))),
    ]
    assert a.fingerprint == b.fingerprint
    assert len({compile_schema(other).fingerprint for other in others} | {a.fingerprint}) == len(others) + 1
    code = (
        "from pydantic import Field, create_model; from pxw.schemas import compile_schema;"
        "print(compile_schema(create_model('A', x=(float, Field(ge=0)))).fingerprint)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == a.fingerprint


def test_a_changed_validator_is_another_fingerprint():
    def checked(limit: int) -> Schema:
        def small(value: int) -> int:
            if value > limit:
                raise ValueError("too large")
            return value

        return compile_schema(create_model("Row", x=(Annotated[int, AfterValidator(small)], ...)), validators=True)

    assert checked(3).fingerprint == checked(3).fingerprint != checked(4).fingerprint


def test_importing_schemas_loads_neither_pandas_nor_pandera_nor_arrow_kernels():
    code = (
        "import sys; from pxw.schemas import compile_schema; compile_schema({'a': 'double'});"
        "print([name for name in ('pandas', 'pandera', 'pyarrow.compute', 'prefect') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


NAMES = st.text(min_size=1, max_size=6)
PLAIN = st.sampled_from(
    [
        *[
            pa.null(),
            pa.bool_(),
            pa.int8(),
            pa.uint64(),
            pa.float16(),
            pa.float32(),
            pa.float64(),
            pa.string(),
            pa.large_string(),
        ],
        *[pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(16), pa.date32(), pa.date64()],
        *[
            pa.time32("s"),
            pa.time64("ns"),
            pa.timestamp("ms"),
            pa.timestamp("ns", "Europe/Athens"),
            pa.timestamp("s", "+02:00"),
        ],
        *[pa.duration("us"), pa.decimal128(10, 2), pa.decimal256(60, -3), pa.month_day_nano_interval()],
    ]
)


def field(name: str, kind: pa.DataType, nullable: bool) -> pa.Field:
    return pa.field(name, kind, nullable or pa.types.is_null(kind))


def nested(inner: st.SearchStrategy[pa.DataType]) -> st.SearchStrategy[pa.DataType]:
    fields = st.builds(field, NAMES, inner, st.booleans())
    lists = st.sampled_from(
        [pa.list_, pa.large_list, pa.list_view, pa.large_list_view, lambda field: pa.list_(field, 3)]
    )
    return st.one_of(
        st.builds(lambda make, field: make(field), lists, fields),
        st.builds(pa.struct, st.lists(fields, max_size=3, unique_by=lambda field: field.name)),
        st.builds(
            lambda key, item, ordered: pa.map_(key, pa.field("value", item.type, item.nullable), ordered),
            PLAIN.filter(lambda kind: not pa.types.is_null(kind)),
            fields,
            st.booleans(),
        ),
        st.builds(pa.dictionary, st.sampled_from([pa.int8(), pa.int32()]), PLAIN, st.booleans()),
    )


@given(
    st.lists(
        st.builds(field, NAMES, st.recursive(PLAIN, nested, max_leaves=5), st.booleans()), unique_by=lambda f: f.name
    )
)
def test_every_type_can_be_read_back_from_its_words(fields: list[pa.Field]):
    schema = pa.schema(fields)
    again = compile_schema(columns_of(schema))
    assert again.arrow == schema
    assert again.columns == columns_of(schema)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "doubel",
        "list<int64",
        "list<>",
        "struct<a>",
        "int64 nott null",
        "timestamp[us, tz=",
        "foo<int64>",
        "decimal128(3)",
    ],
)
def test_words_that_are_no_type_are_refused(text: str):
    with pytest.raises(SpecError, match="no column type") as caught:
        field_of("x", text)
    assert "'double'" in caught.value.help
