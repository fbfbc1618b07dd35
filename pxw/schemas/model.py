"""What a schema is made of: columns and rules. Pure data; `checks` runs them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

import pyarrow as pa

from pxw.schemas.typetext import columns_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pxw.schemas.faults import Breach

__all__ = [
    "Bound",
    "Coerce",
    "Column",
    "Digits",
    "Extra",
    "Finite",
    "MultipleOf",
    "OneOf",
    "Op",
    "Pattern",
    "Rule",
    "Schema",
    "Unique",
]

Coerce = Literal["safe", "strict", "off"]
Op = Literal["ge", "gt", "le", "lt"]
Zone = Literal["any", "aware", "naive"]


@dataclass(frozen=True)
class Bound:
    """A limit on the values of a column, or on their lengths."""

    op: Op
    limit: Any
    of: Literal["value", "length"] = "value"

    @property
    def name(self) -> str:
        """`ge`, ..., or `min_length`, `max_length`."""
        return self.op if self.of == "value" else {"ge": "min_length", "le": "max_length"}[self.op]

    @property
    def text(self) -> str:
        """The rule as the user wrote it."""
        return f"{self.name}={self.limit}"


@dataclass(frozen=True)
class MultipleOf:
    """Every value is a whole number of times this."""

    factor: Any
    name = "multiple_of"

    @property
    def text(self) -> str:
        """The rule as the user wrote it."""
        return f"multiple_of={self.factor}"


@dataclass(frozen=True)
class Pattern:
    """Every text holds a match of this regular expression."""

    regex: str
    engine: Literal["rust-regex", "python-re"] = "rust-regex"
    name = "pattern"

    @property
    def text(self) -> str:
        """The rule as the user wrote it."""
        return f"pattern={self.regex!r}"


@dataclass(frozen=True)
class OneOf:
    """Every value is one of these."""

    options: tuple[Any, ...]
    name = "one_of"

    @property
    def text(self) -> str:
        """The options, the first ones of many."""
        shown = ", ".join(map(repr, self.options[:8]))
        return f"one_of=[{shown}{', ...' if len(self.options) > 8 else ''}]"


@dataclass(frozen=True)
class Finite:
    """No value is infinite."""

    name = "allow_inf_nan"
    text = "allow_inf_nan=False"


@dataclass(frozen=True)
class Digits:
    """Decimals with at most so many digits, and so many after the point."""

    most: int | None
    places: int | None
    name = "digits"

    @property
    def text(self) -> str:
        """The rule as the user wrote it."""
        said = {"max_digits": self.most, "decimal_places": self.places}
        return ", ".join(f"{key}={value}" for key, value in said.items() if value is not None)


@dataclass(frozen=True)
class Unique:
    """Marks a column whose values never repeat: `id: Annotated[int, pxw.Unique()]`; missing values may.

    `Field(json_schema_extra={"unique": True})` says the same.
    """

    name = "unique"
    text = "unique"


Rule = Bound | MultipleOf | Pattern | OneOf | Finite | Digits | Unique


@dataclass(frozen=True)
class Column:
    """One column, or one part of a nested column.

    Args:
        name: as in the table; `[]`, `keys()` and `values()` inside lists and maps.
        type: what a cast makes of the column; null takes anything.
        nullable: may values be missing? NaN is missing, too.
        required: may the column not be there?
        loose: does the type name a kind, so that an integer of any width is an `int`? (Else it is exact.)
        zone: which timestamps a loose one takes.
        rules: checks on the values.
        children: the fields of a struct, the items of a list, keys and values of a map.
    """

    name: str
    type: pa.DataType
    nullable: bool = True
    required: bool = True
    loose: bool = False
    zone: Zone = "any"
    rules: tuple[Rule, ...] = ()
    children: tuple[Column, ...] = ()


class Extra(Protocol):
    """A check that has no vectorised form: row by row in Python, or by pandera."""

    @property
    def digest(self) -> str:
        """What is checked, in words that are the same in every process."""

    @property
    def whole(self) -> bool:
        """Must it see the whole table at once?"""

    def breaches(self, table: pa.Table) -> Iterator[Breach]:
        """Check this piece of the table."""


@dataclass(frozen=True, eq=False)
class Schema:
    """What a table must look like, compiled to vectorised checks; made by `compile_schema`.

    Two schemas are equal when their fingerprints are, that is when they check the same.

    Args:
        name: what messages call it: the model's name, or `schema`.
        parts: the columns.
        closed: are further columns faults?
        extras: checks that are not vectorised.
        skipped_validators: custom code of the model that does not run (see `compile_schema`).
    """

    name: str
    parts: tuple[Column, ...]
    closed: bool = False
    extras: tuple[Extra, ...] = field(default=(), repr=False)
    skipped_validators: tuple[str, ...] = ()

    @cached_property
    def arrow(self) -> pa.Schema:
        """Types and nullability."""
        return pa.schema([pa.field(part.name, part.type, nullable=part.nullable) for part in self.parts])

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the types and all checks; the same in every process."""
        said = repr((self.parts, self.closed, sorted(extra.digest for extra in self.extras)))
        return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()

    @property
    def columns(self) -> dict[str, str]:
        """Each column's type in words, such as `double not null`: what a `Ref` records."""
        return columns_of(self.arrow)

    def __eq__(self, other: object) -> bool:
        return self.fingerprint == other.fingerprint if isinstance(other, Schema) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.fingerprint)
