"""From words to values: literals, declared types, domains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxw.workflow import Choices, Interval, ParameterType, Value, number

if TYPE_CHECKING:
    from pxw.dsl.syntax import Word

__all__ = ["CONSTANTS", "TYPES", "in_domain", "literal", "parameter_type", "written"]

TYPES: dict[str, ParameterType] = {
    **dict.fromkeys(("integer", "int", "long"), "Integer"),
    **dict.fromkeys(("float", "double", "number", "real"), "Float"),
    **dict.fromkeys(("string", "str", "text"), "String"),
    **dict.fromkeys(("boolean", "bool"), "Boolean"),
}
CONSTANTS: dict[str, Value] = {"true": True, "false": False, "null": None, "none": None}


def parameter_type(word: str) -> ParameterType:
    """Normalise the name of a type; whatever is none of the four is a Blob."""
    return TYPES.get(word.lower(), "Blob")


def literal(word: Word) -> Value:
    """Read a word as the value that it shows: a number, true, false, null, or a text.

    >>> from lark import Token
    >>> literal(Token("NUMBER", "1e3")), literal(Token("NAME", "True")), literal(Token("STRING", "True"))
    (1000.0, True, 'True')
    """
    if word.type == "NUMBER":
        return number(word)
    if word.type == "NAME" and word.lower() in CONSTANTS:
        return CONSTANTS[word.lower()]
    return str(word)


def in_domain(value: Value, domain: Interval | Choices | None) -> bool:
    """Is a value one of those that its parameter allows? Null always is."""
    return domain is None or value is None or value in domain


def written(value: Value) -> str:
    """Write a value as the DSL does.

    >>> written(True), written("a"), written(-1.5), written(None)
    ('true', '"a"', '-1.5', 'null')
    """
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return repr(value)
