"""Values between tasks, old and new: exactly what was saved, and frames as Arrow."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

import pxw
import pxw.compat
from pxw import data
from pxw.errors import DatasetAlteredError
from pxw.specs import Dataset
from tests.compat.conftest import Runner

NUMBERS = np.random.default_rng(0)

FRAMES: dict[str, tuple[str, pd.DataFrame]] = {
    "numbers": ("arrow", pd.DataFrame({"i": np.arange(3, dtype="int8"), "f": [0.5, np.nan, 1]})),
    "one block": ("arrow", pd.DataFrame(NUMBERS.normal(size=(5, 3)), columns=list("abc"))),
    "texts": ("arrow", pd.DataFrame({"t": ["a", "é", ""]})),
    "texts with gaps": ("arrow", pd.DataFrame({"t": ["a", None]})),
    "objects that are texts": ("arrow", pd.DataFrame({"t": pd.Series(["a", "b"], dtype=object)})),
    "times": ("arrow", pd.DataFrame({"t": pd.to_datetime(["2020-01-01", None])})),
    "times with zones": ("arrow", pd.DataFrame({"t": pd.to_datetime(["2020-01-01"], utc=True)})),
    "nullable": ("arrow", pd.DataFrame({"i": pd.array([1, None], dtype="Int64")})),
    "booleans": ("arrow", pd.DataFrame({"b": [True, False]})),
    "rows left out": ("arrow", pd.DataFrame({"a": [1, 2, 3]}).drop(1)),
    "a named range": ("arrow", pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(2, 6, 2, name="n"))),
    "no rows": ("arrow", pd.DataFrame({"a": np.array([], dtype="int64")})),
    "no columns": ("pickle", pd.DataFrame(index=pd.RangeIndex(3))),
    "gaps in objects": ("pickle", pd.DataFrame({"o": pd.Series(["a", np.nan, None], dtype=object)})),
    "mixed": ("pickle", pd.DataFrame({"o": [1, "a", (2, 3)]})),
    "categories": ("pickle", pd.DataFrame({"c": pd.Categorical(["a", "b"], ordered=True)})),
    "labels that are numbers": ("pickle", pd.DataFrame([[1, 2]])),
    "labels twice": ("pickle", pd.DataFrame([[1, 2]], columns=["a", "a"])),
    "labels in levels": ("pickle", pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")]))),
    "times as labels": ("pickle", pd.DataFrame({"a": [1]}, index=pd.to_datetime(["2020-01-01"]))),
    "a label as a column": ("pickle", pd.DataFrame({"a": [1]}, index=pd.Index([1], name="a"))),
    "complex": ("pickle", pd.DataFrame({"c": [1j]})),
}


@pytest.fixture
def values(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that reads and writes values in the child process."""
    monkeypatch.syspath_prepend(str(Path(pxw.compat.__file__).with_name("modules")))
    before = set(sys.modules)
    import pxw_script.values

    yield pxw_script.values
    for name in set(sys.modules) - before:
        if name.startswith("pxw_script"):
            del sys.modules[name]


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_comes_back_exactly_and_may_be_written_to(values: ModuleType, tmp_path: Path, name: str) -> None:
    kind, frame = FRAMES[name]
    item = values.write(frame, str(tmp_path), name)
    assert item["format"] == kind
    again = values.read(item, name)
    assert_frame_equal(again, frame, check_exact=True, check_index_type="exact", check_column_type="exact")
    assert again.columns.equals(frame.columns)
    if len(again) and not name.startswith("labels") and len(again.columns):
        again.iloc[0, 0] = again.iloc[-1, 0]
        assert_frame_equal(values.read(item, name), frame)


def test_a_frame_that_is_more_than_one_keeps_its_class(values: ModuleType, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs["unit"] = "m"
    assert values.read(values.write(frame, str(tmp_path), "x"), "x").attrs == {"unit": "m"}


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        1.5,
        "é\r\n\ud800",
        b"",
        b"\x00",
        bytearray(b"x"),
        (1, [2]),
        {1: {2}},
        np.arange(3),
        np.float32(1),
        range(3),
    ],
    ids=repr,
)
def test_any_other_value_comes_back_with_its_type(values: ModuleType, tmp_path: Path, value: Any) -> None:
    again = values.read(values.write(value, str(tmp_path), "x/y"), "x")
    assert type(again) is type(value)
    assert np.array_equal(again, value) if isinstance(value, np.ndarray) else again == value


