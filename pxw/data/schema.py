"""The schema that a spec declares, compiled when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxw import schemas

if TYPE_CHECKING:
    from pxw.schemas import Schema
    from pxw.specs import Dataset

__all__ = ["schema_of"]


def schema_of(spec: Dataset) -> Schema | None:
    """The compiled schema of a spec, if it has one."""
    return None if spec.table is None else schemas.compile_schema(spec.table, validators=spec.validators)
