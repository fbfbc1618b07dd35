"""Runs the rules of a column on Arrow arrays: an aggregate answers where it can, a mask is built where it breaks."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, singledispatch
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from pxw.schemas.faults import SHOWN, Breach
from pxw.schemas.layouts import settled
from pxw.schemas.model import Bound, Column, Digits, Finite, MultipleOf, OneOf, Pattern, Rule, Unique
from pxw.schemas.patterns import unmatched
from pxw.schemas.texts import Text, proves
from pxw.schemas.typetext import type_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["breach", "breaches", "lacking", "repeats"]

_NOT_CHECKABLE = (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, TypeError, ArithmeticError)
_PYTHON: dict[str, Callable[[Any, Any], bool]] = {
    "ge": lambda value, limit: value < limit,
    "gt": lambda value, limit: value <= limit,
    "le": lambda value, limit: value > limit,
    "lt": lambda value, limit: value >= limit,
}
_ARROW = {"ge": pc.less, "gt": pc.less_equal, "le": pc.greater, "lt": pc.greater_equal}


def breaches(column: Column, values: pa.Array, path: str) -> Iterator[Breach]:
    """Check an array against a column's rules, and against those of its children."""
    values = settled(values)
    if not column.nullable:
        yield from breach(path, "null", "are missing", lacking(values), values)
    whole = Probe(values)
    # Each distinct value is looked at once.
    probe = Probe(values.dictionary) if pat.is_dictionary(values.type) else whole
    for rule in column.rules:
        try:
            mask = None if isinstance(rule, Unique) or not len(values) else broken(rule, probe)
        except _NOT_CHECKABLE:
            yield Breach(path, rule.name, f"{rule.text} cannot be checked on {type_text(values.type)}")
            continue
        if mask is not None and probe is not whole:
            mask = mask.take(values.indices)
        yield from breach(path, rule.name, f"break {rule.text}", mask, values)
    for child in column.children:
        yield from _inner(child, values, path)


def breach(path: str, rule: str, text: str, mask: pa.BooleanArray | None, values: pa.Array) -> Iterator[Breach]:
    """Report the marked values, if there are any."""
    if mask is None or not pc.any(mask).as_py():
        return
    rows = pc.indices_nonzero(mask)
    first = rows.slice(0, SHOWN)
    yield Breach(path, rule, text, len(rows), tuple(first.to_pylist()), tuple(values.take(first).to_pylist()))


def lacking(values: pa.Array) -> pa.BooleanArray | None:
    """Mark what is missing: null, and NaN, which is how data frames say it."""
    if pat.is_dictionary(values.type):
        mask = lacking(values.dictionary)
        unset = pc.is_null(values.indices)
        return pc.or_(unset, pc.fill_null(mask.take(values.indices), True)) if mask is not None else unset
    if pat.is_floating(values.type):
        return pc.is_null(values, nan_is_null=True)
    return pc.is_null(values) if values.null_count else None


def _inner(child: Column, values: pa.Array, path: str) -> Iterator[Breach]:
    """Check what is inside the values, and count the rows as those of the values that hold it."""
    kind, place = values.type, f"{path}{'' if child.name == '[]' else '.'}{child.name}"
    if pat.is_struct(kind) and kind.get_field_index(child.name) >= 0:
        rows = pc.indices_nonzero(values.is_valid())
        inner = pc.struct_field(values, child.name).take(rows)
    elif pat.is_list(kind) or pat.is_large_list(kind) or pat.is_fixed_size_list(kind):
        rows = pc.list_parent_indices(values)
        inner = _part(child, pc.list_flatten(values))
    else:
        return  # a field that may be missing, or, if types are not looked at, another kind of column
    for found in breaches(child, inner, place) if inner is not None else ():
        yield replace(found, rows=tuple(rows[row].as_py() for row in found.rows), inner=True)


def _part(child: Column, items: pa.Array) -> pa.Array | None:
    """Pick the items of a list, or the keys or values of a map, which is a list of pairs."""
    if child.name == "[]":
        return items
    index = {"keys()": 0, "values()": 1}.get(child.name)
    return items.field(index) if index is not None and isinstance(items, pa.StructArray) else None


class Probe:
    """An array, with what several rules ask of it."""

    def __init__(self, values: pa.Array) -> None:
        self.values = values

    @cached_property
    def text(self) -> Text | None:
        """The bytes of a text column, without those that are missing."""
        if not (pat.is_string(self.values.type) or pat.is_large_string(self.values.type)):
            return None
        present = self.values.drop_null()
        return Text(present) if len(present) else None

    @cached_property
    def extremes(self) -> tuple[Any, Any]:
        """The least and the greatest value."""
        both = pc.min_max(self.values).as_py()
        return both["min"], both["max"]

    @cached_property
    def lengths(self) -> Probe:
        """The length of each text, in characters, or of each list."""
        kind = self.values.type
        if self.text is not None and not self.text.ascii:
            return Probe(pc.utf8_length(self.values))
        is_list = pat.is_list(kind) or pat.is_large_list(kind) or pat.is_fixed_size_list(kind)
        return Probe(pc.list_value_length(self.values) if is_list else pc.binary_length(self.values))


