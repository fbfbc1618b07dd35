"""The examples in the docstrings of the command line hold."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import pxw.cli


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(pxw.cli.__path__, "pxw.cli.")])
def test_the_examples_of_a_module_hold(name):
    module = importlib.import_module(name) if not name.endswith("__main__") else pxw.cli
    assert doctest.testmod(module).failed == 0
