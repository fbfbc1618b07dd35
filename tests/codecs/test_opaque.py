"""Pickles are written only where spelled out, and loaded only if this installation wrote them or somebody vouches."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from pxw import Dataset, Local, data
from pxw.errors import ConversionError, CorruptDataError, FormatError, PickleRefusedError, SchemaError


class Trap:
    """Runs code when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.place,)


class Own:
    """A type that skops does not know."""

    def __init__(self) -> None:
        self.x = 1


@pytest.mark.parametrize("suffix", ["pkl", "joblib", "pkl.gz"])
def test_an_own_pickle_loads(suffix: str, tmp_path: Path) -> None:
    ref = data.save({"x": (1, {2})}, Local(tmp_path / f"v.{suffix}"))
    assert data.load(ref) == {"x": (1, {2})}
    assert data.load(Local(tmp_path / f"v.{suffix}"), dict) == {"x": (1, {2})}


@pytest.mark.parametrize("dump", [pickle.dump, joblib.dump], ids=["pickle", "joblib"])
def test_a_foreign_pickle_is_refused_before_it_runs_anything(dump: Any, tmp_path: Path) -> None:
    with (tmp_path / "v.pkl").open("wb") as file:
        dump(Trap(tmp_path / "sprung"), file)
    with pytest.raises(PickleRefusedError, match="allow_pickle=True"):
        data.load(Local(tmp_path / "v.pkl", format=dump.__module__.partition(".")[0].strip("_")))
    assert not (tmp_path / "sprung").exists()


def test_a_foreign_pickle_loads_when_vouched_for(tmp_path: Path) -> None:
    (tmp_path / "v.pkl").write_bytes(pickle.dumps([1]))
    assert data.load(Local(tmp_path / "v.pkl", allow_pickle=True)) == [1]


def test_an_own_pickle_that_was_exchanged_is_foreign(tmp_path: Path) -> None:
    data.save([1], Local(tmp_path / "v.pkl"))
    (tmp_path / "v.pkl").write_bytes(pickle.dumps([2]))
    with pytest.raises(PickleRefusedError):
        data.load(Local(tmp_path / "v.pkl"))


def test_a_copy_of_an_own_pickle_is_known_by_its_bytes(tmp_path: Path) -> None:
    data.save([1], Local(tmp_path / "v.pkl"))
    (tmp_path / "copy.pkl").write_bytes((tmp_path / "v.pkl").read_bytes())
    assert data.load(Local(tmp_path / "copy.pkl")) == [1]


def test_another_installation_did_not_write_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.save([1], Local(tmp_path / "v.pkl"))
    monkeypatch.setenv("PXW_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(PickleRefusedError):
        data.load(Local(tmp_path / "v.pkl"))


def test_entries_of_a_folder_are_known_too(tmp_path: Path) -> None:
    data.save({"a.pkl": {1, 2}}, Local(f"{tmp_path}/models/"))
    assert data.load(Local(f"{tmp_path}/models/")) == {"a.pkl": {1, 2}}


def test_no_value_is_pickled_unless_the_format_is_spelled_out(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no format holds a .*\.Own[\s\S]*'skops'"):
        data.save(Own(), Dataset(), beside=tmp_path / "own")
    assert not list(tmp_path.iterdir())


def test_arrays_of_objects_are_not_pickled_behind_your_back(tmp_path: Path) -> None:
    for value, name in ((np.array([{}]), "a.npy"), ({"x": np.array([{}])}, "a.npz")):
        with pytest.raises(ConversionError, match="format='pickle'"):
            data.save(value, Local(tmp_path / name))
    np.save(tmp_path / "b.npy", np.array([Trap(tmp_path / "sprung")]), allow_pickle=True)
    with pytest.raises(CorruptDataError):
        data.load(Local(tmp_path / "b.npy"))
    assert not (tmp_path / "sprung").exists()


def test_skops_keeps_models_and_refuses_types_that_it_does_not_know(tmp_path: Path) -> None:
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    ref = data.save(model, Local(tmp_path / "m.skops"))
    assert data.load(ref, LogisticRegression).predict([[0.9]]) == [1]
    (tmp_path / "foreign.skops").write_bytes(skops.io.dumps(Own()))
    with pytest.raises(PickleRefusedError, match="Own"):
        data.load(Local(tmp_path / "foreign.skops"))
    assert data.load(Local(tmp_path / "foreign.skops", allow_pickle=True)).x == 1


@pytest.mark.parametrize("suffix", ["pkl", "joblib", "skops"])
def test_what_cannot_be_written_is_said_and_leaves_nothing(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="cannot hold a"):
        data.save({"f": (item for item in ())}, Local(tmp_path / f"v.{suffix}"))
    assert not list(tmp_path.iterdir())


def test_a_class_that_is_gone_is_named(tmp_path: Path) -> None:
    (tmp_path / "v.pkl").write_bytes(b"cgone_module\nGone\n.")
    with pytest.raises(CorruptDataError, match="gone_module"):
        data.load(Local(tmp_path / "v.pkl", allow_pickle=True))


def test_a_pickle_holds_what_its_reader_asks_for(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="holds a list, and a dict was asked for"):
        data.load(data.save([1], Local(tmp_path / "v.pkl")), dict)


def test_a_frame_in_a_pickle_is_held_to_its_schema(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["x"]})
    with pytest.raises(SchemaError, match="'a'"):
        data.save(frame, Local(tmp_path / "v.pkl", schema={"a": "int64"}))
    ref = data.save(frame, Local(tmp_path / "v.pkl"))
    with pytest.raises(SchemaError, match="'a'"):
        data.load(ref, pd.DataFrame, Dataset(schema={"a": "int64"}))
