"""What differs between two tables, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from pxw.data.loading import load

if TYPE_CHECKING:
    from pxw.specs import Ref

__all__ = ["TableDifference", "difference"]


@dataclass(frozen=True)
class TableDifference:
    """What differs between two tables.

    Args:
        rows: of both.
        added: columns that only the second one has.
        removed: columns that only the first one has.
        retyped: columns of other types, with both.
        changed: how many values differ, by column; where both tables have as many rows, they are compared in order.
    """

    rows: tuple[int, int]
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    retyped: dict[str, tuple[str, str]] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)


def difference(a: Ref, b: Ref) -> TableDifference:
    """Read two tables, and count what differs.

    >>> from pxw.specs import Local
    >>> from pxw.data import save
    >>> one, two = (save(pa.table({"x": x}), Local(folder / f"{x[0]}.arrow")) for x in ([1, 2], [3, 2]))
    >>> difference(one, two).changed
    {'x': 1}
    """
    one, two = load(a, pa.Table), load(b, pa.Table)
    common = [name for name in one.column_names if name in two.column_names]
    retyped = {name: (str(one[name].type), str(two[name].type)) for name in common if one[name].type != two[name].type}
    same_rows = len(one) == len(two)
    counts = {name: _count(one[name], two[name]) for name in common if same_rows and name not in retyped}
    return TableDifference(
        (len(one), len(two)),
        [name for name in two.column_names if name not in common],
        [name for name in one.column_names if name not in common],
        retyped,
        {name: count for name, count in counts.items() if count},
    )


def _count(a: pa.ChunkedArray, b: pa.ChunkedArray) -> int:
    """How many values differ; a gap is as good as another, and so is NaN."""
    if pt.is_dictionary(a.type):
        a, b = a.cast(a.type.value_type), b.cast(b.type.value_type)
    try:
        unequal: Any = pc.not_equal(a, b)
    except pa.ArrowNotImplementedError:  # lists and the like
        return sum(x != y for x, y in zip(a.to_pylist(), b.to_pylist(), strict=True))
    if pt.is_floating(a.type):
        unequal = pc.and_not(unequal, pc.and_(pc.is_nan(a), pc.is_nan(b)))
    gaps = pc.xor(a.is_null(), b.is_null())
    return (pc.sum(unequal).as_py() or 0) + (pc.sum(gaps).as_py() or 0)
