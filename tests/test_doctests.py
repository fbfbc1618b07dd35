"""The examples in the docstrings of pxw run, each module's in a folder of its own."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import pxw

_ELSEWHERE = ("pxw.__main__", "pxw.compat.modules.")  # one starts the program, the others are for a script's process
_MODULES = sorted(
    found.name for found in pkgutil.walk_packages(pxw.__path__, "pxw.") if not found.name.startswith(_ELSEWHERE)
)


@pytest.mark.parametrize("name", _MODULES)
def test_the_examples_of_a_module_run(name: str, tmp_path: Path) -> None:
    module = importlib.import_module(name)
    outcome = doctest.testmod(
        module, extraglobs={"folder": tmp_path}, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert not outcome.failed
