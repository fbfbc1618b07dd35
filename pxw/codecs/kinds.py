"""The Python types that hold tables, told by their names: to ask is free, and imports none of their packages."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from typing import Any

__all__ = ["KINDS", "is_stream_type", "is_table", "is_table_type", "kind_of", "table_type"]

# "<package>.<class>" -> the kind; a package is looked at only once somebody has imported it.
KINDS = {
    "pandas.DataFrame": "pandas",
    "pyarrow.Table": "table",
    "pyarrow.RecordBatch": "batch",
    "pyarrow.RecordBatchReader": "reader",
    "polars.DataFrame": "polars",
    "polars.LazyFrame": "lazy",
    "duckdb.DuckDBPyRelation": "duckdb",
    "_duckdb.DuckDBPyRelation": "duckdb",
}


def kind_of(cls: Any) -> str | None:
    """Which kind of table values of this type are, if any."""
    return _kind_of(cls) if isinstance(cls, type) else None


@lru_cache(1024)  # asked several times a task; a class that is no table never becomes one
def _kind_of(cls: type) -> str | None:
    for known, kind in KINDS.items():
        package, _, name = known.partition(".")
        found = getattr(sys.modules.get(package), name, None)
        if isinstance(found, type) and issubclass(cls, found):
            return kind
    return None


def is_table_type(as_: Any) -> bool:
    """Whether this type holds tables."""
    return kind_of(as_) is not None


def is_stream_type(as_: Any) -> bool:
    """Whether values of this type pass rows on without holding them all."""
    return kind_of(as_) == "reader"


def is_table(value: Any) -> bool:
    """Whether this value is a table."""
    return kind_of(type(value)) is not None


def table_type(name: str) -> Any:
    """The type of tables that goes by a name such as `pandas.DataFrame`, if its package is here."""
    package, _, cls = name.partition(".")
    if name not in KINDS:
        return None
    with suppress(ModuleNotFoundError):
        return getattr(import_module(package), cls, None)
    return None
