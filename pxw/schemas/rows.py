"""A model's own validators, row by row."""

from __future__ import annotations

from functools import partial
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from pxw.schemas.faults import Breach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

__all__ = ["RowChecks", "code_text"]


class RowChecks:
    """Runs the custom validators of a model on every row; errors of the other kinds are found vectorised."""

    whole = False

    def __init__(self, model: type[BaseModel], digest: str) -> None:
        self.model = model
        self.digest = digest

    def breaches(self, table: pa.Table) -> Iterator[Breach]:
        """Check these rows, without a copy of them all as Python values."""
        row = 0
        for batch in table.to_batches(max_chunksize=8192):
            for values in batch.to_pylist(maps_as_pydicts="strict"):
                present = {name: None if value != value else value for name, value in values.items()}  # noqa: PLR0124 - NaN
                yield from self._row(row, present)
                row += 1

    def _row(self, row: int, values: dict[str, Any]) -> Iterator[Breach]:
        try:
            self.model.__pydantic_validator__.validate_python(values)
        except ValidationError as errors:
            for error in errors.errors(include_url=False, include_context=False):
                if not _is_vectorised(error["type"]):
                    path = ".".join(part for part in error["loc"] if isinstance(part, str))
                    yield Breach(
                        path, error["type"], f"break a validator: {error['msg']}", 1, (row,), (error["input"],)
                    )


def _is_vectorised(kind: str) -> bool:
    """Would the column's own checks find this, too?"""
    return kind in _VECTORISED or kind.endswith(("_type", "_parsing", "_too_short", "_too_long"))


_VECTORISED = {
    *("missing", "extra_forbidden", "greater_than", "greater_than_equal", "less_than", "less_than_equal"),
    *("multiple_of", "finite_number", "string_pattern_mismatch", "literal_error", "enum", "too_short", "too_long"),
    *("decimal_max_digits", "decimal_max_places", "decimal_whole_digits", "timezone_naive", "timezone_aware"),
}


def code_text(function: Callable[..., Any]) -> str:
    """Word what a function does, the same in every process, so that a changed validator is another schema."""
    if isinstance(function, partial):
        return f"{code_text(function.func)} {function.args} {function.keywords}"
    plain = getattr(function, "__func__", function)
    if not isinstance(plain, FunctionType):
        return getattr(plain, "__qualname__", type(plain).__qualname__)
    return " ".join([_code(plain.__code__), _constant(plain.__defaults__), *map(_constant, _enclosed(plain))])


def _enclosed(function: FunctionType) -> list[object]:
    return [cell.cell_contents for cell in function.__closure__ or ()]


def _code(code: CodeType) -> str:
    return f"{code.co_code.hex()} {code.co_names} {[_constant(value) for value in code.co_consts]}"


def _constant(value: object) -> str:
    if isinstance(value, CodeType):
        return _code(value)
    return code_text(value) if callable(value) else repr(value)