def test_a_frame_of_an_old_script_is_a_table_to_new_tasks(script: Runner) -> None:
    ref = script(
        """
        import pandas as pd, proactive_helper as ph
        ph.save_dataset(variables, "frame", pd.DataFrame({"a": [1, 2], "t": ["x", "y"]}))
        """
    ).outputs["frame"]
    assert (ref.format, ref.rows, set(ref.columns or {}), ref.python) == ("arrow", 2, {"a", "t"}, "pandas.DataFrame")
    assert (ref.task, ref.output, ref.flow, ref.run) == ("task", "frame", "demo", "run-1")
    assert pxw.load(ref, pa.Table).column("a").to_pylist() == [1, 2]
    assert pxw.load(ref).t.tolist() == ["x", "y"]
    data.verify(ref)


def test_other_values_of_an_old_script_reach_new_tasks(script: Runner) -> None:
    refs = script(
        """
        import numpy as np, proactive_helper as ph
        ph.save_datasets(variables, ("raw", b"a"), ("text", "é"), ("list", [1, (2,)]), ("array", np.arange(2)))
        """
    ).outputs
    assert pxw.load(refs["raw"]) == b"a"
    assert pxw.load(refs["text"]) == "é"
    assert pxw.load(refs["list"]) == [1, (2,)]
    assert pxw.load(refs["array"]).tolist() == [0, 1]


def test_what_new_tasks_save_reaches_old_scripts(script: Runner, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "f": [0.5, np.nan]})
    folder = tmp_path / "refs"
    inputs = {
        "frame": data.save(frame, Dataset(), beside=folder / "frame"),
        "parquet": data.save(frame, Dataset(format="parquet"), beside=folder / "parquet"),
        "table": data.save(pa.table({"a": [1]}), Dataset(), beside=folder / "table"),
        "array": data.save(np.arange(3), Dataset(), beside=folder / "array"),
        "small": data.save({"a": [1]}, Dataset(), beside=folder / "small"),
        "large": data.save(list(range(5000)), Dataset(), beside=folder / "large"),
        "model": data.save({1: (2,)}, Dataset(format="pickle"), beside=folder / "model"),
        "zipped": data.save("text" * 5000, Dataset(compression="gzip"), beside=folder / "zipped"),
        "files": data.save({"b": b"1", "a": b"2"}, Dataset(), beside=folder / "files"),
    }
    script(
        """
        import proactive_helper as ph, math
        load = lambda key: ph.load_dataset(variables, resultMap, key)
        for key in ("frame", "parquet"):
            frame = load(key)
            assert type(frame).__name__ == "DataFrame" and frame.a.tolist() == [1, 2] and math.isnan(frame.f[1])
            frame.loc[0, "a"] = 5
        assert type(load("table")).__name__ == "Table" and load("table").to_pylist() == [{"a": 1}]
        assert load("array").tolist() == [0, 1, 2]
        assert load("small") == {"a": [1]} and load("large") == list(range(5000)) and load("model") == {1: (2,)}
        assert load("zipped") == "text" * 5000
        assert ph.load_datasets(variables, resultMap, "files") == [b"2", b"1"]
        """,
        inputs=inputs,
    )
    assert_frame_equal(pxw.load(inputs["frame"]), frame)


def test_a_script_never_changes_what_another_task_sees(script: Runner) -> None:
    ref = script(
        "import pandas as pd, proactive_helper as ph\nph.save_dataset(variables, 'f', pd.DataFrame({'a': [1.0, 2.0]}))"
    ).outputs["f"]
    code = """
        import proactive_helper as ph
        frame = ph.load_dataset(variables, "f")
        assert frame.a.tolist() == [1.0, 2.0]
        frame["a"] += 1
        frame.iloc[0, 0] = 9
        """
    script(code, inputs={"f": ref})
    script(code, inputs={"f": ref})


def test_an_intermediate_of_another_run_is_verified_before_it_is_used(script: Runner) -> None:
    ref = script("import proactive_helper as ph\nph.save_dataset(variables, 'k', b'abc')").outputs["k"]
    load = "import proactive_helper as ph\nassert ph.load_dataset(variables, 'k') == b'abc'"
    earlier = ref.changed(run="run-0")
    script(load, inputs={"k": earlier})
    Path(ref.place).write_bytes(b"abx")
    with pytest.raises(DatasetAlteredError):
        script(load, inputs={"k": earlier})
