"""Hold tables to their schema where they are loaded or saved."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pyarrow as pa

from pxw.schemas import Checker, Schema, compile_schema, fit, schema_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pxw.schemas import Fault
    from pxw.specs import Dataset

__all__ = ["fitted", "fitted_stream", "schema_of"]

_log = logging.getLogger("pxw")


def schema_of(spec: Dataset) -> Schema | None:
    """The compiled schema of a spec, if it has one."""
    return None if spec.table is None else compile_schema(spec.table, validators=spec.validators)


def fitted(table: pa.Table, spec: Dataset, at: str, checked: str = "") -> pa.Table:
    """Cast and check a table; one that is known to fit (`checked`) passes as it is."""
    schema = schema_of(spec)
    if schema is None or schema.fingerprint == checked:
        return table
    table, faults = fit(table, schema, spec.coerce)
    _judge(faults, schema, spec, at)
    return table


def fitted_stream(batches: pa.RecordBatchReader, spec: Dataset, at: str, checked: str = "") -> pa.RecordBatchReader:
    """The same batch by batch; the faults of all of them are told after the last one."""
    schema = schema_of(spec)
    if schema is None or schema.fingerprint == checked:
        return batches
    checker = Checker(schema, spec.coerce)
    first = checker.check(pa.RecordBatch.from_pylist([], schema=batches.schema))

    def checking() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield checker.check(batch)
        _judge(checker.finish(), schema, spec, at)

    return pa.RecordBatchReader.from_batches(first.schema, checking())


def _judge(faults: Sequence[Fault], schema: Schema, spec: Dataset, at: str) -> None:
    if not faults:
        return
    error = schema_error(faults, at=at, schema=schema)
    if spec.severity == "error":
        raise error
    _log.warning("%s", error)
