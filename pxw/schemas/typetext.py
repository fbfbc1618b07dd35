"""Arrow types in words and back: the form in which a `Ref` records its columns."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.types as pat

from pxw.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["columns_of", "field_of", "type_text"]


def columns_of(schema: pa.Schema) -> dict[str, str]:
    """Word the columns of an Arrow schema.

    >>> columns_of(pa.schema([pa.field("age", pa.float64()), pa.field("id", pa.int64(), nullable=False)]))
    {'age': 'double', 'id': 'int64 not null'}
    """
    return {field.name: _typed(field) for field in schema}


def type_text(kind: pa.DataType) -> str:
    """Word a type as Arrow does, but so that it can always be read back.

    >>> type_text(pa.struct([("a: b", pa.int64())]))
    'struct<"a: b": int64>'
    """
    if pat.is_struct(kind):
        return f"struct<{', '.join(_named(field) for field in kind)}>"
    if pat.is_map(kind):
        ordered = ", keys_sorted" if kind.keys_sorted else ""
        return f"map<{type_text(kind.key_type)}, {_typed(kind.item_field)}{ordered}>"
    if pat.is_dictionary(kind):
        return f"dictionary<values={type_text(kind.value_type)}, indices={kind.index_type}, ordered={kind.ordered:d}>"
    if (head := str(kind).partition("<")[0]) in _LISTS:
        size = f"[{kind.list_size}]" if pat.is_fixed_size_list(kind) else ""
        return f"{head}<{_named(kind.value_field)}>{size}"
    return str(kind)


def _named(field: pa.Field) -> str:
    name = field.name if re.fullmatch(r"[\w.-]+", field.name) else json.dumps(field.name, ensure_ascii=False)
    return f"{name}: {_typed(field)}"


def _typed(field: pa.Field) -> str:
    return type_text(field.type) + ("" if field.nullable else " not null")


def field_of(name: str, text: str) -> pa.Field:
    """Read a column's type back from its words.

    >>> field_of("tags", "list<item: string> not null")
    pyarrow.Field<tags: list<item: string> not null>
    """
    reader = _Reader(text)
    try:
        field = reader.field(name)
        reader.expect("$")
    except (ValueError, TypeError) as error:
        raise SpecError(
            f"no column type: {text!r} ({error})",
            at=f"column {name!r}",
            help="write types as Arrow prints them, such as 'double', 'int64 not null', 'list<item: string>' or "
            "'timestamp[us, tz=UTC]'",
        ) from error
    return field


_LISTS: dict[str, Callable[[pa.Field], pa.DataType]] = {
    "list": pa.list_,
    "large_list": pa.large_list,
    "list_view": pa.list_view,
    "large_list_view": pa.large_list_view,
    "fixed_size_list": pa.list_,
}
_DECIMALS = {"32": pa.decimal32, "64": pa.decimal64, "128": pa.decimal128, "256": pa.decimal256}


class _Reader:
    """A recursive-descent reader of type texts."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def take(self, pattern: str) -> re.Match[str] | None:
        match = re.compile(rf"\s*(?:{pattern})").match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match

    def expect(self, pattern: str) -> re.Match[str]:
        match = self.take(pattern)
        if match is None:
            raise ValueError(f"cannot read {self.text[self.at :]!r}")
        return match

    def field(self, name: str) -> pa.Field:
        kind = self.type()
        return pa.field(name, kind, nullable=self.take("not null") is None)

    def member(self) -> pa.Field:
        quoted = self.take(r'("(?:[^"\\]|\\.)*")\s*:')
        name: str = json.loads(quoted[1]) if quoted else self.expect(r"([\w.-]+)\s*:")[1]
        return self.field(name)

    def type(self) -> pa.DataType:
        if match := self.take(r"timestamp\[(s|ms|us|ns), tz=([^\]]+)\]"):
            return pa.timestamp(match[1], tz=match[2])
        if match := self.take(r"decimal(32|64|128|256)\((\d+), ?(-?\d+)\)"):
            return _DECIMALS[match[1]](int(match[2]), int(match[3]))
        if match := self.take(r"fixed_size_binary\[(\d+)\]"):
            return pa.binary(int(match[1]))
        if match := self.take(r"(\w+)<"):
            return self.nested(match[1])
        return pa.type_for_alias(self.expect(r"(\w+(?:\[\w+\])?)")[1])

    def nested(self, head: str) -> pa.DataType:
        if head in _LISTS:
            return self.list(head)
        if head == "struct":
            fields: list[pa.Field] = []
            while not self.take(">"):
                fields.append(self.member())
                self.take(",")
            return pa.struct(fields)
        if head == "map":
            key = self.type()
            self.expect(",")
            item = self.field("value")
            ordered = self.take(", ?keys_sorted") is not None
            self.expect(">")
            return pa.map_(key, item, keys_sorted=ordered)
        if head == "dictionary":
            self.expect("values=")
            values = self.type()
            index = self.expect(r", ?indices=(\w+), ?ordered=([01])>")
            return pa.dictionary(pa.type_for_alias(index[1]), values, ordered=index[2] == "1")
        raise ValueError(f"there is no {head}<...>")

    def list(self, head: str) -> pa.DataType:
        start = self.at
        named = self.take(r'(?:[\w.-]+|"(?:[^"\\]|\\.)*")\s*:')
        self.at = start
        item = self.member() if named else self.field("item")
        self.expect(">")
        if head == "fixed_size_list":
            return pa.list_(item, int(self.expect(r"\[(\d+)\]")[1]))
        return _LISTS[head](item)
