"""Pydantic models as schemas: read from pydantic's own core schema, where every way to write a constraint is one."""

from __future__ import annotations

import enum
import functools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as pat
from pydantic import BaseModel, PydanticUserError

from pxw.errors import SpecError
from pxw.schemas.model import Bound, Column, Digits, Finite, MultipleOf, OneOf, Op, Pattern, Rule, Schema, Unique
from pxw.schemas.patterns import readable
from pxw.schemas.rows import RowChecks, code_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic.fields import FieldInfo

    Core = Mapping[str, Any]  # a piece of pydantic's core schema

__all__ = ["compile_model"]

_SCALARS = {
    "any": pa.null(),
    "bool": pa.bool_(),
    "bytes": pa.binary(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
    "float": pa.float64(),
    "int": pa.int64(),
    "none": pa.null(),
    "str": pa.string(),
    "time": pa.time64("us"),
    "timedelta": pa.duration("us"),
}
_OPTION_TYPES = {str: pa.string(), int: pa.int64(), bool: pa.bool_(), bytes: pa.binary(), float: pa.float64()}
_OPS: tuple[Op, ...] = ("ge", "gt", "le", "lt")
_CONSTRAINTS = {*_OPS, "multiple_of", "min_length", "max_length", "pattern"}
# What a model's configuration says about all its fields of a type.
_DEFAULTS = {
    "str": {"min_length": "str_min_length", "max_length": "str_max_length", "strip_whitespace": "str_strip_whitespace",
            "to_lower": "str_to_lower", "to_upper": "str_to_upper", "regex_engine": "regex_engine"},
    "float": {"allow_inf_nan": "allow_inf_nan"},
}  # fmt: skip
# What is read of a type, and what has no meaning for a column. Anything else is named as skipped.
_READ = _CONSTRAINTS | {
    *("type", "ref", "metadata", "serialization", "strict", "fail_fast", "microseconds_precision", "regex_engine"),
    *("allow_inf_nan", "tz_constraint", "max_digits", "decimal_places"),
    *("items_schema", "keys_schema", "values_schema", "variadic_item_index"),
}


@dataclass(frozen=True)
class _Place:
    """Where in the model a type stands: the column's name, the path to it, the configuration that holds there."""

    name: str
    path: str
    config: Core

    def inside(self, name: str) -> _Place:
        """Name a part of a nested column."""
        return _Place(name, f"{self.path}{'' if name == '[]' else '.'}{name}", self.config)


def compile_model(model: type[BaseModel], validators: bool = False) -> Schema:
    """Compile a pydantic model; `compile_schema` says what each field becomes."""
    try:
        model.model_rebuild()
    except (PydanticUserError, NameError) as error:
        raise SpecError(f"{model.__name__} is not complete: {error}", help="define what it names first") from error
    reader = _Reader(model)
    parts = reader.nested(_Place("", "", {}), model.__pydantic_core_schema__).children
    closed = model.model_config.get("extra") == "forbid"
    if validators and reader.skipped:
        return Schema(model.__name__, parts, closed, extras=(RowChecks(model, repr(reader.skipped)),))
    return Schema(model.__name__, parts, closed, skipped_validators=tuple(reader.skipped))


class _Reader:
    """Reads the core schema of one model; one method for each of its kinds of types."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model
        self.definitions: dict[str, Core] = {}
        self.skipped: dict[str, str] = {}  # what does not run vectorised, and its code
        self.open: list[type] = []

    def refuse(self, place: _Place, what: str, remedy: str) -> SpecError:
        return SpecError(f"{what} cannot be checked as a column", at=f"{self.model.__name__}.{place.path}", help=remedy)

    def skip(self, place: _Place, function: Callable[..., Any]) -> None:
        name = getattr(function, "__name__", type(function).__name__)
        self.skipped[f"{place.path or self.model.__name__}: {name}"] = code_text(function)

    def column(self, place: _Place, core: Core) -> Column:
        core = self.resolved(core)
        read = _Reader.scalar if core["type"] in _SCALARS else _KINDS.get(core["type"])
        if read is None:
            remedy = "Arrow has no such type: declare the field as a type that its columns have, such as str or float"
            raise self.refuse(place, f"a field of type {core['type']!r}", remedy)
        return read(self, place, core)

    def resolved(self, core: Core) -> Core:
        while core["type"] in {"definitions", "definition-ref"}:
            if core["type"] == "definitions":
                self.definitions |= {definition["ref"]: definition for definition in core["definitions"]}
                core = core["schema"]
            else:
                core = self.definitions[core["schema_ref"]]
        return core

    def loose(self, place: _Place, kind: pa.DataType, core: Core, *children: Column) -> Column:
        unread = [key for key, value in core.items() if key not in _READ and value is not None and value is not False]
        self.skipped |= {f"{place.path}: {key}": repr(core[key]) for key in unread}
        rules = tuple(_rules(core, f"{self.model.__name__}.{place.path}"))
        return Column(place.name, kind, nullable=pat.is_null(kind), loose=True, rules=rules, children=children)

    def scalar(self, place: _Place, core: Core) -> Column:
        settings = _DEFAULTS.get(core["type"], {})
        said = {key: place.config[name] for key, name in settings.items() if name in place.config}
        core = {**said, **{key: value for key, value in core.items() if value is not None}}
        column = self.loose(place, _SCALARS[core["type"]], core)
        if core.get("tz_constraint") == "naive":
            return replace(column, zone="naive")
        if core.get("tz_constraint") is not None:
            return replace(column, zone="aware", type=pa.timestamp("us", tz="UTC"))
        return column

    def decimal(self, place: _Place, core: Core) -> Column:
        digits, places = core.get("max_digits"), core.get("decimal_places")
        kind = pa.decimal128(38, 18 if places is None else places)
        if digits is not None and places is not None:
            kind = pa.decimal128(digits, places) if digits <= 38 else pa.decimal256(digits, places)
        column = self.loose(place, kind, core)
        limited = digits is not None or places is not None
        return replace(column, rules=(*column.rules, Digits(digits, places))) if limited else column

    def options(self, place: _Place, core: Core) -> Column:
        members = core["members"] if core["type"] == "enum" else core["expected"]
        values = [member.value if isinstance(member, enum.Enum) else member for member in members]
        given = tuple(value for value in values if value is not None)
        kinds = {type(value) for value in given}
        if len(kinds) != 1 or not kinds <= _OPTION_TYPES.keys():
            raise self.refuse(
                place, f"a choice among {values}", "let all options be of one type: str, int, bool, float"
            )
        kind = _OPTION_TYPES[kinds.pop()]
        return Column(place.name, kind, nullable=len(given) < len(values), loose=True, rules=(OneOf(given),))

    def listed(self, place: _Place, core: Core) -> Column:
        items = core.get("items_schema", {"type": "any"})
        if core["type"] == "tuple":
            if len(items) != 1 or core.get("variadic_item_index") != 0:
                remedy = "use a nested model, or tuple[T, ...]"
                raise self.refuse(place, "a tuple with one type for each place", remedy)
            items = items[0]
        item = self.column(place.inside("[]"), items)
        return self.loose(place, pa.list_(pa.field("item", item.type, nullable=item.nullable)), core, item)

    def mapped(self, place: _Place, core: Core) -> Column:
        keys = self.column(place.inside("keys()"), core.get("keys_schema", {"type": "any"}))
        values = self.column(place.inside("values()"), core.get("values_schema", {"type": "any"}))
        if pat.is_null(keys.type):
            raise self.refuse(place, "a dict of anything", "say what it holds, such as dict[str, float]")
        item = pa.field("value", values.type, nullable=values.nullable)
        return self.loose(place, pa.map_(keys.type, item), core, keys, values)

    def nullable(self, place: _Place, core: Core) -> Column:
        return replace(self.column(place, core["schema"]), nullable=True)

    def inner(self, place: _Place, core: Core) -> Column:
        return self.column(place, core["json_schema"] if core["type"] == "json-or-python" else core["schema"])

    def union(self, place: _Place, core: Core) -> Column:
        if {choice["type"] for choice in core["choices"]} != {"int", "float"}:
            raise self.refuse(place, "a choice of types", "a column has one type: declare the one that it has")
        return self.column(place, {"type": "float"})

    def validated(self, place: _Place, core: Core) -> Column:
        function = core["function"]["function"]
        column = self.column(place, core.get("schema", {"type": "any"}))
        if isinstance(function, functools.partial) and function.keywords and function.keywords.keys() <= _CONSTRAINTS:
            # Pydantic's own: a constraint that it could not put into the type, such as `int | float` with ge=0.
            return replace(column, rules=column.rules + tuple(_rules(function.keywords, place.path)))
        self.skip(place, function)
        return column

    def nested(self, place: _Place, core: Core) -> Column:
        core = self.behind_validators(place, core, "model")
        model = core["cls"]
        if core.get("root_model"):
            raise self.refuse(place, f"the root model {model.__name__}", "use a model with fields")
        if model in self.open:
            remedy = "give the field a type that does not come back to its own model"
            raise self.refuse(place, f"{model.__name__}, which holds itself,", remedy)
        self.open.append(model)
        children = tuple(self.fields(replace(place, config=core.get("config", {})), core))
        self.open.pop()
        kind = pa.struct([pa.field(child.name, child.type, nullable=child.nullable) for child in children])
        return Column(place.name, kind, nullable=False, loose=True, children=children)

    def behind_validators(self, place: _Place, core: Core, kind: str) -> Core:
        while (core := self.resolved(core))["type"] != kind:
            self.skip(place, core["function"]["function"])
            core = core["schema"]
        return core

    def fields(self, place: _Place, core: Core) -> Iterator[Column]:
        for key, field in self.behind_validators(place, core["schema"], "model-fields")["fields"].items():
            info, alias = core["cls"].model_fields[key], field.get("validation_alias", key)
            spot = place.inside(str(alias)) if place.path else _Place(str(alias), str(alias), place.config)
            if not isinstance(alias, str):
                raise self.refuse(spot, f"the alias {alias!r}", "a column has one name: alias='name'")
            column = self.column(spot, field["schema"])
            if _wants_unique(info):
                if place.path or column.children:
                    raise self.refuse(spot, "a nested column that is unique", "mark a plain column of the table")
                column = replace(column, rules=(*column.rules, Unique()))
            yield replace(column, required=info.is_required())


_KINDS: dict[str, Callable[[_Reader, _Place, Core], Column]] = {
    "decimal": _Reader.decimal,
    "default": _Reader.inner,
    "dict": _Reader.mapped,
    "enum": _Reader.options,
    "frozenset": _Reader.listed,
    "function-after": _Reader.validated,
    "function-before": _Reader.validated,
    "function-plain": _Reader.validated,
    "function-wrap": _Reader.validated,
    "json-or-python": _Reader.inner,
    "list": _Reader.listed,
    "literal": _Reader.options,
    "model": _Reader.nested,
    "nullable": _Reader.nullable,
    "set": _Reader.listed,
    "tuple": _Reader.listed,
    "union": _Reader.union,
}


def _wants_unique(info: FieldInfo) -> bool:
    extra = info.json_schema_extra
    marked = any(isinstance(mark, Unique) or mark is Unique for mark in info.metadata)
    return marked or (isinstance(extra, dict) and extra.get("unique") is True)


def _rules(core: Core, at: str) -> Iterator[Rule]:
    for op in _OPS:
        if core.get(op) is not None:
            yield Bound(op, core[op])
    if core.get("min_length"):
        yield Bound("ge", core["min_length"], of="length")
    if core.get("max_length") is not None:
        yield Bound("le", core["max_length"], of="length")
    if core.get("multiple_of") is not None:
        yield MultipleOf(core["multiple_of"])
    if core.get("pattern") is not None:
        yield _pattern(core["pattern"], core.get("regex_engine"), at)
    if core.get("allow_inf_nan") is False:
        yield Finite()


def _pattern(pattern: str | re.Pattern[str], engine: str | None, at: str) -> Pattern:
    if isinstance(pattern, re.Pattern):  # pydantic gives these to Python
        flags = "".join(letter for letter in "imsx" if pattern.flags & getattr(re, letter.upper()))
        return readable(f"(?{flags}){pattern.pattern}" if flags else pattern.pattern, "python-re", at)
    return readable(pattern, "python-re" if engine == "python-re" else "rust-regex", at)
