"""Declarations, checked against the function when it is decorated; and the results of a function, taken apart."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import BaseModel

import pxw
from pxw.binding import Binding, Step, declare
from pxw.binding.outcome import named_refs
from pxw.errors import ArgumentError, ConversionError, DeclarationError, FormatError, MissingDataError
from pxw.runs import Run


class Row(BaseModel):
    n: int


@pytest.fixture
def step(tmp_path):
    (tmp_path / "run").mkdir()
    return Step(Run("id", "flow", tmp_path / "run"), "key")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (None, {}),
        (["a", "b"], {"a": pxw.Dataset(), "b": pxw.Dataset()}),
        (("a",), {"a": pxw.Dataset()}),
        ({"a": Row}, {"a": pxw.Dataset(schema=Row)}),
        ({"a": "x.csv"}, {"a": pxw.Local("x.csv")}),
        ({"a": None}, {"a": pxw.Dataset()}),
        ({"a": pxw.DDM(project="p")}, {"a": pxw.DDM(project="p")}),
    ],
)
def test_what_may_be_written_for_specs(said, meant):
    assert declare(said, "inputs") == meant


@pytest.mark.parametrize("said", ["a", 5, {"a", "b"}])
def test_anything_else_is_refused(said):
    with pytest.raises(DeclarationError, match="inputs="):
        declare(said, "inputs")


def test_a_name_that_cannot_be_an_attribute_may_name_a_single_output_only():
    def fn(): ...

    assert list(Binding.of(fn, None, None, ["my table"]).outputs) == ["my table"]
    with pytest.raises(DeclarationError, match="identifier"):
        Binding.of(fn, None, None, ["my table", "b"])


def test_an_annotation_that_is_unknown_at_run_time_says_how_to_mend_it():
    def fn(table: Unknown): ...  # type: ignore[name-defined]  # noqa: F821 - that is what is tested

    with pytest.raises(DeclarationError, match=r"(?s)'Unknown', unknown at run time.*TYPE_CHECKING"):
        Binding.of(fn, None, None, None).call_plain((1,), {})


def test_references_to_several_outputs_survive_pickling():
    refs = named_refs(("low", "high"), [pxw.Ref(place="/a"), pxw.Ref(place="/b")])
    again = pickle.loads(pickle.dumps(refs))
    assert again == refs
    assert again.high.place == "/b"
    assert again._replace(low=1).low == 1


def test_an_argument_that_cannot_be_written_down_names_the_task_and_its_input(step):
    binding = Binding.of(lambda table: None, "plot", None, None)
    with pytest.raises(ConversionError, match="task 'plot', input 'table'"):
        binding.call(step, (pd.DataFrame({"a": [object()]}),), {})


def test_an_output_that_no_format_holds_names_the_task_and_its_output(step):
    binding = Binding.of(object, "train", None, ["model"])
    with pytest.raises(FormatError, match=r"(?s)task 'train', output 'model'.*skops"):
        binding.call(step, (), {})


def test_an_input_that_cannot_be_read_names_the_task_and_its_input(step):
    binding = Binding.of(lambda table: None, "plot", ["table"], None)
    with pytest.raises(MissingDataError, match="task 'plot', input 'table'"):
        binding.call(step, (pxw.Local("none.csv"),), {})


@pytest.mark.parametrize("path", ["data/in.csv", Path("data/in.csv")])
def test_a_text_in_the_place_of_a_table_is_refused_with_the_remedy(step, path):
    def plot(table: pd.DataFrame) -> int:
        return len(table)

    binding = Binding.of(plot, None, ["table"], None)
    for call in (lambda: binding.call(step, (path,), {}), lambda: binding.call_plain((path,), {})):
        with pytest.raises(ArgumentError, match=r"'plot', input 'table' takes a DataFrame.*'data/in.csv'") as caught:
            call()
        assert "pxw.Local('data/in.csv')" in caught.value.help


def test_an_argument_that_the_function_does_not_take_names_the_task_and_what_it_takes(step):
    binding = Binding.of(lambda table: None, "plot", ["table"], None)
    with pytest.raises(ArgumentError, match=r"'plot' got an unexpected keyword argument 'tabel'") as caught:
        binding.call(step, (), {"tabel": 1})
    assert caught.value.help == "did you mean 'table'?"


def test_a_reference_says_who_made_it_and_where_it_went(step, tmp_path):
    def fn(n: int) -> pd.DataFrame:
        return pd.DataFrame({"n": range(n)})

    ref = Binding.of(fn, "make", None, {"table": Row}).call(step, (3,), {})
    assert (ref.flow, ref.run, ref.task, ref.output) == ("flow", "id", "make", "table")
    assert ref.place == str(tmp_path / "run/make-key/table.arrow")
    assert (ref.rows, ref.columns) == (3, {"n": "int64"})


def test_a_large_input_is_let_go_before_the_output_is_written(step):
    import weakref

    alive = []

    def fn(frames: list[Any]) -> Any:
        alive.append(weakref.ref(frames[0]))
        return {"n": 1}

    binding = Binding.of(fn, "use", None, ["facts"])
    original = Binding._saved

    def saved(self: Binding, *args: Any) -> Any:
        alive.append(alive[0]() is None)
        return original(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Binding, "_saved", saved)
        binding.call(step, ([pd.DataFrame({"n": range(10)})],), {})
    assert alive[1] is True
