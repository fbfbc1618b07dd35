"""Which types join: what a column is to be cast to, and what can be said of an edge before data flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.types as pat

from pxw.errors import SpecError, nearest
from pxw.schemas.typetext import field_of, type_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pxw.schemas.model import Coerce, Column, Schema

__all__ = ["Clash", "family", "mismatches", "plain", "structure", "target"]

# Which kinds a lossless cast may join; whether it is lossless for the values at hand is seen when they are there.
_JOINS = {
    "bool": {"int", "float"},
    "int": {"int", "float", "decimal", "bool"},
    "float": {"float", "int", "decimal", "bool"},
    "decimal": {"decimal", "int", "float"},
    "text": {"bool", "int", "float", "decimal", "binary", "date", "time", "timestamp"},
    "binary": {"binary"},
    "date": {"date", "timestamp"},
    "timestamp": {"timestamp", "date"},
    "time": {"time"},
    "duration": {"duration"},
}
# Inside lists, structs and maps Arrow casts alone, and where it does not watch for loss nothing is cast.
_INNER_JOINS = {
    "bool": {"int"},
    "int": {"int", "float"},
    "float": {"int"},
    "text": {"bool", "int", "float"},
    "date": {"timestamp"},
    "timestamp": {"timestamp"},
    "time": {"time"},
    "duration": {"duration"},
}
_FAMILIES = (
    ("null", pat.is_null),
    ("bool", pat.is_boolean),
    ("int", pat.is_integer),
    ("float", pat.is_floating),
    ("decimal", pat.is_decimal),
    ("text", pat.is_string),
    ("binary", pat.is_binary),
    ("binary", pat.is_fixed_size_binary),
    ("date", pat.is_date),
    ("timestamp", pat.is_timestamp),
    ("time", pat.is_time),
    ("duration", pat.is_duration),
    ("list", pat.is_list),
    ("list", pat.is_fixed_size_list),
    ("struct", pat.is_struct),
    ("map", pat.is_map),
)


class Clash(Exception):  # noqa: N818 - a finding on its way to a fault, not an error that a user sees
    """Two types that do not join."""


def family(kind: pa.DataType) -> str:
    """Name the kind of a type, whatever its width, unit or layout."""
    bare = plain(kind)
    return next((name for name, test in _FAMILIES if test(bare)), str(bare))


def plain(kind: pa.DataType) -> pa.DataType:
    """Look through the layouts that hold the same values: dictionaries, run ends, large and view types."""
    if pat.is_dictionary(kind) or pat.is_run_end_encoded(kind):
        return plain(kind.value_type)
    if pat.is_large_string(kind) or pat.is_string_view(kind):
        return pa.string()
    if pat.is_large_binary(kind) or pat.is_binary_view(kind):
        return pa.binary()
    if pat.is_large_list(kind) or pat.is_list_view(kind) or pat.is_large_list_view(kind):
        return pa.list_(kind.value_field)
    return kind


def target(column: Column, given: pa.DataType, coerce: Coerce) -> pa.DataType:
    """Say what to cast a column to: the type given if it fits as it is; raises `Clash`."""
    if coerce == "off" or pat.is_null(column.type):
        return given
    if _fits(column, given):
        encode = coerce == "safe" and pat.is_dictionary(column.type) and not pat.is_dictionary(given)
        return column.type if encode else given
    aim = _aim(column, given) if coerce == "safe" else None
    if aim is None:
        lacks = "; ".join(_lacking(column, given))
        raise Clash(f"{type_text(given)}, where {expected(column)} is expected{f' ({lacks})' if lacks else ''}")
    return aim


def expected(column: Column) -> str:
    """Word the type that a column should have."""
    if column.loose and column.zone != "any":
        return f"timestamp with{'' if column.zone == 'aware' else 'out'} a time zone"
    return type_text(column.type)


def _fits(column: Column, given: pa.DataType) -> bool:
    held = plain(given)
    if pat.is_null(column.type):
        return True
    if family(held) != family(column.type):
        return False
    if column.children:
        return _children_fit(column, held)
    if not column.loose:
        return bool(held == plain(column.type))
    return not pat.is_timestamp(held) or _zone_fits(column, held)


def _zone_fits(column: Column, held: pa.DataType) -> bool:
    return column.zone == "any" or (held.tz is not None) == (column.zone == "aware")


def _children_fit(column: Column, held: pa.DataType) -> bool:
    inner = _inner_types(held)
    if not column.loose and list(_inner_types(plain(column.type))) != list(inner):
        return False
    if not column.loose and pat.is_fixed_size_list(column.type) and held != column.type:
        return False
    return all(_fits(child, inner[child.name]) if child.name in inner else not child.required
               for child in column.children)  # fmt: skip


def _inner_types(held: pa.DataType) -> dict[str, pa.DataType]:
    if pat.is_struct(held):
        return {field.name: field.type for field in held}
    if pat.is_map(held):
        return {"keys()": held.key_type, "values()": held.item_type}
    return {"[]": held.value_type}


def _aim(column: Column, given: pa.DataType, joins: Mapping[str, set[str]] = _JOINS) -> pa.DataType | None:
    if _fits(column, given):
        return given
    held, wanted = plain(given), column.type
    if pat.is_null(held):
        return wanted
    if column.children:
        return _nested_aim(column, held) if family(held) == family(wanted) else None
    if family(wanted) not in joins.get(family(held), ()):
        return None
    if pat.is_timestamp(wanted) and not pat.is_null(held) and family(held) != "text":
        # No zone can be made up for times without one, nor dropped without moving them.
        aware = pat.is_timestamp(held) and held.tz is not None
        return wanted if aware == (wanted.tz is not None) else None
    return None if family(wanted) == "date" and pat.is_timestamp(held) and held.tz else wanted


def _nested_aim(column: Column, held: pa.DataType) -> pa.DataType | None:
    inner = dict(_inner_types(held))
    for child in column.children:
        if child.name in inner:
            aim = _aim(child, inner[child.name], _INNER_JOINS)
            if aim is None:
                return None
            inner[child.name] = aim
        elif child.required:
            return None
    return _rebuilt(held, inner) if column.loose else column.type


def _rebuilt(held: pa.DataType, inner: Mapping[str, pa.DataType]) -> pa.DataType:
    if pat.is_struct(held):
        return pa.struct([field.with_type(inner[field.name]) for field in held])
    if pat.is_map(held):
        return pa.map_(inner["keys()"], inner["values()"])
    item = held.value_field.with_type(inner["[]"])
    return pa.list_(item, held.list_size) if pat.is_fixed_size_list(held) else pa.list_(item)


def _lacking(column: Column, given: pa.DataType) -> Iterator[str]:
    held = plain(given)
    if pat.is_struct(held) and pat.is_struct(column.type):
        names = list(_inner_types(held))
        for child in column.children:
            if child.required and child.name not in names:
                yield f"no field {child.name!r}: {nearest(child.name, names)}"


def structure(schema: Schema, names: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Compare the names of columns: (column, rule, finding) for each that is missing, too much or there twice."""
    given = list(names)
    known = [part.name for part in schema.parts]
    for part in schema.parts:
        if part.required and part.name not in given:
            spare = [name for name in given if name not in known] or given
            yield part.name, "missing", f"there is no such column: {nearest(part.name, spare)}"
        if given.count(part.name) > 1:
            yield part.name, "duplicate", f"{given.count(part.name)} columns have this name"
    if schema.closed:
        for name in dict.fromkeys(given):
            if name not in known:
                yield name, "unexpected", f"{schema.name!r} allows no such column: {nearest(name, known)}"


def mismatches(produced: Mapping[str, str], wanted: Schema, coerce: Coerce = "safe") -> list[str]:
    """Compare the columns that a `Ref` records with the schema of its consumer, before any data is read.

    A cast that may work is no mismatch: whether all texts are numbers is seen when they are there.

    >>> from pxw.schemas import compile_schema
    >>> mismatches({"agee": "double", "on": "bool"}, compile_schema({"age": "double", "on": "date32[day]"}))
    ["column 'age': there is no such column: did you mean 'agee'?", "column 'on': bool, where date32[day] is expected"]
    """
    findings = [(name, text) for name, _, text in structure(wanted, produced)]
    for part in wanted.parts:
        if part.name in produced:
            findings += [(part.name, text) for text in _clashes(part, produced[part.name], coerce)]
    return [f"column {name!r}: {text}" for name, text in findings]


def _clashes(part: Column, text: str, coerce: Coerce) -> Iterator[str]:
    try:
        given = field_of(part.name, text).type
    except SpecError:
        return  # a type without words, such as an extension: judged when the data is there
    try:
        if not pat.is_null(given):
            target(part, given, coerce)
    except Clash as clash:
        yield str(clash)
