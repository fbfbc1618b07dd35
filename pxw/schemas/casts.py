"""Casts that lose nothing: a value either arrives exactly or is a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from pxw.schemas.joins import family
from pxw.schemas.layouts import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["cast_exactly"]

ENOUGH = 1000  # bad values are found one by one: of a column that is all wrong, this many will do
_FAILURES = (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError)


def cast_exactly(values: pa.ChunkedArray, to: pa.DataType) -> tuple[pa.ChunkedArray, list[int]]:
    """Cast a column; if values do not fit, return it as it was and their rows."""
    try:
        return pa.chunked_array([_cast(chunk, to) for chunk in values.chunks], to), []
    except _FAILURES:
        return values, _misfits(values, to)


def _misfits(values: pa.ChunkedArray, to: pa.DataType) -> list[int]:
    found: list[int] = []
    offset = 0
    for chunk in values.chunks:
        for row in _bad_rows(chunk, to, offset):
            found.append(row)
            if len(found) == ENOUGH:
                return found
        offset += len(chunk)
    return found


def _bad_rows(values: pa.Array, to: pa.DataType, offset: int) -> Iterator[int]:
    """Halve until the bad values stand alone."""
    try:
        _cast(values, to)
    except _FAILURES:
        if len(values) <= 1:
            yield offset
            return
        half = len(values) // 2
        yield from _bad_rows(values.slice(0, half), to, offset)
        yield from _bad_rows(values.slice(half), to, offset + half)


def _cast(values: pa.Array, to: pa.DataType) -> pa.Array:
    """Cast without loss, or raise."""
    if pat.is_dictionary(values.type) and not pat.is_dictionary(to):
        return _cast(values.dictionary_decode(), to)
    if pat.is_dictionary(to) and not pat.is_dictionary(values.type):
        return _cast(values, to.value_type).dictionary_encode().cast(to)
    if not pat.is_map(values.type):
        values = settled(values)
    given, wanted = family(values.type), family(to)
    if given == "float" and wanted != "float":
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    return _ROUTES.get((given, wanted), pa.Array.cast)(values, to)


def _there_and_back(values: pa.Array, to: pa.DataType) -> pa.Array:
    cast = values.cast(to, safe=False)
    same = pc.equal(cast.cast(values.type), values)
    if pat.is_floating(values.type):
        same = pc.or_(same, pc.is_nan(values))
    if not pc.all(same, min_count=0).as_py():
        raise pa.ArrowInvalid(f"not exact in {to}")
    return cast


def _through_text(values: pa.Array, to: pa.DataType) -> pa.Array:
    cast = values.cast(pa.string()).cast(to)
    if pat.is_floating(to) and not values.equals(cast.cast(pa.string()).cast(values.type)):
        raise pa.ArrowInvalid(f"not exact in {to}")
    return cast


def _time_of_day(values: pa.Array, to: pa.DataType) -> pa.Array:
    moment = pc.binary_join_element_wise("1970-01-01T", values.cast(pa.string()), "")
    return moment.cast(pa.timestamp("ns")).cast(to)


# Between the other kinds Arrow's own cast watches for loss. Here it rounds or cuts without a word, or refuses what
# would be exact: whole numbers beyond 2**53 in floats, integers in decimals that are wide enough for these.
_ROUTES: dict[tuple[str, str], Callable[[pa.Array, pa.DataType], pa.Array]] = {
    ("decimal", "float"): _through_text,
    ("float", "bool"): _there_and_back,
    ("float", "decimal"): _through_text,
    ("float", "float"): _there_and_back,
    ("int", "bool"): _there_and_back,
    ("int", "decimal"): _through_text,
    ("int", "float"): _there_and_back,
    ("text", "time"): _time_of_day,
    ("timestamp", "date"): _there_and_back,
}
