"""Hold tables to their schema where they are loaded or saved."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pydantic import BaseModel, TypeAdapter, ValidationError

from pxw.codecs.documents import rows_to_table
from pxw.codecs.kinds import is_table
from pxw.codecs.tables import to_arrow
from pxw.data.schema import schema_of
from pxw.errors import SchemaError, SpecError
from pxw.schemas import Checker, Schema, fit, schema_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pxw.schemas import Fault
    from pxw.specs import Dataset

__all__ = ["fitted", "fitted_stream", "hold_value"]

_log = logging.getLogger("pxw")


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


def hold_value(value: Any, spec: Dataset, at: str) -> None:
    """Check a value that is written or was read as it is: a document, or a frame in a pickle."""
    model = spec.table
    if model is None:
        return
    if is_table(value):
        fitted(to_arrow(value), spec, at)
    elif isinstance(value, dict | list | BaseModel) and isinstance(model, type) and issubclass(model, BaseModel):
        _hold_document(value, model, spec, at)
    elif isinstance(value, list):
        fitted(rows_to_table(value, at), spec, at)
    else:
        raise SpecError(
            f"a schema is for tables and documents, and this is a {type(value).__name__}",
            at=at,
            help="leave out schema=; a pydantic model says what a JSON object must be",
        )


def _hold_document(value: Any, model: type[BaseModel], spec: Dataset, at: str) -> None:
    """The document, or each of a list, must be what the model describes."""
    try:
        TypeAdapter(list[model] if isinstance(value, list) else model).validate_python(value)  # type: ignore[valid-type]
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or '$'}: {fault['msg']}" for fault in error.errors()]
        _tell(SchemaError(f"the document does not fit {model.__name__}", at=at, details=faults), spec)


def _judge(faults: Sequence[Fault], schema: Schema, spec: Dataset, at: str) -> None:
    if faults:
        _tell(schema_error(faults, at=at, schema=schema), spec)


def _tell(error: SchemaError, spec: Dataset) -> None:
    if spec.severity == "error":
        raise error
    _log.warning("%s", error)
