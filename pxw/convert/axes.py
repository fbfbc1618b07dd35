"""The configurations of a space as an expression of Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxw.convert.source import call, keywords, prefixed, sequence, written
from pxw.experiment import Range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pxw.convert.source import Part
    from pxw.experiment import Configuration, Space, VariabilityPoint
    from pxw.workflow import Value

__all__ = ["known_values", "only", "write_space"]

SHORT = 6  # values that are written one by one


def only(space: Space, *, inclusive: bool) -> Configuration | None:
    """The configuration of a space that has just one, whatever its functions do."""
    if space.filter or space.generator or any(point.size(inclusive=inclusive) != 1 for point in space.points):
        return None
    return {point.name: point.values(inclusive=inclusive)[0] for point in space.points}


def known_values(point: VariabilityPoint) -> list[Value]:
    """Values of all the types that a point takes: two of a range, which may be long, tell its type."""
    return [
        value for each in point.choices for value in (each.sequence()[:2] if isinstance(each, Range) else each.values)
    ]


def write_space(space: Space, module: str, *, inclusive: bool) -> Part:
    """Write all configurations of a space; `module` has its filter and its generator."""
    found: Part = call("pxw.grid", keywords({each.name: _axis(each, inclusive) for each in space.points}))
    if space.filter:
        found = call(f"{module}.{space.filter}", [call("list", [found])])
    if space.generator:
        fills = not any(point.size(inclusive=inclusive) == 0 for point in space.points)
        generated = f"{module}.{space.generator}()"
        found = sequence("", [prefixed("*", found), f"*{generated}"]) if fills else generated
    if space.strategy == "randomsearch" and space.runs:
        found = call("pxw.sample", [found, f"runs={space.runs}", "seed=seed"])
    return found


def _axis(point: VariabilityPoint, inclusive: bool) -> Part:
    match point.choices:
        case (Range() as only,) if only.size(inclusive=inclusive) > SHORT:
            return _range(only, inclusive)
    return sequence("", [written(each) for each in point.values(inclusive=inclusive)])


def _range(given: Range, inclusive: bool) -> str:
    values = given.sequence(inclusive=inclusive)
    if isinstance(values, range):
        end = values[-1] + (1 if values.step > 0 else -1)
        return f"range({values.start}, {end}{f', {values.step}' if values.step != 1 else ''})"
    return _fractions(values)


def _fractions(values: Sequence[Value]) -> str:
    """Decimal fractions as whole numbers divided by a power of ten: exactly the numbers that the DSL means."""
    scale = 10 ** max(len(repr(values[0]).partition(".")[2]), len(repr(values[1]).partition(".")[2]), 1)
    first, second = (round(float(each or 0) * scale) for each in values[:2])
    step = second - first
    end = first + (len(values) - 1) * step + (1 if step > 0 else -1)
    stepped = f", {step}" if step != 1 else ""
    return f"[each / {scale} for each in range({first}, {end}{stepped})]"
