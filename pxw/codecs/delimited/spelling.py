"""How the numbers of a column were written, where their values do not tell: `80` beside `3.5`, or `2.50`.

A column that is spelled by a rule remembers it in its field's metadata, so that a task which leaves its numbers alone
leaves their text alone, too. A number that the rule does not fit is written in its shortest exact form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from pxw.codecs.tables import DECIMALS

__all__ = ["Spelling", "decimals_of", "spelled"]

_DECIMALS = re.compile(r"-?[0-9]+\.([0-9]{1,40})")
_GLANCE = 1000  # cells that mostly tell whether there is a rule


@dataclass(frozen=True, slots=True)
class Spelling:
    """What the numbers of some cells have in common.

    Args:
        decimals: how many digits each has behind the point; 0 if their numbers differ, `None` if there are no cells.
        is_padded: whether one of them has a needless zero at its end.
        is_bare: whether one of them has no point.
    """

    decimals: int | None = None
    is_padded: bool = False
    is_bare: bool = False

    @classmethod
    def of(cls, cells: Any, kind: pa.DataType, point: str) -> Spelling:
        """Look at cells of text that become values of a type."""
        if pt.is_integer(kind):
            return cls(0, is_bare=True)
        if not pt.is_floating(kind) or not len(known := cells.drop_null()):
            return cls()
        return cls(_shared(known, point), _padded(known, point), _bare(known, point))

    def __or__(self, other: Spelling) -> Spelling:
        told = {each.decimals for each in (self, other)} - {None}
        decimals = told.pop() if len(told) == 1 else 0 if told else None
        return Spelling(decimals, self.is_padded or other.is_padded, self.is_bare or other.is_bare)

    def noted(self, field: pa.Field) -> pa.Field:
        """The field, with what its numbers have in common."""
        rule = self.decimals or (0 if self.is_bare and not self.is_padded else None)
        return field if rule is None else field.with_metadata({DECIMALS: str(rule)})


def _shared(cells: Any, point: str) -> int:
    """How many digits all cells have behind the point; 0 if they are not equally many."""
    first = _DECIMALS.fullmatch(cells[0].as_py().replace(point, "."))
    if first is None:
        return 0
    rule = rf"^-?[0-9]+{re.escape(point)}[0-9]{{{len(first[1])}}}$"
    for some in (cells.slice(0, _GLANCE), cells):
        if not pc.all(pc.match_substring_regex(some, rule)).as_py():
            return 0
    return len(first[1])


def _padded(cells: Any, point: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(cells, rf"{re.escape(point)}[0-9]*0([eE]|$)")).as_py())


def _bare(cells: Any, point: str) -> bool:
    return not pc.all(pc.match_substring(cells, point)).as_py()


def decimals_of(field: pa.Field) -> int | None:
    """By which rule a column's numbers are written: 0 means whole ones without a point."""
    noted = (field.metadata or {}).get(DECIMALS)
    return None if noted is None else int(noted)


def spelled(text: Any, decimals: int | None) -> Any:
    """Numbers in their shortest form as a column's rule writes them; without one, as floats: whole ones with `.0`."""
    if decimals == 0:
        return text
    whole = pc.match_substring_regex(text, "^-?[0-9]+$")
    text = pc.if_else(whole, _glued(text, ".0"), text)
    if decimals is None:
        return text
    has_digits = pc.match_substring_regex(text, r"^-?[0-9]+\.[0-9]+$")
    there = pc.subtract(pc.utf8_length(text), pc.add(pc.find_substring(text, "."), 1))
    missing = pc.if_else(has_digits, pc.max_element_wise(pc.subtract(decimals, there), 0), 0)
    return _glued(text, pc.binary_repeat(pa.scalar("0", pa.large_string()), missing))


def _glued(text: Any, end: Any) -> Any:
    empty = pa.scalar("", pa.large_string())
    return pc.binary_join_element_wise(text, pa.scalar(end, pa.large_string()) if end == ".0" else end, empty)
