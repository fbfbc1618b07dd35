"""From what a user calls a schema to a `Schema`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.types as pat
from pydantic import BaseModel

from pxw.errors import SpecError
from pxw.schemas.from_pydantic import compile_model
from pxw.schemas.joins import plain
from pxw.schemas.model import Column, Schema
from pxw.schemas.typetext import field_of

__all__ = ["compile_schema"]


def compile_schema(source: object, *, validators: bool = False) -> Schema:
    """Compile a schema to vectorised Arrow checks; compiled once for each source.

    A pydantic model names kinds: an `int` is an integer column of any width, a `datetime` a timestamp of any unit,
    with a time zone or without. A field with a default may be missing from the table (and stays missing). NaN counts
    as missing, so that `float` refuses it, `float | None` takes it, and bounds ignore it. An Arrow schema, a mapping
    of type texts and a pandera model name exact types.

    Args:
        source: a pydantic model, a `pa.Schema`, a pandera model or schema, a mapping from column names to type
            texts, or a `Schema`.
        validators: run the pydantic model's own validators (`field_validator`, `model_validator`, `AfterValidator`,
            `Predicate`), too: row by row in Python, some 100 times slower than the rest. They only check: what they
            return is not used. If not asked for they do not run; `Schema.skipped_validators` names them.

    Examples:
        >>> from pydantic import BaseModel, Field
        >>> class Passenger(BaseModel):
        ...     age: float | None = Field(ge=0, le=120)
        ...     fare: float
        >>> compile_schema(Passenger).columns
        {'age': 'double', 'fare': 'double not null'}
    """
    if isinstance(source, Schema):
        return source
    if isinstance(source, type) and issubclass(source, BaseModel):
        return _compiled_model(source, validators)
    if isinstance(source, pa.Schema):
        return _compiled_arrow(source)
    if isinstance(source, Mapping) and all(isinstance(text, str) for pair in source.items() for text in pair):
        return _compiled_arrow(pa.schema([field_of(name, text) for name, text in source.items()]))
    if _is_pandera(source):
        from pxw.schemas.from_pandera import compile_pandera  # noqa: PLC0415 - imports pandas and pandera

        return compile_pandera(source)
    raise SpecError(
        f"no schema: {source!r}",
        help="give a pydantic model (the class), a pyarrow.Schema, a pandera model or schema, or a mapping from "
        "column names to types such as {'age': 'double'}",
    )


_compiled_model = lru_cache(maxsize=256)(compile_model)


@lru_cache(maxsize=256)
def _compiled_arrow(schema: pa.Schema) -> Schema:
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise SpecError(f"a schema with two columns {name!r}", help="give every column a name of its own")
    return Schema("schema", tuple(_column(field) for field in schema))


def _column(field: pa.Field, name: str | None = None) -> Column:
    return Column(name or field.name, field.type, nullable=field.nullable, children=_children(plain(field.type)))


def _children(kind: pa.DataType) -> tuple[Column, ...]:
    if pat.is_struct(kind):
        return tuple(_column(field) for field in kind)
    if pat.is_map(kind):
        return _column(kind.key_field, "keys()"), _column(kind.item_field, "values()")
    if pat.is_list(kind) or pat.is_fixed_size_list(kind):
        return (_column(kind.value_field, "[]"),)
    return ()


def _is_pandera(source: Any) -> bool:
    classes = source.__mro__ if isinstance(source, type) else type(source).__mro__
    return any(
        base.__module__.startswith("pandera.") and base.__name__ in {"DataFrameModel", "DataFrameSchema"}
        for base in classes
    )
