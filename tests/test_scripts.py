"""`pxw.script`: old scripts as tasks among new ones, on both engines."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pytest
from pydantic import BaseModel, Field, ValidationError

import pxw
from pxw.compat.asking import Question, asker
from pxw.errors import DeclarationError, EdgeError, OutputError, SchemaError, ScriptError
from pxw.importing import inline
from pxw.walks import Walk
from tests.engines.conftest import ENGINES, Engine, without_heartbeats

OLD = """
import proactive_helper as ph
import pandas as pd
from io import BytesIO
table = pd.read_csv(BytesIO(ph.load_dataset(variables, resultMap, "dataset")))
print("read", len(table))
table["b"] = table["a"] * int(variables["factor"])
resultMap.put("rows", len(table))
ph.save_dataset(variables, resultMap, "scaled", table.to_csv(index=False).encode())
"""


class Row(BaseModel):
    a: int
    b: int


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, isolated: None, prefect_server: str) -> Any:
    with without_heartbeats():
        yield ENGINES[request.param]


@pytest.fixture
def make(engine: Engine, tmp_path: Path) -> Callable[..., Any]:
    """Makes a task of a script for the engine."""

    def make(code: str = OLD, file: str = "old.py", **options: Any) -> Any:
        (tmp_path / file).write_text(code)
        known: dict[str, Any] = {"inputs": ["dataset"], "outputs": ["scaled"], "parameters": {"factor": 2}}
        if engine.name == "prefect":
            return pxw.script(tmp_path / file, **{**known, **options})
        with inline():
            return pxw.script(tmp_path / file, **{**known, **options})

    Path("in.csv").write_text("a\n1\n2\n")
    return make


def test_an_old_script_stands_between_new_tasks(engine: Engine, make: Callable[..., Any]) -> None:
    scale = make(
        inputs={"dataset": pxw.Dataset(format="csv")},
        outputs={"scaled": pxw.Dataset(format="csv", schema=Row), "rows": pxw.Dataset()},
    )

    @engine.task(outputs=["table"])
    def new() -> pd.DataFrame:
        return pd.DataFrame({"a": [1, 2, 3]})

    @engine.task
    def total(table: pd.DataFrame) -> int:
        return int(table["b"].sum())

    @engine.flow
    def mixed(factor: int = 10) -> Any:
        scaled, rows = scale(new(), factor)
        assert (scaled.task, scaled.output, scaled.format) == ("old", "scaled", "csv")
        return total(scaled), pxw.load(rows)

    assert mixed() == (60, 3)


def test_what_one_script_puts_another_one_finds(engine: Engine, make: Callable[..., Any]) -> None:
    names = ["limit", "table", "count"]
    puts = """
import pandas as pd
variables.put("limit", 2.5)
variables["table"] = pd.DataFrame({"a": [1]})
resultMap.put("count", 3)
"""
    finds = """
