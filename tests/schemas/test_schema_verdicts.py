"""The vectorised verdict on each row is pydantic's own."""

import math
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, FiniteFloat, ValidationError, create_model

from pxw.errors import SpecError
from pxw.schemas import compile_schema
from pxw.schemas.checks import breaches, lacking
from pxw.schemas.texts import Text, proves

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PATTERNS = [
    r"^[a-c]+$",
    r"\d",
    r"^\d{2,3}$",
    r"a|b$",
    r"\w\b",
    r"^\S+$",
    r"(?i)k",
    r"[^a]$",
    r".",
    r"^\s",
    r"é+",
    r"\D\W",
]
TEXT = st.text(st.sampled_from("abcKk1 2é\n\v\t٣Ω\u017f\u212a\u2003-_"), max_size=5)
INTS = st.integers(-50, 50) | st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False) | st.integers(-100, 100).map(lambda n: n / 4)
TENTHS = st.integers(-1000, 1000).map(lambda n: n / 10) | st.floats(-1e9, 1e9)
NOON, HOUR = datetime(2020, 1, 1, 12), timedelta(hours=1)  # noqa: DTZ001 - pydantic takes times without a zone
OPS = ("ge", "gt", "le", "lt")


def bounds(limits: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(OPS), limits, max_size=3)


class Colour(Enum):
    RED = "r"
    BLUE = "b"


def column(kind: Any, values: st.SearchStrategy[Any], constraints: st.SearchStrategy[Any] | None = None) -> Any:
    return st.tuples(st.just(kind), st.just({}) if constraints is None else constraints, st.just(values))


COLUMNS = st.one_of(
    column(int, INTS, bounds(st.integers(-50, 50))),
    column(int, INTS, (st.integers(1, 200) | st.just(2**70)).map(lambda n: {"multiple_of": n})),
    column(float, FLOATS, bounds(st.floats(-50, 50))),
    column(float, TENTHS, st.sampled_from([0.5, 0.1, 3.0]).map(lambda n: {"multiple_of": n})),
    column(FiniteFloat, FLOATS),
    column(str, TEXT, st.sampled_from(PATTERNS).map(lambda p: {"pattern": p})),
    column(str, TEXT, st.fixed_dictionaries({"min_length": st.integers(0, 3), "max_length": st.integers(2, 4)})),
    column(bytes, st.binary(max_size=3), st.just({"min_length": 1, "max_length": 2})),
    column(bool, st.booleans()),
    column(Literal["a", "b"], st.sampled_from("abc")),
    column(Literal[1, 3], st.integers(0, 4)),
    column(Colour, st.sampled_from("rbx")),
    column(date, st.dates(date(2019, 12, 30), date(2020, 1, 3)), bounds(st.just(date(2020, 1, 1)))),
    column(datetime, st.datetimes(NOON - HOUR, NOON + HOUR) | st.just(NOON), bounds(st.just(NOON))),
    column(timedelta, st.timedeltas(0 * HOUR, 2 * HOUR) | st.just(HOUR), bounds(st.just(HOUR))),
    column(
        list[Annotated[int, Field(ge=0)]],
        st.lists(st.integers(-1, 9), max_size=4),
        st.just({"min_length": 1, "max_length": 3}),
    ),
    column(
        Decimal,
        st.decimals(-1000, 1000, places=3) | st.integers(-200, 200).map(lambda n: Decimal(n) / 10),
        st.sampled_from(
            [
                {"max_digits": 4, "decimal_places": 2},
                {"max_digits": 3},
                {"decimal_places": 1},
                {"ge": 0, "lt": 10},
                {"multiple_of": Decimal("0.5")},
            ]
        ),
    ),
)


def verdicts(model: type[BaseModel], values: list[Any]) -> list[bool]:
    accepted = []
    for value in values:
        try:
            model.model_validate({"x": value})
            accepted.append(True)
        except ValidationError:
            accepted.append(False)
    return accepted


def vectorised(model: type[BaseModel], values: pa.Array) -> list[bool]:
    """One row at a time, so that each row gets a verdict of its own."""
    (part,) = compile_schema(model).parts
    return [not list(breaches(part, values.slice(row, 1), "x")) for row in range(len(values))]


@quick
@given(st.data(), COLUMNS, st.booleans())
def test_every_row_gets_the_verdict_of_pydantic(data: st.DataObject, drawn_column: Any, optional: bool):
    kind, constraints, values = drawn_column
    annotation = kind | None if optional else kind
    model = create_model("Row", x=(annotation, Field(**constraints)))
    drawn = data.draw(st.lists(values | st.none(), min_size=1, max_size=8))
    array = pa.array(drawn, compile_schema(model).arrow.field("x").type) if kind is not Decimal else decimals(drawn)
    assert vectorised(model, array) == verdicts(model, drawn), array


def decimals(values: list[Decimal | None]) -> pa.Array:
    return pa.array(values, pa.decimal128(20, 4))


