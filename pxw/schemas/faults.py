"""What is wrong with a table: faults, how they are worded, and the error that carries them all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pxw.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pxw.schemas.model import Schema

__all__ = ["Breach", "Fault", "Tally", "schema_error"]

SHOWN = 5  # rows and samples kept of each fault
_SAMPLE_WIDTH = 60
_ORDER = (
    *("missing", "duplicate", "unexpected", "type", "null", "ge", "gt", "le", "lt", "min_length", "max_length"),
    *("multiple_of", "pattern", "allow_inf_nan", "digits", "one_of", "unique"),
)


@dataclass(frozen=True)
class Fault:
    """One rule that a column breaks, with the first rows that break it.

    Args:
        column: the column, or the path inside it (`address.zip`, `tags[]`); empty for the table as a whole.
        rule: stable name: `missing`, `unexpected`, `duplicate`, `type`, `null`, `ge`, `pattern`, `unique`, ...
        message: the fault in words.
        count: how many values break the rule; 0 where the column as a whole is at fault.
        rows: the first of these rows, counted from 0.
        samples: the values in those rows.

    >>> print(Fault("age", "le", "2 of 891 values break le=120", 2, (4, 77), (130.0, 150.0)))
    column 'age': 2 of 891 values break le=120: row 4: 130.0, row 77: 150.0
    """

    column: str
    rule: str
    message: str
    count: int
    rows: tuple[int, ...] = ()
    samples: tuple[object, ...] = ()

    def __str__(self) -> str:
        subject = f"column {self.column!r}" if self.column else "the table"
        shown = [f"row {row}: {_short(value)}" for row, value in zip(self.rows, self.samples, strict=True)]
        if shown and self.count > len(shown):
            shown.append("...")
        return f"{subject}: {self.message}" + (f": {', '.join(shown)}" if shown else "")


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str | bytes | list | dict | tuple) else str(value)
    return text if len(text) <= _SAMPLE_WIDTH else f"{text[: _SAMPLE_WIDTH - 3]}..."


@dataclass(frozen=True)
class Breach:
    """What one check found in one piece of a table; a `Tally` adds the pieces up to faults."""

    column: str
    rule: str
    text: str
    count: int = 0
    rows: tuple[int, ...] = ()
    samples: tuple[object, ...] = ()
    or_more: bool = False
    inner: bool = False

    def shifted(self, offset: int) -> Breach:
        """Count the rows from the start of the table instead of the piece."""
        return replace(self, rows=tuple(row + offset for row in self.rows))


class Tally:
    """Adds up breaches over the pieces of a table.

    >>> tally = Tally()
    >>> tally.add(Breach("age", "ge", "break ge=0", 1, (3,), (-1,)))
    >>> tally.add(Breach("age", "ge", "break ge=0", 1, (9,), (-2,)))
    >>> [str(fault) for fault in tally.faults(["age"], total=10)]
    ["column 'age': 2 of 10 values break ge=0: row 3: -1, row 9: -2"]
    """

    def __init__(self) -> None:
        self._breaches: dict[tuple[str, str, str], Breach] = {}

    def add(self, breach: Breach) -> None:
        """Count this breach in."""
        key = (breach.column, breach.rule, breach.text)
        known = self._breaches.get(key)
        if known is not None:
            breach = replace(
                known,
                count=known.count + breach.count,
                rows=(known.rows + breach.rows)[:SHOWN],
                samples=(known.samples + breach.samples)[:SHOWN],
                or_more=known.or_more or breach.or_more,
            )
        self._breaches[key] = breach

    def faults(self, order: Sequence[str], *, total: int) -> list[Fault]:
        """Word the faults, by column, then by path inside it and by rule."""
        place = {name: index for index, name in enumerate(order)}

        def rank(breach: Breach) -> tuple[int, str, int, str]:
            # A path begins with the name of its column; the column itself may have a dot in its name.
            names = (breach.column[:end] for end in range(len(breach.column), 0, -1))
            column = next((place[name] for name in names if name in place), len(place))
            rule = _ORDER.index(breach.rule) if breach.rule in _ORDER else len(_ORDER)
            return column, breach.column, rule, breach.text

        return [
            Fault(b.column, b.rule, _worded(b, total), b.count, b.rows, b.samples)
            for b in sorted(self._breaches.values(), key=rank)
        ]


def _worded(breach: Breach, total: int) -> str:
    if not breach.count:
        return breach.text
    number = f"{breach.count} or more" if breach.or_more else str(breach.count)
    if not breach.column:
        return f"{number} of {total} rows {breach.text}"
    # Inside a list or a struct there are more or fewer values than rows.
    return f"{number} inner values {breach.text}" if breach.inner else f"{number} of {total} values {breach.text}"


def schema_error(faults: Sequence[Fault], *, at: str, schema: Schema) -> SchemaError:
    """Build the error that tells all faults of a table at once.

    >>> from pxw.schemas import compile_schema
    >>> fault = Fault("age", "missing", "there is no such column", 0)
    >>> print(schema_error([fault], at="input 'raw'", schema=compile_schema({"age": "double"})))
    1 fault in a table that should fit 'schema' [PXW106]
      at: input 'raw'
      column 'age': there is no such column
      help: change the data, or 'schema' where it asks for too much
    """
    number = f"{len(faults)} fault{'s' if len(faults) != 1 else ''}"
    return SchemaError(
        f"{number} in a table that should fit {schema.name!r}",
        at=at,
        details=map(str, faults),
        help=f"change the data, or {schema.name!r} where it asks for too much",
    )
