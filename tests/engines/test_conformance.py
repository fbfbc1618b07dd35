"""What holds whoever runs the tasks: Prefect, or this process alone."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pydantic import BaseModel, Field

import pxw
from pxw.errors import ArgumentError, DeclarationError, EdgeError, OutputError, RefTouchedError, SchemaError, SpecError


class Person(BaseModel):
    name: str
    age: int = Field(ge=0)


class Pair(NamedTuple):
    low: pd.DataFrame
    high: pd.DataFrame


@dataclass
class Halves:
    low: pd.DataFrame
    high: pd.DataFrame


def frame(*ages: int) -> pd.DataFrame:
    return pd.DataFrame({"name": [f"p{age}" for age in ages], "age": list(ages)})


def ages(ref: Any) -> list[int]:
    return list(pxw.load(ref, as_=pd.DataFrame)["age"])


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    frame(7, 40, 61).to_csv(path, index=False)
    return path


@pytest.fixture
def tasks(engine: Any) -> Any:
    """A task that makes a table, one that takes one, and one that counts its rows."""

    class Tasks:
        @staticmethod
        def make(*numbers: int) -> Any:
            @engine.task(outputs=["people"])
            def make(numbers: tuple[int, ...]) -> pd.DataFrame:
                return frame(*numbers)

            return make(numbers)

        double = staticmethod(engine.task(inputs=["people"], outputs=["doubled"])(_double))
        count = staticmethod(engine.task(_count))

    return Tasks


def _double(people: pd.DataFrame, by: int = 2) -> pd.DataFrame:
    people["age"] *= by
    return people


def _count(people: pd.DataFrame) -> int:
    return len(people)


# Calls ---------------------------------------------------------------------------------------------------------------


def test_a_call_in_a_flow_gives_a_reference_and_the_next_task_gets_the_value(engine, tasks):
    @engine.flow
    def main():
        made = tasks.make(1, 2)
        assert isinstance(made, pxw.Ref)
        assert (made.task, made.output, made.rows, made.format) == ("make", "people", 2, "arrow")
        return ages(tasks.double(made, by=10))

    assert main() == [10, 20]


def test_submit_gives_a_future_whose_result_is_a_reference(engine, tasks):
    @engine.flow
    def main():
        future = tasks.double.submit(tasks.make(1, 2))
        future.wait()
        assert isinstance(future.result(), pxw.Ref)
        return ages(future), ages(tasks.double(future)), ages(tasks.double.submit(future))

    assert main() == ([2, 4], [4, 8], [4, 8])


def test_a_future_that_is_taken_for_its_value_says_how_to_get_the_value(engine, tasks):
    touches = {
        "future[...]": lambda future: future["age"],
        ".shape": lambda future: future.shape,
        "len(future)": len,
        "if future": bool,
        "for ... in future": list,
        "arithmetic (+)": lambda future: future + 1,
        "future > ...": lambda future: future > 1,
    }

    @engine.flow
    def main():
        future = tasks.double.submit(tasks.make(1, 2))
        for how, touch in touches.items():
            with pytest.raises(RefTouchedError, match=r"pxw.load\(future\) waits") as told:
                touch(future)
            assert told.value.message == f"this is the future of task '_double', not what the task returns: {how}"
        assert not hasattr(future, "shape")
        return ages(future)

    assert main() == [2, 4]


def test_wait_and_as_completed_of_prefect_take_the_futures(engine, tasks):
    from prefect.futures import as_completed, wait

    @engine.flow
    def main():
        made = tasks.make(1, 2)
        futures = [tasks.count.submit(made) for _ in range(3)]
        done = wait(futures).done
        return len(done), [future.result() for future in as_completed(futures)]

    assert main() == (3, [2, 2, 2])


def test_map_takes_lists_of_references_with_unmapped_and_plain_arguments(engine, tasks):
    from prefect import unmapped

    @engine.task(inputs=["people", "extra"])
    def total(people: pd.DataFrame, factor: int, extra: pd.DataFrame, plus: int = 0) -> int:
        return int(people["age"].sum()) * factor + len(extra) + plus

    @engine.flow
    def main():
        refs = [tasks.make(1), tasks.make(2, 3)]
        futures = total.map(refs, [1, 100], unmapped(tasks.make(5, 6)), plus=1000)
        assert [future.result() for future in futures] == futures.result()
        return futures.result()

    assert main() == [1003, 1502]


def test_map_takes_futures_and_a_future_of_a_list(engine, tasks):
    @engine.task
    def numbers() -> list[int]:
        return [1, 2, 3]

    @engine.task
    def square(number: int) -> int:
        return number * number

    @engine.flow
    def main():
        squares = square.map(numbers.submit())
        return square.map(squares).result()

    assert main() == [1, 16, 81]


def test_map_takes_each_file_of_a_folder_of_a_pattern_and_of_a_reference_to_a_folder(engine, tmp_path):
    for number in (1, 2, 3):
        (tmp_path / "in").mkdir(exist_ok=True)
        frame(number).to_csv(tmp_path / f"in/{number}.csv", index=False)
    (tmp_path / "in/notes.txt").write_text("not a table")

    @engine.task(inputs=["part"])
    def age(part: pd.DataFrame) -> int:
        return int(part["age"][0])

    @engine.task(outputs=["parts"])
    def split() -> dict[str, pd.DataFrame]:
        return {"a.csv": frame(10), "b.csv": frame(20)}

    @engine.flow
    def main():
        by_pattern = age.map(pxw.Local("in/*.csv")).result()
        (tmp_path / "in/notes.txt").unlink()
        return by_pattern, age.map(pxw.Local("in/")).result(), age.map(split()).result()

    assert main() == ([1, 2, 3], [1, 2, 3], [10, 20])


def test_map_gives_a_file_a_frame_or_a_dict_to_every_call_as_a_whole(engine, people):
    @engine.task(inputs=["people"])
    def pick(people: pd.DataFrame, row: int, names: dict[str, int]) -> int:
        return int(people["age"][row]) + names["plus"]

    @engine.flow
    def main():
        by_file = pick.map(pxw.Local(people), row=[0, 1, 2], names={"plus": 1}).result()
        return by_file, pick.map(frame(5, 6), row=[1, 0], names={"plus": 1}).result()

    assert main() == ([8, 41, 62], [7, 6])


def test_map_refuses_lists_of_different_lengths_and_no_list_at_all(engine):
    @engine.task
    def add(a: int, b: int) -> int:
        return a + b

    @engine.flow
    def main():
        assert add.map([], b=[]).result() == []
        with pytest.raises(ArgumentError, match="different lengths"):
            add.map([1, 2], b=[1, 2, 3])
        with pytest.raises(ArgumentError, match="without a list"):
            add.map(1, b=2)
        return True

    assert main()


def test_map_over_positional_only_and_collected_parameters(engine):
    @engine.task
    def shown(first: int, /, *rest: int, **named: int) -> str:
        return f"{first} {rest} {named}"

    @engine.flow
    def main():
        return shown.map([1, 2], 3, [4, 5], six=[6, 7]).result()

    assert main() == ["1 (3, 4) {'six': 6}", "2 (3, 5) {'six': 7}"]


def test_parameters_of_every_kind_in_any_mix(engine, tasks):
    @engine.task(inputs=["table", "other"])
    def mix(
        first: int,
        /,
        table: pd.DataFrame,
        second: str = "s",
        *rest: Any,
        other: pd.DataFrame,
        flag: bool = False,
        **more: Any,
    ) -> list[Any]:
        return [first, len(table), second, [type(item).__name__ for item in rest], len(other), flag, sorted(more)]

    @engine.flow
    def main():
        ref = tasks.make(1, 2)
        return mix(1, ref, "t", ref, 5, other=frame(1), flag=True, x=ref, y=2), mix(0, other=ref, table=frame(1, 2, 3))

    assert main() == (
        [1, 2, "t", ["DataFrame", "int"], 1, True, ["x", "y"]],
        [0, 3, "s", [], 2, False, []],
    )


def test_an_input_that_is_left_out_comes_from_its_declared_place(engine, people):
    @engine.task(inputs={"people": pxw.Local(people)})
    def oldest(people: pd.DataFrame, plus: int) -> int:
        return int(people["age"].max()) + plus

    @engine.flow
    def main():
        return oldest(plus=1), oldest(frame(5), 1), oldest.submit(plus=2).result()

    assert main() == (62, 6, 63)


def test_a_missing_argument_is_told_as_python_tells_it(engine):
    @engine.task(inputs=["people"])
    def count(people: pd.DataFrame) -> int:
        return len(people)

    @engine.flow
    def main():
        with pytest.raises(TypeError, match="missing a required argument: 'people'"):
            count()
        with pytest.raises(TypeError, match="unexpected keyword argument 'peple'"):
            count(peple=1)
        return True

    assert main()


# Arguments -----------------------------------------------------------------------------------------------------------


def test_a_spec_a_reference_a_future_and_a_plain_value_are_all_the_same_to_a_task(engine, tasks, people):
    @engine.flow
    def main():
        ref = pxw.save(frame(7, 40, 61), pxw.Local("copy.parquet"))
        given = [pxw.Local(people), ref, tasks.double.submit(ref, by=1), frame(7, 40, 61), pa.table(frame(7, 40, 61))]
        return [ages(tasks.double(one)) for one in given]

    assert main() == [[14, 80, 122]] * 5


def test_lists_tuples_and_dicts_of_references_become_such_of_values(engine, tasks):
    @engine.task
    def sizes(tables: list[pd.DataFrame], named: dict[str, pa.Table], pair: tuple[Any, ...]) -> list[Any]:
        kinds = [type(item).__name__ for item in (*tables, *named.values(), *pair)]
        return [type(tables).__name__, type(named).__name__, type(pair).__name__, *kinds]

    @engine.flow
    def main():
        ref, future = tasks.make(1), tasks.double.submit(tasks.make(2))
        return sizes([ref, future, frame(3)], {"a": ref, "b": frame(1)}, (ref, 1))

    assert main() == ["list", "dict", "tuple", *["DataFrame"] * 3, "Table", "Table", "DataFrame", "int"]


@pytest.mark.parametrize("long", [[1.5] * 5000, ("a",) * 5000, {str(n): n for n in range(5000)}, set(range(5000))])
def test_a_long_collection_of_plain_values_arrives_as_it_was_given(engine, long):
    @engine.task
    def same(given: Any, *more: Any) -> bool:
        return type(given) is type(long) and given == long and more == (long,)

    @engine.flow
    def main():
        return same(long, long), same.submit(long, long).result()

    assert main() == (True, True)


def test_a_list_for_a_declared_input_may_mix_specs_and_references(engine, tasks, people):
    @engine.task(inputs=["tables"])
    def rows(tables: list[pd.DataFrame], others: tuple[Any, ...]) -> list[Any]:
        return [*map(len, tables), *map(type, others)]

    @engine.flow
    def main() -> list[Any]:
        return rows([pxw.Local(people), tasks.make(2)], (pxw.Local(people),))

    assert main() == [3, 1, pxw.Local]


def test_a_parameter_annotated_as_a_reference_or_a_spec_gets_it_as_it_is(engine, tasks, people):
    @engine.task
    def places(ref: pxw.Ref, spec: pxw.Local | None = None) -> tuple[str, str]:
        return Path(ref.place).suffix, spec.path if spec else ""

    @engine.flow
    def main():
        return places(tasks.make(1), pxw.Local(people))

    assert main() == (".arrow", str(people))


def test_what_a_task_does_to_its_input_no_other_task_and_no_caller_sees(engine, tasks):
    @engine.task
    def spoil(table: pd.DataFrame, array: np.ndarray, facts: dict[str, int]) -> int:
        table.loc[0, "age"] = -1
        array[0] = -1
        facts["a"] = -1
        return int(table["age"][0])

    @engine.task(outputs=["facts"])
    def facts() -> dict[str, int]:
        return {"a": 1}

    @engine.task
    def by_value() -> pd.DataFrame:
        return frame(9)

    @engine.flow
    def main():
        ref, plain, array, small, future = tasks.make(3, 4), frame(5), np.array([6]), facts(), by_value.submit()
        spoil(ref, array, small)
        spoil(plain, array, small)
        spoil.submit(future, array, small).result()
        return ages(ref), list(plain["age"]), list(array), pxw.load(small), ages(future)

    assert main() == ([3, 4], [5], [6], {"a": 1}, [9])


def test_a_plain_table_is_checked_against_the_declared_schema(engine):
    @engine.task(inputs={"people": Person})
    def count(people: pd.DataFrame) -> int:
        return len(people)

    @engine.flow
    def main():
        with pytest.raises(SchemaError, match="age"):
            count(frame(1, -5))
        return count(frame(1))

    assert main() == 1


# Results -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape",
    [
        lambda low, high: (low, high),
        lambda low, high: [low, high],
        lambda low, high: {"high": high, "low": low},
        Pair,
        Halves,
    ],
    ids=["tuple", "list", "dict", "NamedTuple", "dataclass"],
)
def test_several_outputs_come_back_by_position_and_by_name(engine, shape):
    @engine.task(outputs=["low", "high"])
    def halves() -> Any:
        return shape(frame(1), frame(99))

    @engine.flow
    def main():
        low, high = both = halves()
        assert (both.low, both.high) == (low, high)
        assert high.output == "high"
        return ages(low), ages(high), ages(halves.submit().result().high)

    assert main() == ([1], [99], [99])


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (lambda: None, "returned None and declares outputs 'low', 'high'"),
        (lambda: (1,), "returned a tuple of 1 and declares 2 outputs"),
        (lambda: (1, 2, 3), "returned a tuple of 3 and declares 2 outputs"),
        (lambda: 5, "returned a int and declares 2 outputs"),
        (lambda: {"low": 1, "hihg": 2}, "'hihg' is no output: did you mean 'high'"),
        (lambda: {"low": 1}, "'high' is missing"),
    ],
)
def test_a_return_that_is_not_what_was_declared_is_refused(engine, returned, says):
    @engine.task(outputs=["low", "high"])
    def halves():
        return returned()

    @engine.flow
    def main():
        with pytest.raises(OutputError) as caught:
            halves()
        return str(caught.value)

    assert says in main()


def test_none_is_an_output_only_where_the_annotation_allows_it(engine):
    @engine.task(outputs=["maybe"])
    def allowed() -> dict[str, int] | None:
        return None

    @engine.task(outputs=["never"])
    def forgotten() -> dict[str, int]:
        pass  # type: ignore[empty-body]

    @engine.flow
    def main():
        with pytest.raises(OutputError, match="without a return"):
            forgotten()
        return pxw.load(allowed())

    assert main() is None


def test_what_is_not_declared_comes_back_by_value(engine):
    marker = object()

    @engine.task
    def plain() -> object:
        return marker

    @engine.flow
    def main():
        return plain() is marker and plain.submit().result() is marker

    assert main()


def test_small_json_travels_inside_its_reference(engine):
    @engine.task(outputs=["metrics"])
    def measure() -> dict[str, float]:
        return {"auc": 0.9}

    @engine.flow
    def main():
        ref = measure()
        assert ref.place == ""
        return pxw.load(ref)

    assert main() == {"auc": 0.9}


def test_declared_places_hold_what_was_returned(engine, tmp_path):
    @engine.task(outputs={"table": pxw.Local("out/table.csv"), "metrics": pxw.Local("out/metrics.json")})
    def make() -> tuple[pd.DataFrame, dict[str, int]]:
        return frame(1, 2), {"n": 2}

    @engine.flow
    def main():
        make()

    main()
    assert (tmp_path / "out/table.csv").read_text() == "name,age\np1,1\np2,2\n"
    assert json.loads((tmp_path / "out/metrics.json").read_text()) == {"n": 2}


def test_two_outputs_to_one_place_are_refused_also_by_map(engine, tmp_path):
    @engine.task(outputs={"table": pxw.Local("out.csv")})
    def make(age: int) -> pd.DataFrame:
        return frame(age)

    @engine.flow
    def twice():
        make(1)
        with pytest.raises(OutputError, match=r"two outputs of this run go to .*out\.csv"):
            make(2)

    @engine.flow
    def mapped():
        with pytest.raises(OutputError, match="two outputs"):
            make.map([1, 2]).result()

    twice()
    assert "p1" in (tmp_path / "out.csv").read_text()
    mapped()
    with pytest.raises(DeclarationError, match=r"two outputs of .*both\(\)"):

        @engine.task(outputs={"a": pxw.Local("x.csv"), "b": pxw.Local("x.csv")})
        def both() -> None: ...


def test_two_runs_may_write_one_place_one_after_the_other(engine, tmp_path):
    @engine.task(outputs={"table": pxw.Local("out.csv")})
    def make(age: int) -> pd.DataFrame:
        return frame(age)

    @engine.flow
    def main(age: int):
        make(age)

    main(1)
    main(2)
    assert "p2" in (tmp_path / "out.csv").read_text()


# Options -------------------------------------------------------------------------------------------------------------


def test_with_options_renames_and_redirects_and_leaves_the_original_alone(engine, tmp_path):
    @engine.task(outputs={"low": pxw.Dataset(schema=Person), "high": pxw.Dataset()}, retries=1)
    def halves() -> Any:
        return frame(1), frame(2)

    other = halves.with_options(name="other halves", retries=0, outputs={"low": pxw.Local("low.parquet")})
    assert type(other) is type(halves)

    @engine.flow
    def main():
        first, second = halves(), other()
        assert (first.low.task, second.low.task) == ("halves", "other halves")
        assert second.low.place == str(tmp_path / "low.parquet")
        assert second.high.format == "arrow"
        return first.low.place != second.low.place, second.low.checked == first.low.checked != ""

    assert main() == (True, True)
    with pytest.raises(DeclarationError, match=r"(?s)no output 'lwo'.*did you mean 'low'"):
        halves.with_options(outputs={"lwo": pxw.Local("x.csv")})


def test_a_flow_with_options_has_another_name(engine):
    @engine.flow
    def main() -> str:
        return pxw.save({"a": 1}, pxw.Local("a.json")).flow

    other = main.with_options(name="another")
    assert (main(), other()) == ("main", "another")
    assert type(other) is type(main)


@pytest.mark.parametrize("said", [{"nmae": pxw.Dataset()}, ["nmae"]])
def test_an_input_that_is_no_parameter_is_refused_where_it_is_declared(engine, said):
    with pytest.raises(DeclarationError, match=r"(?s)'nmae', which is no parameter.*did you mean 'name'"):

        @engine.task(inputs=said)
        def greet(name: str) -> None: ...


def test_methods_and_generators_are_refused(engine):
    with pytest.raises(DeclarationError, match="is a method"):

        class Holder:
            @engine.task
            def method(self) -> None: ...

    with pytest.raises(DeclarationError, match="generator"):

        @engine.task
        def rows():
            yield 1

    with pytest.raises(DeclarationError, match="staticmethod"):
        engine.task(staticmethod(len))
    with pytest.raises(DeclarationError, match="generator"):

        @engine.flow
        def streaming():
            yield 1


def test_inputs_and_outputs_that_are_no_names_are_refused(engine):
    with pytest.raises(DeclarationError, match="outputs='table'"):
        engine.task(outputs="table")(_count)
    with pytest.raises(SpecError, match="schema"):
        engine.task(outputs={"table": pxw.Dataset(schmea=Person)})(_count)


# Async ---------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("event_loop_ends")
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_async_tasks_in_async_flows_run_side_by_side(engine):
    here, there = asyncio.Event, asyncio.Event

    @engine.task(outputs=["people"])
    async def make(age: int, mine: Any, other: Any) -> pd.DataFrame:
        mine.set()
        await asyncio.wait_for(other.wait(), 20)  # each waits for the other: one after the other would never end
        return frame(age)

    @engine.task(inputs=["people"])
    async def age(people: pd.DataFrame) -> int:
        return int(people["age"][0])

    @engine.flow
    async def main():
        a, b = here(), there()
        first, second = await asyncio.gather(make(1, a, b), make(2, b, a))
        return first.rows, [await age(first), await age(second)]

    assert asyncio.run(main()) == (1, [1, 2])


@pytest.mark.usefixtures("event_loop_ends")
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_async_tasks_can_be_submitted_and_mapped_from_sync_and_async_flows(engine):
    @engine.task(outputs=["people"])
    async def make(age: int) -> pd.DataFrame:
        await asyncio.sleep(0)
        return frame(age)

    @engine.flow
    def main():
        return ages(make.submit(1)), [ages(ref) for ref in make.map([2, 3]).result()]

    @engine.flow
    async def main_async():
        futures = make.map([2, 3])
        return ages(make.submit(1).result()), [ages(ref) for ref in futures.result()]

    assert main() == ([1], [[2], [3]])
    assert asyncio.run(main_async()) == ([1], [[2], [3]])


@pytest.mark.usefixtures("event_loop_ends")
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_sync_task_in_an_async_flow(engine, tasks):
    @engine.flow
    async def main():
        return ages(tasks.double(tasks.make(1)))

    assert asyncio.run(main()) == [2]


# Edges and references ------------------------------------------------------------------------------------------------


def test_an_edge_that_does_not_fit_names_both_ends_before_the_consumer_runs(engine, tmp_path):
    class Pet(BaseModel):
        name: int
        owner: str

    ran = tmp_path / "ran"

    @engine.task(outputs={"people": Person})
    def make() -> pd.DataFrame:
        return frame(1)

    @engine.task(inputs={"pets": Pet})
    def feed(pets: pd.DataFrame) -> None:
        ran.touch()

    @engine.flow
    def main():
        with pytest.raises(EdgeError) as caught:
            feed(make())
        return str(caught.value)

    said = main()
    assert "task 'make', output 'people'" in said
    assert "task 'feed', input 'pets'" in said
    assert "owner" in said
    assert not ran.exists()


def test_a_reference_used_as_its_value_says_to_load_it(engine, tasks):
    @engine.flow
    def main():
        ref = tasks.make(1)
        for touch in (lambda: ref.shape, lambda: ref["age"], lambda: len(ref), lambda: ref + 1, lambda: bool(ref)):
            with pytest.raises(RefTouchedError, match=r"pxw\.load"):
                touch()
        return True

    assert main()


def test_an_error_in_a_task_reaches_the_flow_and_its_future(engine):
    @engine.task
    def fail(message: str) -> None:
        raise LookupError(message)

    @engine.flow
    def main():
        with pytest.raises(LookupError, match="one"):
            fail("one")
        future = fail.submit("two")
        with pytest.raises(LookupError, match="two"):
            future.result()
        assert isinstance(future.result(raise_on_failure=False), LookupError)
        fail("three")

    with pytest.raises(LookupError, match="three"):
        main()


# Flows ---------------------------------------------------------------------------------------------------------------


def test_a_subflow_takes_references_lists_of_them_and_futures_for_what_it_annotates(engine, tasks):
    @engine.flow
    def inner(table: pd.DataFrame, tables: list[pd.DataFrame], later: pd.DataFrame, times: int = 1):
        assert isinstance(later, pxw.Ref)
        return tasks.double(table, by=times), [ages(one) for one in tables]

    @engine.flow
    def outer():
        ref = tasks.make(1)
        made, others = inner(ref, [ref, ref], tasks.double.submit(ref), times="5")
        return ages(made), others, made.flow

    assert outer() == ([5], [[1], [1]], "inner")


def test_a_flow_takes_specs_as_dicts_and_paths(engine, people):
    @engine.flow
    def main(raw: pxw.Local | pxw.DDM = pxw.Local("x.csv"), spec: pxw.Spec = pxw.Local("y.csv")):
        return type(raw).__name__, type(spec).__name__, getattr(spec, "path", None) or spec.project

    assert main() == ("Local", "Local", "y.csv")
    assert main({"path": str(people)}, {"project": "demo", "name": "t.json"}) == ("Local", "DDM", "demo")
    assert main(str(people), spec=str(people)) == ("Local", "Local", str(people))


def test_the_body_of_a_flow_is_a_plain_function_for_tests(engine, people):
    @engine.task(inputs=["people"], outputs=["old"])
    def old(people: pd.DataFrame) -> pd.DataFrame:
        return people[people["age"] > 30]

    @engine.flow
    def main(raw: pxw.Local) -> pd.DataFrame:
        return old(raw)

    @engine.flow
    async def main_async(raw: pxw.Local) -> pd.DataFrame:
        return old(raw)

    for found in (main.fn(pxw.Local(people)), asyncio.run(main_async.fn(pxw.Local(people)))):
        assert isinstance(found, pd.DataFrame)
        assert list(found["age"]) == [40, 61]


def test_a_task_outside_of_any_flow_is_its_function(engine, people, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")  # nobody listens there

    @engine.task(inputs={"people": pxw.Local(people)}, outputs=["old"])
    def old(people: pd.DataFrame, over: int = 30) -> pd.DataFrame:
        return people[people["age"] > over]

    @engine.task(outputs=["n"])
    async def number() -> int:
        return 5

    given = frame(20, 50)
    assert list(old(given)["age"]) == [50]
    assert list(old(over=60)["age"]) == [61]
    assert list(old(pxw.Local(people), over=60)["age"]) == [61]
    assert asyncio.run(number()) == 5
    with pytest.raises(ArgumentError, match="return_state"):
        old(given, return_state=True)


def test_a_task_may_call_a_task(engine, tasks):
    @engine.task
    def outer(people: pd.DataFrame) -> list[int]:
        return ages(tasks.double(people))

    @engine.flow
    def main():
        return outer(frame(4))

    assert main() == [8]


def test_loading_a_list_of_references_gives_their_values(engine, tasks):
    @engine.flow
    def main():
        futures = tasks.double.map([frame(1), frame(2)])
        return [list(table["age"]) for table in pxw.load(futures)]

    assert main() == [[2], [4]]
