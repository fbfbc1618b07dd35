"""Parameters of tasks as typed arguments of a flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pxw.convert.source import written
from pxw.workflow import Choices, Interval, Parameter

if TYPE_CHECKING:
    from pxw.convert.report import Notes

__all__ = ["Argument", "argument"]

_TYPES = {"Integer": "int", "Float": "float", "String": "str", "Boolean": "bool"}


@dataclass(frozen=True)
class Argument:
    """An argument of the flow: its name, its annotation and its default as they are written."""

    name: str
    hint: str
    default: str | None

    def __str__(self) -> str:
        return f"{self.name}: {self.hint}" + (f" = {self.default}" if self.default is not None else "")


def argument(name: str, parameter: Parameter, notes: Notes) -> Argument:
    """The argument for a parameter: its type, its domain, its value."""
    value = parameter.value
    if parameter.type is None:
        notes.add("decided", f"parameter '{parameter.name}' has no declared type: the script gets it as text", None)
        return Argument(name, "str", written(value if isinstance(value, str) else str(value)))
    hint = _hint(parameter, notes)
    return Argument(name, hint if value is not None else f"{hint} | None", written(value))


def _hint(parameter: Parameter, notes: Notes) -> str:
    domain, kind = parameter.domain, parameter.type or ""
    plain = _TYPES.get(kind, "str | int | float | bool")
    if isinstance(domain, Choices):
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
