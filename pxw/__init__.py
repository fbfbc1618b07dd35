"""Computational experiments as plain, typed Python functions: Prefect orchestrates, pxw owns the data."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pxw.codecs import Codec, File, TableCodec
    from pxw.engines.prefect.flows import flow
    from pxw.engines.prefect.tasks import task
    from pxw.errors import PxwError
    from pxw.isolated import Env
    from pxw.retrying import retry_on
    from pxw.schemas import Unique
    from pxw.scripts import script
    from pxw.spaces import Grid, Runs, grid, sample
    from pxw.specs import DDM, Arrow, Csv, Dataset, Json, Local, Parquet, Ref, Remote, Spec, Text
    from pxw.threads import parallel
    from pxw.values import load, outputs, register, results, save

__all__ = [
    "DDM",
    "Arrow",
    "Codec",
    "Csv",
    "Dataset",
    "Env",
    "File",
    "Grid",
    "Json",
    "Local",
    "Parquet",
    "PxwError",
    "Ref",
    "Remote",
    "Runs",
    "Spec",
    "TableCodec",
    "Text",
    "Unique",
    "flow",
    "grid",
    "load",
    "outputs",
    "parallel",
    "register",
    "results",
    "retry_on",
    "sample",
    "save",
    "script",
    "task",
]

__version__ = "0.1.0"

# Names are imported when they are first used: a script that only reads a dataset does not pay for Prefect.
_WHERE = {
    **dict.fromkeys(
        ("DDM", "Arrow", "Csv", "Dataset", "Json", "Local", "Parquet", "Ref", "Remote", "Spec", "Text"), "pxw.specs"
    ),
    **dict.fromkeys(("Codec", "File", "TableCodec"), "pxw.codecs"),
    **dict.fromkeys(("load", "outputs", "register", "results", "save"), "pxw.values"),
    **dict.fromkeys(("Grid", "Runs", "grid", "sample"), "pxw.spaces"),
    "Env": "pxw.isolated",
    "PxwError": "pxw.errors",
    "parallel": "pxw.threads",
    "Unique": "pxw.schemas",
    "retry_on": "pxw.retrying",
    "script": "pxw.scripts",
    "task": "pxw.engines.prefect.tasks",
    "flow": "pxw.engines.prefect.flows",
}


def __getattr__(name: str) -> Any:
    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(f"module 'pxw' has no attribute {name!r}")
    if name in {"task", "flow"} and _inline():
        where = "pxw.engines.inline"
    found = getattr(import_module(where), name)
    if name not in {"task", "flow"}:
        globals()[name] = found
    return found


def _inline() -> bool:
    """Whether `pxw run --inline` or `pxw check` is importing a user's file."""
    importing = sys.modules.get("pxw.importing")
    return importing is not None and importing.is_inline()


def __dir__() -> list[str]:
    return sorted(__all__)
