"""Parameters of tasks as typed arguments of a flow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pxw.convert.source import written
from pxw.workflow import Choices, Interval, Parameter

if TYPE_CHECKING:
    from pxw.convert.report import Notes
    from pxw.workflow import Value

__all__ = ["TYPES", "Argument", "Bound", "argument", "hint"]

TYPES = {"Integer": "int", "Float": "float", "String": "str", "Boolean": "bool"}
_PLAIN = {int: "int", float: "float", bool: "bool", str: "str"}


@dataclass
class Bound:
    """What the spaces of experiments bind a parameter to.

    Args:
        values: those that are known.
        is_open: whether a generator may give others.
    """

    values: list[Value] = field(default_factory=list)
    is_open: bool = False


@dataclass(frozen=True)
class Argument:
    """An argument of the flow as it is written: its name, its annotation, its default, and what a task is handed."""

    name: str
    hint: str
    default: str | None
    passed: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.hint}" + (f" = {self.default}" if self.default is not None else "")


def argument(name: str, parameter: Parameter, bound: Bound, notes: Notes) -> Argument:
    """The argument for a parameter: its type, its domain, its value."""
    value = parameter.value
    if parameter.type is None:
        text = f"parameter '{parameter.name}' has no declared type: its script gets it as text"
        notes.add("decided", text, parameter.at)
        return _untyped(name, parameter, bound)
    kind = hint(parameter, notes)
    if value is None and not parameter.given:
        return Argument(name, kind, None, name)  # every space binds it, or the DSL itself would be wrong
    return Argument(name, kind if value is not None else f"{kind} | None", written(value), name)


def _untyped(name: str, parameter: Parameter, bound: Bound) -> Argument:
    """Of whatever types its values are; the script gets text, as in the old system."""
    if not parameter.given and parameter.value is None:
        return Argument(name, "str | None", "None", name)
    kinds = {type(each) for each in (parameter.value, *bound.values)}
    hint = " | ".join(text for kind, text in _PLAIN.items() if kind in kinds)
    hint = "Any" if bound.is_open else f"{hint} | None".removeprefix(" | ") if type(None) in kinds else hint
    return Argument(name, hint, written(parameter.value), name if hint == "str" else f"str({name})")


def hint(parameter: Parameter, notes: Notes) -> str:
    """The type of a parameter, with its domain; text where none is declared."""
    domain, kind = parameter.domain, parameter.type or "String"
    plain = TYPES.get(kind, "str | int | float | bool")
    if isinstance(domain, Choices) and kind != "Boolean":
        if all(isinstance(each, str | int) for each in domain.values) and kind != "Float":
            return f"Literal[{', '.join(map(written, domain.values))}]"
        notes.add("dropped", f"parameter '{parameter.name}': a type cannot say {domain}", parameter.at)
    if isinstance(domain, Interval):
        if domain.step is not None:
            notes.add("dropped", f"parameter '{parameter.name}': the step of {domain} binds nobody", parameter.at)
        return f"Annotated[{plain}, Field(ge={_bound(domain.low, kind)}, le={_bound(domain.high, kind)})]"
    return plain


def _bound(value: float, kind: str) -> str:
    return written(int(value) if kind == "Integer" and value == int(value) else value)
