"""Names of the DSL as names of Python."""

from __future__ import annotations

import builtins
import keyword
import re
import sys
import unicodedata
from itertools import chain

__all__ = ["Names", "is_parameter", "module_name", "snake"]


def snake(name: str) -> str:
    """Write a name as Python writes the names of functions and variables.

    >>> snake("ReadData"), snake("Split-2"), snake("class"), snake("Größe"), snake("ROC2AUC")
    ('read_data', 'split_2', 'class_', 'grosse', 'roc2_auc')
    """
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain)
    text = re.sub(r"\W+|_+", "_", words).strip("_").lower()
    text = f"n_{text}" if not text or text[0].isdigit() else text
    return f"{text}_" if keyword.iskeyword(text) or keyword.issoftkeyword(text) or text in dir(builtins) else text


def module_name(name: str) -> str:
    """Name a module, so that it hides none that it, or a script, imports.

    >>> module_name("DataProcessing"), module_name("JSON"), module_name("Pandas")
    ('data_processing', 'json_flow', 'pandas_flow')
    """
    text = snake(name)
    return f"{text.rstrip('_')}_flow" if text in sys.stdlib_module_names or text in _IMPORTED else text


_IMPORTED = {"numpy", "pandas", "prefect", "pxw", "pyarrow", "pydantic", "sklearn"}


def is_parameter(name: str) -> bool:
    """Can a Python function have a parameter of this very name?"""
    return name.isidentifier() and not keyword.iskeyword(name)


class Names:
    """Hands out names of one scope, each once.

    >>> names = Names({"pxw"})
    >>> names.new("Read"), names.new("read"), names.new("x", "train_x"), names.new("x", "train_x"), names.new("pxw")
    ('read', 'read_2', 'x', 'train_x', 'pxw_2')
    """

    def __init__(self, taken: set[str]) -> None:
        self._taken = set(taken)

    def new(self, *wishes: str) -> str:
        """The first of the wishes that is free; else the last with a number."""
        texts = [snake(each) for each in wishes]
        numbered = (f"{texts[-1].rstrip('_')}_{number}" for number in range(2, sys.maxsize))
        found = next(each for each in chain(texts, numbered) if each not in self._taken)
        self._taken.add(found)
        return found
