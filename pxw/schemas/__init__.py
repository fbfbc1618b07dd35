"""Schemas of tables: compiled once from a pydantic, Arrow or pandera model to vectorised checks, and run on Arrow.

compile_schema(Passenger) -> Schema     what to check
fit(table, schema) -> table, faults     cast and check a table; `Checker` does the same for a stream
mismatches(columns, schema) -> list     judge an edge before data flows
schema_error(faults, ...)               the error that tells all faults at once
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pxw.schemas.compiling import compile_schema
from pxw.schemas.faults import Fault, schema_error
from pxw.schemas.joins import mismatches
from pxw.schemas.model import Coerce, Schema, Unique
from pxw.schemas.typetext import columns_of

if TYPE_CHECKING:
    from pxw.schemas.fitting import Checker, fit

__all__ = [
    "Checker",
    "Coerce",
    "Fault",
    "Schema",
    "Unique",
    "columns_of",
    "compile_schema",
    "fit",
    "mismatches",
    "schema_error",
]


def __getattr__(name: str) -> Any:
    # pyarrow.compute costs 30 ms to import, which a process that only declares schemas does not pay.
    if name in {"Checker", "fit"}:
        from pxw.schemas import fitting  # noqa: PLC0415 - see above

        return getattr(fitting, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
