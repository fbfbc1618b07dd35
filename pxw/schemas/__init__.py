"""Schemas of tables: compiled once from a pydantic, Arrow or pandera model to vectorised checks, and run on Arrow.

compile_schema(Passenger) -> Schema     what to check
fit(table, schema) -> table, faults     cast and check a table; `Checker` does the same for a stream
mismatches(columns, schema) -> list     judge an edge before data flows
schema_error(faults, ...)               the error that tells all faults at once
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxw.lazy import lazily

if TYPE_CHECKING:
    from pxw.schemas.compiling import compile_schema
    from pxw.schemas.faults import Fault, schema_error
    from pxw.schemas.fitting import Checker, fit
    from pxw.schemas.joins import mismatches
    from pxw.schemas.model import Coerce, Schema, Unique
    from pxw.schemas.typetext import columns_of

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

# Arrow and what it brings take 100 ms to import, which a process that meets no table does not pay.
__getattr__ = lazily(
    __name__,
    {
        **dict.fromkeys(("Checker", "fit"), "fitting"),
        **dict.fromkeys(("Coerce", "Schema", "Unique"), "model"),
        **dict.fromkeys(("Fault", "schema_error"), "faults"),
        "columns_of": "typetext",
        "compile_schema": "compiling",
        "mismatches": "joins",
    },
)