@singledispatch
def broken(rule: Rule, probe: Probe) -> pa.BooleanArray | None:
    """Mark the values that break the rule; none where an aggregate has shown that there are none."""
    raise NotImplementedError(rule)


@broken.register
def _bound(rule: Bound, probe: Probe) -> pa.BooleanArray | None:
    if rule.of == "length":
        probe = probe.lengths
    values, breaks = probe.values, _PYTHON[rule.op]
    # Of floats Arrow builds a mask faster than it finds the extremes; of durations it does not know any.
    if not (pat.is_floating(values.type) or pat.is_duration(values.type)):
        extreme = probe.extremes[rule.op in {"le", "lt"}]
        if extreme is None or not breaks(extreme, rule.limit):
            return None
    try:
        return _ARROW[rule.op](values, _limit(rule, values.type))
    except (*_NOT_CHECKABLE, ValueError):
        return _each(values, lambda value: breaks(value, rule.limit))


def _limit(rule: Bound, kind: pa.DataType) -> pa.Scalar:
    if pat.is_floating(kind):
        return pa.scalar(float(rule.limit))
    return pa.scalar(rule.limit, kind)


def _each(values: pa.Array, breaks: Callable[[Any], bool]) -> pa.BooleanArray:
    """Ask Python about each value: for the rare combinations of types that Arrow does not compare."""
    return pa.array([value is not None and bool(breaks(value)) for value in values.to_pylist()], pa.bool_())


@broken.register
def _multiple_of(rule: MultipleOf, probe: Probe) -> pa.BooleanArray:
    values = probe.values
    if pat.is_floating(values.type):
        return _float_multiples(values, rule.factor)
    if pat.is_integer(values.type):
        return _integer_multiples(values, rule.factor)
    return _each(values, lambda value: value % rule.factor != 0)


def _integer_multiples(values: pa.Array, factor: Any) -> pa.BooleanArray:
    try:
        whole = pa.scalar(factor, values.type)
    except (*_NOT_CHECKABLE, ValueError):  # a factor that is itself no value of the column
        return _each(values, lambda value: value % factor != 0)
    return pc.not_equal(values, pc.multiply(pc.divide(values, whole), whole))


def _float_multiples(values: pa.Array, factor: float) -> pa.BooleanArray:
    # As pydantic does: closer than a billionth to a multiple is one, since 0.3 is not exactly three times 0.1.
    nearest = pc.multiply(pc.round(pc.divide(values, float(factor))), float(factor))
    return pc.greater(pc.abs(pc.subtract(values, nearest)), 1e-9)


@broken.register
def _pattern(rule: Pattern, probe: Probe) -> pa.BooleanArray | None:
    if probe.text is not None and proves(rule.regex, probe.text):
        return None
    return unmatched(rule, probe.values)


@broken.register
def _one_of(rule: OneOf, probe: Probe) -> pa.BooleanArray:
    kind = probe.values.type
    known = []
    for option in rule.options:
        try:
            known.append(pa.scalar(option).cast(kind))
        except pa.ArrowInvalid:
            continue  # no value of this type can be that option
    allowed = pa.array([scalar.as_py() for scalar in known], kind)
    absent = pc.is_null(probe.values, nan_is_null=pat.is_floating(kind))
    return pc.invert(pc.or_(pc.is_in(probe.values, value_set=allowed), absent))


@broken.register
def _finite(_: Finite, probe: Probe) -> pa.BooleanArray:
    return pc.is_inf(probe.values)


@broken.register
def _digits(rule: Digits, probe: Probe) -> pa.BooleanArray | None:
    kind = probe.values.type
    if not pat.is_decimal(kind):
        raise TypeError("not decimal")
    places = kind.scale if rule.places is None else rule.places
    most = kind.precision - kind.scale + places if rule.most is None else rule.most
    try:
        probe.values.cast(pa.decimal256(most, places))
    except ValueError:  # these digits are too few for a value, or for zeros that do not count
        return _each(probe.values, lambda value: _too_long(value, rule))
    return None


def _too_long(value: Any, rule: Digits) -> bool:
    """Count the digits of a decimal as pydantic does, without trailing zeros."""
    _, digits, exponent = value.normalize().as_tuple()
    places = max(0, -exponent)
    length = max(len(digits) + max(0, exponent), places)
    if rule.places is not None and places > rule.places:
        return True
    if rule.most is None:
        return False
    whole_room = rule.most - (rule.places or 0)
    return length > rule.most or (rule.places is not None and length - places > whole_room)


def repeats(values: pa.ChunkedArray) -> pa.BooleanArray | None:
    """Mark every value that was there before; missing values do not count."""
    if pat.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pat.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    present = len(values) - values.null_count
    if not present or pc.count_distinct(values, mode="only_valid").as_py() == present:
        return None
    rows = pa.array(range(len(values)), pa.int64())
    table = pa.table({"value": values, "row": rows})
    first = table.group_by("value").aggregate([("row", "min")]).column("row_min")
    return pc.and_(pc.invert(pc.is_in(rows, value_set=first)), pc.is_valid(values)).combine_chunks()