assert variables.get("limit") == resultMap["limit"] == 2.5
assert list(variables["table"]["a"]) == [1]
assert resultMap["count"] == variables["count"] == 3
assert "plain" not in resultMap and variables["plain"] == "x"
resultMap.put("found", resultMap["count"] + 1)
"""
    first = make(puts, file="first.py", inputs=None, outputs=names, parameters=())
    second = make(finds, inputs=None, outputs=["found"], parameters=[*names, "plain"])

    @engine.flow
    def one() -> Any:
        limit, table, count = first()
        return pxw.load(second(limit, table, count, "x"))

    assert one() == 4


def test_a_place_is_read_from_and_written_to(engine: Engine, make: Callable[..., Any]) -> None:
    scale = make(inputs={"dataset": pxw.Local("in.csv")}, outputs={"scaled": pxw.Local("out.csv", schema=Row)})

    @engine.flow
    def one() -> Any:
        return scale.submit(factor=3).result()

    ref = one()
    assert Path("out.csv").read_text() == "a,b\n1,3\n2,6\n"
    assert ref.place == str(Path("out.csv").absolute())


def test_what_a_script_saves_is_held_to_its_schema(engine: Engine, make: Callable[..., Any]) -> None:
    class Other(BaseModel):
        a: int
        c: int

    scale = make(outputs={"scaled": pxw.Local("out.csv", schema=Other)})

    @engine.flow
    def one() -> Any:
        return scale(pxw.Local("in.csv"))

    with pytest.raises(SchemaError, match="c"):
        one()


def test_a_failing_script_and_one_that_saves_something_else_fail_the_task(
    engine: Engine, make: Callable[..., Any], tmp_path: Path
) -> None:
    @engine.flow
    def one(task: Any) -> Any:
        return task(pxw.Local("in.csv"))

    with pytest.raises(ScriptError, match=r"task 'old' failed: ValueError: no") as failed:
        one(make('\nraise ValueError("no")'))
    assert failed.value.at == f"{tmp_path / 'old.py'}:2"
    with pytest.raises(OutputError, match="did you mean 'scaled'"):
        one(make(outputs=["scalde"]))


def test_the_walk_of_a_check_sees_its_edges(make: Callable[..., Any], engine: Engine) -> None:
    class Other(BaseModel):
        z: int

    scale = make(inputs={"dataset": pxw.Dataset(schema=Other)})

    @engine.task(outputs={"table": pxw.Dataset(schema=Row)})
    def new() -> pd.DataFrame: ...

    @engine.flow
    def one() -> Any:
        return scale(new())

    walk = Walk()
    with walk.going():
        one()
    assert walk.tasks == ["new", "old"]
    assert [type(each) for each in walk.findings] == [EdgeError]


def test_outside_of_a_flow_it_is_a_function_of_values(make: Callable[..., Any]) -> None:
    scale = make(outputs={"scaled": pxw.Dataset(format="csv"), "rows": pxw.Dataset()})
    outputs = scale(pxw.Local("in.csv"), factor=5)
    assert outputs.scaled["b"].tolist() == [5, 10]
    assert outputs.rows == 2


def test_what_it_prints_goes_to_the_log_of_its_task_run(
    engine: Engine, make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    from prefect.logging.handlers import APILogHandler

    scale = make()

    @engine.flow
    def one() -> Any:
        return scale(pxw.Local("in.csv"))

    name = "prefect.task_runs" if engine.name == "prefect" else "pxw.scripts.old"
    with caplog.at_level(logging.INFO, logger=name):
        one()
    (record,) = [record for record in caplog.records if record.getMessage() == "read 2"]
    assert record.name == name
    if engine.name == "prefect":  # what the server files it under
        assert record.task_run_id
        assert any(isinstance(handler, APILogHandler) for handler in logging.getLogger(name).handlers)


def test_a_declaration_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "read_data.py").write_text("")
    with pytest.raises(DeclarationError, match=r"did you mean 'read_data\.py'"):
        pxw.script(tmp_path / "raed_data.py")
    with pytest.raises(DeclarationError, match="'a b' is not a valid parameter name"):
        pxw.script(tmp_path / "read_data.py", inputs=["a b"])
    with pytest.raises(DeclarationError, match="x: an input and a parameter"):
        pxw.script(tmp_path / "read_data.py", inputs=["x"], parameters={"x": 1})


def test_a_relative_path_is_beside_the_calling_file() -> None:
    with pytest.raises(DeclarationError) as caught:
        pxw.script("nowhere/read_data.py")
    assert str(Path(__file__).parent / "nowhere" / "read_data.py") in str(caught.value)


def test_parameters_by_name_alone_are_given_by_each_call(make: Callable[..., Any], engine: Engine) -> None:
    scale = make(parameters=["factor"], outputs={"scaled": pxw.Dataset(format="csv")})
    assert scale(pxw.Local("in.csv"), factor=3)["b"].tolist() == [3, 6]
    with pytest.raises(TypeError, match="factor"):
        scale(pxw.Local("in.csv"))
    with pytest.raises(DeclarationError, match=r"parameters='factor' is no list of names"):
        make(parameters="factor")


def test_a_script_sees_the_results_of_its_experiment(make: Callable[..., Any], engine: Engine) -> None:
    total = make(
        """
import proactive_helper as ph
runs = ph.get_experiment_results()["A"]
assert runs[1] == runs["1"]
resultMap.put("total", sum(run["result"] for run in runs.values()))
""",
        inputs=[],
        outputs=["total"],
        parameters=["experiment_results"],
    )

    @engine.flow
    def experiment() -> Any:
        runs = pxw.Runs()
        runs.add({}, 2)
        runs.add({}, 3)
        return pxw.load(total(experiment_results={"A": runs}))

    assert experiment() == 5


ASKED = """
assert variables["grade"] == 4 and variables["remark"] == "fine", variables["grade"]
resultMap.put("twice", 2 * variables["grade"])
"""


class Review(BaseModel):
    """Look at the figures."""

    grade: Annotated[int, Field(ge=1, le=5)]
    remark: str


def _in_flow(engine: Engine, task: Any, **given: Any) -> Any:
    @engine.flow
    def reviewed() -> Any:
        return task(**given)

    return reviewed()


def test_a_person_fills_in_a_form_that_begins_with_the_values_of_the_call(
    engine: Engine, make: Callable[..., Any]
) -> None:
    asked: list[Question] = []

    def ask(question: Question) -> dict[str, Any]:
        asked.append(question)
        return question.form.model_validate({"remark": "fine"}).model_dump()

    review = make(ASKED, inputs=["seen"], outputs=["twice"], parameters=["grade"], asks=Review)
    token = asker.set(ask)
    try:
        assert pxw.load(_in_flow(engine, review, seen="0.75", grade=4)) == 8
    finally:
        asker.reset(token)
    (question,) = asked
    assert question.facts == ("Look at the figures.", "seen: 0.75")
    with pytest.raises(ValidationError):
        question.form(grade=6, remark="")


@pytest.mark.parametrize("engine", ["inline"], indirect=True)
def test_where_nobody_can_answer_the_task_fails(make: Callable[..., Any], engine: Engine) -> None:
    review = make(ASKED, inputs=[], outputs=["twice"], parameters=["grade"], asks=Review)
    with pytest.raises(ScriptError, match="waits for a person, and nobody can answer"):
        _in_flow(engine, review, grade=4)


@pytest.mark.parametrize("engine", ["prefect"], indirect=True)
def test_on_prefect_the_page_of_the_flow_run_asks(
    make: Callable[..., Any], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PXW_ANSWER_TIMEOUT", "1")
    review = make(ASKED, inputs=[], outputs=["twice"], parameters=["grade"], asks=Review)
    with pytest.raises(ScriptError, match="nobody answered within 1 s"):
        _in_flow(engine, review, grade=4)