@quick
@given(st.data(), COLUMNS)
def test_the_count_and_rows_of_a_whole_column_are_those_of_its_rows(data: st.DataObject, drawn_column: Any):
    kind, constraints, values = drawn_column
    model = create_model("Row", x=(kind | None, Field(**constraints)))
    drawn = data.draw(st.lists(values | st.none(), max_size=30))
    array = pa.array(drawn, compile_schema(model).arrow.field("x").type) if kind is not Decimal else decimals(drawn)
    (part,) = compile_schema(model).parts
    found = list(breaches(part, array, "x"))
    rows = sorted({row for breach in found for row in breach.rows})
    bad = [row for row, accepted in enumerate(verdicts(model, drawn)) if not accepted]
    assert set(rows) <= set(bad)
    assert rows[:1] == bad[:1]
    for breach in found:
        assert breach.count >= len(breach.rows) > 0
        if breach.column == "x":
            assert breach.samples == tuple(array[row].as_py() for row in breach.rows)


@quick
@given(st.lists(TEXT | st.none(), max_size=12), st.sampled_from(PATTERNS))
def test_dictionaries_views_and_large_types_get_the_verdict_of_plain_ones(values: list[str | None], pattern: str):
    model = create_model("Row", x=(str, Field(pattern=pattern, max_length=3)))
    (part,) = compile_schema(model).parts
    plain = pa.array(values, pa.string())
    expected = [(b.rule, b.count, b.rows, b.samples) for b in breaches(part, plain, "x")]
    layouts = [plain.dictionary_encode(), plain.cast(pa.large_string()), plain.cast(pa.string_view())]
    for layout in layouts:
        assert [(b.rule, b.count, b.rows, b.samples) for b in breaches(part, layout, "x")] == expected, layout.type


@quick
@given(st.text(st.sampled_from("ab\\dwsSb^$.[]()|+*?-{}12é"), max_size=8), st.lists(TEXT, min_size=1, max_size=5))
def test_a_pattern_is_refused_or_means_what_it_means_to_pydantic(pattern: str, values: list[str]):
    try:
        model = create_model("Row", x=(str, Field(pattern=pattern)))
        model.model_validate({"x": ""})
    except ValidationError:
        pass
    except Exception:  # whatever pydantic says of an expression that is none
        assume(False)
    try:
        array = pa.array(values, pa.string())
        assert vectorised(model, array) == verdicts(model, values)
    except SpecError:
        assume(False)


@given(st.lists(st.sampled_from([1.0, 2.0, None, float("nan")]), max_size=6))
def test_nan_is_missing(values: list[float | None]):
    mask = lacking(pa.array(values, pa.float64()))
    assert mask is not None
    assert mask.to_pylist() == [value is None or math.isnan(value) for value in values]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (re.compile(r"(?=a)"), "invalid perl operator"),
        (re.compile(r"(a)\1"), "invalid escape sequence"),
        ("a{1001}", "invalid repetition size"),
        ("[a-z&&[^b]]", "another way"),
        (r"\<a", "another way"),
    ],
)
def test_a_pattern_that_arrow_cannot_read_is_refused_with_the_reason(pattern: str | re.Pattern[str], reason: str):
    with pytest.raises(SpecError, match=reason) as caught:
        compile_schema(create_model("Row", x=(str, Field(pattern=pattern))))
    assert caught.value.at == "Row.x"


ATOMS = st.sampled_from([r"\d", r"\w", r"\s", ".", "a", "-", r"\.", "[a-c]", "[^a]", r"[\d_]", "[a-zA-Z]", "é", "[éa]"])
TIMES = st.sampled_from(["", "", "{2}", "{1,3}", "{2,}", "{0}", "*", "+", "?"])
SHAPES = st.lists(st.tuples(ATOMS, TIMES).map("".join), max_size=4).map(lambda atoms: f"^{''.join(atoms)}$")


@quick
@given(st.data(), SHAPES)
def test_what_is_proved_from_the_bytes_is_true(data: st.DataObject, pattern: str):
    values = data.draw(st.lists(st.from_regex(pattern, fullmatch=True) | TEXT, min_size=1, max_size=6))
    array = pa.array(["", *values, ""], pa.string()).slice(1, len(values))

    if proves(pattern, Text(array)):
        model = create_model("Row", x=(str, Field(pattern=pattern)))
        assert all(verdicts(model, values))


@pytest.mark.parametrize(
    "pattern", [r"^[A-Z]{2}-\d{6}$", r"^[a-z]+$", r"^[A-Z]\d*$", r"^\w+\.csv$", r"^#[0-9a-fA-F]{6}$", r"^\d{2,4}$"]
)
def test_plain_patterns_are_proved_from_the_bytes(pattern: str):
    examples = {"{": "AB-123456", "z": "word", "*": "B77", "c": "a_1.csv", "#": "#00fF99"}
    good = [text for text in (*examples.values(), "123") if re.search(pattern, text)]
    assert good
    assert proves(pattern, Text(pa.array(good)))
    assert not proves(pattern, Text(pa.array([*good, good[0] + "!"])))
    assert not proves(pattern, Text(pa.array([*good, "é"])))


@pytest.mark.parametrize(
    "pattern", ["[a-z]+", "^a|b$", "^(ab)+$", "(?i)^a$", r"^a+b+$", r"^a+?$", r"^\bx$", "^[[:alpha:]]$", r"^a\$"]
)
def test_richer_patterns_are_left_to_re2(pattern: str):
    assert not proves(pattern, Text(pa.array(["a"])))
