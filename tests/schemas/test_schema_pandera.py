"""Pandera models: Arrow checks where there is one, pandera itself for the rest."""

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest
from pandera.typing import Series

from pxw.errors import SpecError
from pxw.schemas import Checker, Schema, compile_schema, fit


class Passenger(pandera.DataFrameModel):
    age: float = pandera.Field(ge=0, le=120, nullable=True)
    ticket: str = pandera.Field(str_matches=r"[A-Z]\d", unique=True)
    size: int = pandera.Field(in_range={"min_value": 0, "max_value": 3, "include_max": False}, isin=[1, 2, 7])
    since: Series[pandera.typing.DateTime]

    class Config:
        strict = True


def frame(**changes: list[object]) -> pa.Table:
    good = {
        "age": [1.0, None],
        "ticket": ["A1x", "B2"],
        "size": [1, 2],
        "since": pd.to_datetime(["2020-01-01", "2021-01-01"]),
    }
    return pa.Table.from_pandas(pd.DataFrame(good | changes), preserve_index=False)


def words(table: pa.Table, schema: Schema) -> list[str]:
    return [str(fault) for fault in fit(table, schema)[1]]


def test_types_and_usual_checks_become_arrow_checks():
    schema = compile_schema(Passenger)
    assert schema.extras == ()
    assert schema.closed
    assert [[rule.name for rule in part.rules] for part in schema.parts] == [
        ["ge", "le"],
        ["pattern", "unique"],
        ["ge", "lt", "one_of"],
        [],
    ]
    assert {name: text.split("[")[0] for name, text in schema.columns.items()} == {
        "age": "double",
        "ticket": schema.columns["ticket"],
        "size": "int64 not null",
        "since": "timestamp",
    }
    assert words(frame(), schema) == []


def test_all_faults_come_in_the_words_of_the_others():
    table = frame(age=[-1.0, 130.0], ticket=["xA1", "B2"], size=[3, 7]).append_column("more", pa.array([1, 2]))
    assert words(table, compile_schema(Passenger)) == [
        "column 'age': 1 of 2 values break ge=0: row 0: -1.0",
        "column 'age': 1 of 2 values break le=120: row 1: 130.0",
        "column 'ticket': 1 of 2 values break pattern='\\\\A(?:[A-Z]\\\\d)': row 0: 'xA1'",
        "column 'size': 2 of 2 values break lt=3: row 0: 3, row 1: 7",
        "column 'size': 1 of 2 values break one_of=[1, 2, 7]: row 0: 3",
        "column 'more': 'Passenger' allows no such column: there are: age, ticket, size, since",
    ]


def below(limit: float) -> pandera.DataFrameSchema:
    return pandera.DataFrameSchema(
        {
            "a": pandera.Column(float, [pandera.Check.ge(0), pandera.Check(lambda a: a < limit, name="below")]),
            "b": pandera.Column(float, nullable=True),
        },
        checks=pandera.Check(lambda df: df["b"].fillna(9.0) >= df["a"], name="b_from_a"),
        name="Limits",
    )


def test_what_arrow_cannot_check_runs_through_pandera_and_is_reported_as_well():
    table = pa.table({"a": [1.0, 5.0, -1.0], "b": [2.0, 4.0, None]})
    assert words(table, compile_schema(below(4))) == [
        "column 'a': 1 of 3 values break ge=0: row 2: -1.0",
        "column 'a': 1 of 3 values break below: row 1: 5.0",
        "the table: 1 of 3 rows break b_from_a: row 1: {'a': 5.0, 'b': 4.0}",
    ]
    assert words(table.slice(0, 1), compile_schema(below(4))) == []


def test_checks_of_pandera_see_all_batches_of_a_stream_at_once():
    schema = compile_schema(
        pandera.DataFrameSchema({"a": pandera.Column(float, pandera.Check(lambda a: a.mean() < 2))})
    )
    batches = pa.table({"a": [3.0, 0.0, 0.0]}).to_batches(max_chunksize=1)
    checker = Checker(schema)
    for batch in batches:
        checker.check(batch)
    assert checker.finish() == []
    checker = Checker(schema)
    checker.check(batches[0])
    assert [fault.rule for fault in checker.finish()] == ["pandera"]


def test_a_missing_column_does_not_stop_the_other_checks():
    assert words(pa.table({"a": [5.0]}), compile_schema(below(4))) == [
        "column 'a': 1 of 1 values break below: row 0: 5.0",
        "column 'b': there is no such column: there are: a",
        'the table: breaks b_from_a: KeyError("b")',
    ]


def test_fingerprints_tell_the_code_of_checks_apart():
    assert compile_schema(below(4)).fingerprint == compile_schema(below(4)).fingerprint
    assert compile_schema(below(4)).fingerprint != compile_schema(below(5)).fingerprint


def test_columns_whose_names_a_pattern_tells_run_through_pandera():
    schema = compile_schema(pandera.DataFrameSchema({"x_.*": pandera.Column(float, pandera.Check.ge(0), regex=True)}))
    assert words(pa.table({"x_1": [1.0], "x_2": [-1.0]}), schema) == [
        "column 'x_2': 1 of 1 values break greater_than_or_equal_to(0): row 0: -1.0"
    ]


def test_uniqueness_over_several_columns_is_checked():
    schema = compile_schema(
        pandera.DataFrameSchema({"a": pandera.Column(int), "b": pandera.Column(int)}, unique=["a", "b"])
    )
    assert words(pa.table({"a": [1, 1], "b": [1, 2]}), schema) == []
    (fault,) = fit(pa.table({"a": [1, 1], "b": [2, 2]}), schema)[1]
    assert fault.rule == "pandera"


def test_categories_and_objects():
    kinds = pandera.DataFrameSchema({"c": pandera.Column(pd.CategoricalDtype(["x", "y"])), "o": pandera.Column(object)})
    schema = compile_schema(kinds)
    table = pa.table({"c": pa.array(["x", "y"]).dictionary_encode(), "o": [[1], [2]]})
    assert words(table, schema) == []
    bad = table.set_column(0, "c", pa.array(["x", "z"]).dictionary_encode())
    assert words(bad, schema) == ["column 'c': 1 of 2 values break one_of=['x', 'y']: row 1: 'z'"]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"strict": "filter"}, "filter"),
        ({"add_missing_columns": True}, "add_missing_columns"),
        ({"parsers": pandera.Parser(lambda df: df)}, "parsers"),
        ({"drop_invalid_rows": True}, "drop_invalid_rows"),
    ],
)
def test_a_schema_that_changes_the_data_is_refused(options: dict[str, object], word: str):
    with pytest.raises(SpecError, match=word) as caught:
        compile_schema(pandera.DataFrameSchema({"a": pandera.Column(int)}, **options))
    assert "in the task" in caught.value.help
