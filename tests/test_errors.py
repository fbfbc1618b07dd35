"""The exception tree: stable codes, words, and what crosses process borders."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pxw import errors
from pxw.errors import PxwError, SchemaError, nearest

CLASSES = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, PxwError)]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [cls.code for cls in CLASSES]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"PXW\d{3}", code) for code in codes)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_drawing_of_the_tree_tells_the_truth(cls: type[PxwError]) -> None:
    drawn = dict(re.findall(r"(\w+Error)\s+(PXW\d{3})", errors.__doc__ or ""))
    if cls.__subclasses__() and cls.__name__ not in drawn:
        assert cls.__name__ in (errors.__doc__ or "")
    else:
        assert drawn[cls.__name__] == cls.code


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_error_crosses_process_borders_whole(cls: type[PxwError]) -> None:
    error = cls("what", at="where", help="how", details=["one", "two"])
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is cls
    assert str(back) == str(error) == f"what [{cls.code}]\n  at: where\n  one\n  two\n  help: how"
    assert back.args == ("what",)


def test_a_place_added_later_is_kept() -> None:
    error = SchemaError("what")
    error.at = "task 'a'"
    assert "at: task 'a'" in str(pickle.loads(pickle.dumps(error)))


def test_errors_are_what_plain_python_expects_too() -> None:
    assert issubclass(errors.MissingDataError, FileNotFoundError)
    assert issubclass(errors.SpecError, ValueError)
    assert issubclass(errors.RefTouchedError, AttributeError)


@given(st.text(max_size=8), st.lists(st.text(max_size=8), max_size=20))
def test_a_remedy_names_candidates_or_says_that_there_are_none(name: str, candidates: list[str]) -> None:
    said = nearest(name, candidates)
    if not candidates:
        assert said == "there are none"
    elif name in candidates:
        assert said == f"did you mean {name!r}?"
    else:
        assert any(repr(other) in said or other in said for other in candidates)
