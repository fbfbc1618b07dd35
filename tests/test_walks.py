"""A walk looks at every edge and every place of a flow, and runs no task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import BaseModel

import pxw
from pxw.engines.inline import flow, task
from pxw.errors import ArgumentError, EdgeError, MissingDataError, OutputError, PlaceError, SchemaError
from pxw.walks import Walk


class Person(BaseModel):
    name: str
    age: int


class Pet(BaseModel):
    owner: str


def walk(body: Callable[..., Any], *args: Any) -> Walk:
    walked = Walk()
    with walked.going():
        result = flow(body)(*args)
        if asyncio.iscoroutine(result):
            asyncio.run(result)
    return walked


@task(inputs=["people"], outputs={"people": Person})
def keep(people: pd.DataFrame) -> pd.DataFrame:
    pytest.fail("a walk ran a task")


@task(inputs={"pets": Pet})
def feed(pets: pd.DataFrame) -> int:
    pytest.fail("a walk ran a task")


@task
def feed_all(pets: list[pd.DataFrame], *more: Any, **named: Any) -> int:
    pytest.fail("a walk ran a task")


@pytest.fixture
def people(tmp_path: Path) -> pxw.Local:
    (tmp_path / "people.csv").write_text("name,age\nAda,36\n")
    return pxw.Local("people.csv")


def test_a_flow_without_faults_has_no_findings_and_its_tasks_are_told_in_order(people):
    def main():
        first = keep(people)
        keep.submit(first).wait()
        keep.map([first, first])

    walked = walk(main)
    assert (walked.findings, walked.stopped) == ([], "")
    assert walked.tasks == ["keep"] * 4
    assert walked.edges == 3


def test_every_edge_that_does_not_fit_is_found_at_once_with_both_ends(people):
    def main():
        kept = keep(people)
        feed(kept)
        feed.submit(keep.submit(kept))
        feed.map([kept])

    findings = walk(main).findings
    assert [type(finding) for finding in findings] == [EdgeError] * 3
    assert "task 'keep', output 'people' gives what task 'feed', input 'pets' does not take (Pet)" in str(findings[0])
    assert "owner" in str(findings[0])


def test_references_in_collections_are_edges_too(people):
    def main():
        kept = keep(people)
        feed_all([kept, kept], kept, [kept], a=kept, b={"c": kept})

    assert walk(main).edges == 6


def test_a_missing_input_and_a_header_that_does_not_fit_are_findings(people):
    def main():
        keep(pxw.Local("poeple.csv"))
        feed(people)

    missing, unfit = walk(main).findings
    assert isinstance(missing, MissingDataError)
    assert "did you mean 'people.csv'?" in str(missing)
    assert "task 'keep', input 'people'" in str(missing)
    assert isinstance(unfit, SchemaError)
    assert "task 'feed', input 'pets'" in str(unfit)


def test_a_path_as_text_where_a_table_is_declared_is_a_finding():
    def main():
        keep("people.csv")

    (finding,) = walk(main).findings
    assert isinstance(finding, ArgumentError)
    assert finding.message == "task 'keep', input 'people' takes a DataFrame, and was given the text 'people.csv'"
    assert finding.help == "if that is a file: pxw.Local('people.csv')"


@pytest.mark.parametrize("given", [["a.csv", "b.csv"], {"one": Path("a.csv")}])
def test_a_path_as_text_among_several_tables_is_found_by_a_check_and_refused_by_a_run(given):
    def total(tables):
        return sum(map(len, tables))

    hint = list[pd.DataFrame] if isinstance(given, list) else dict[str, pd.DataFrame]
    total.__annotations__ = {"tables": hint, "return": int}
    total = task(inputs=["tables"])(total)
    (finding,) = walk(lambda: total(given)).findings
    assert finding.message == "task 'total', input 'tables' takes a DataFrame, and was given the text 'a.csv'"
    with pytest.raises(pxw.PxwError, match=r"was given the text 'a\.csv'"):
        total(given)
    assert total([pd.DataFrame()] if isinstance(given, list) else {"a": pd.DataFrame()}) is not None


def test_a_place_that_the_flow_itself_writes_need_not_exist(people, tmp_path):
    write = keep.with_options(outputs={"people": pxw.Local("out/kept.csv")})

    def main():
        write(people)
        keep(pxw.Local("out/kept.csv"))
        pxw.save(keep(people), pxw.Local("saved.parquet"))
        keep(pxw.Local("saved.parquet"))

    walked = walk(main)
    assert walked.findings == []
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]


def test_two_outputs_to_one_place_are_a_finding(people):
    write = keep.with_options(outputs={"people": pxw.Local("out.csv")})

    def main():
        write(people)
        write(people)
        pxw.save(keep(people), pxw.Local("out.csv"))

    findings = walk(main).findings
    assert [type(finding) for finding in findings] == [OutputError, OutputError]
    assert "after task 'keep', output 'people'" in str(findings[0])


def test_an_output_below_a_file_is_a_finding(people):
    write = keep.with_options(outputs={"people": pxw.Local("people.csv/out.csv")})

    def main():
        write(people)

    (finding,) = walk(main).findings
    assert isinstance(finding, PlaceError)


@pytest.mark.parametrize(
    "ask",
    [
        pxw.load,
        len,
        lambda kept: kept.shape,
        lambda kept: [row for row in kept],  # noqa: C416 - the loop is what is tested
        lambda kept: bool(feed(kept)),
        lambda kept: feed(kept) + 1,
        lambda kept: feed(kept).field,
        lambda kept: pxw.load(feed.submit(kept)),
    ],
    ids=["load", "len", "attribute", "loop", "truth", "sum", "unknown attribute", "future"],
)
def test_a_walk_ends_where_the_body_asks_for_a_value_and_says_where(people, ask):
    plain = keep.with_options(outputs={"people": pxw.Dataset(schema=Pet)})

    def main():
        ask(plain(people))
        feed(pxw.Local("never-looked-at.csv"))

    walked = walk(main)
    assert walked.findings == []
    assert walked.stopped.startswith(f"{__file__}:")
    assert "feed" not in walked.tasks[2:]


def test_async_flows_and_tasks_are_walked(people):
    @task(inputs=["people"], outputs={"people": Person})
    async def keep_later(people: pd.DataFrame) -> pd.DataFrame:
        pytest.fail("a walk ran a task")

    async def main():
        first, second = await asyncio.gather(keep_later(people), keep_later(people))
        feed(first)
        feed(keep_later.submit(second))

    walked = walk(main)
    assert walked.tasks == ["keep_later", "keep_later", "feed", "keep_later", "feed"]
    assert len(walked.findings) == 2


def test_subflows_are_walked_within(people):
    @flow
    def inner(table: pd.DataFrame):
        return keep(table)

    def main():
        feed(inner(keep(people)))

    walked = walk(main)
    assert walked.tasks == ["keep", "keep", "feed"]
    assert isinstance(walked.findings[0], EdgeError)


def test_an_error_of_the_users_own_body_is_his_to_see(people):
    def main():
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        walk(main)
