"""Ask whoever sits at the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import ValidationError
from rich.text import Text

from pxw.cli.console import shown_path
from pxw.errors import ScriptError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails
    from rich.console import Console

    from pxw.compat.asking import Question

__all__ = ["ask"]


def ask(console: Console, question: Question) -> dict[str, Any]:
    """Ask for each field of the form, and again for what does not fit.

    Raises:
        ScriptError: the input ended before everything was answered.
    """
    console.print(Text(f"? {question.title} asks", style="bold"))
    for fact in question.facts:
        name, colon, found = fact.partition(": ")
        console.print(Text(f"  {name}{colon}{shown_path(found)}", style="dim"), soft_wrap=True)
    given: dict[str, str] = {}
    unanswered = list(question.form.model_fields)
    while True:
        for name in unanswered:
            _ask_until_it_fits(console, question, name, given)
        try:
            return question.form.model_validate_strings(given).model_dump()
        except ValidationError as error:  # what fits each by itself may not fit together
            _tell(console, error.errors())
            wrong = [str(fault["loc"][0]) for fault in error.errors() if fault["loc"]]
            unanswered = list(dict.fromkeys(wrong)) or list(question.form.model_fields)


def _ask_until_it_fits(console: Console, question: Question, name: str, given: dict[str, str]) -> None:
    field = question.form.model_fields[name]
    while True:
        given.pop(name, None)
        text = _line(console, question, f"{name}{_expected(field)}{_default(field)}")
        if text or field.is_required():
            given[name] = text
        faults = [fault for fault in _faults(question.form, given) if fault["loc"] == (name,)]
        if not faults:
            return
        _tell(console, faults)


def _faults(form: type[BaseModel], given: dict[str, str]) -> list[ErrorDetails]:
    try:
        form.model_validate_strings(given)
    except ValidationError as error:
        return error.errors()
    return []


def _tell(console: Console, faults: Iterable[ErrorDetails]) -> None:
    for fault in faults:
        where = "".join(f"{part}: " for part in fault["loc"][:1])
        console.print(Text(f"  {where}{fault['msg']}", style="red"))


def _line(console: Console, question: Question, words: str) -> str:
    try:
        return console.input(Text(f"  {words}: "))
    except EOFError:
        raise ScriptError(f"{question.title}: the input ended before it was answered") from None


def _expected(field: FieldInfo) -> str:
    """What may be answered, where that can be said in a few words: `(1 to 5)`, `(good, bad)`."""
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    limits = {name: getattr(each, name) for each in field.metadata for name in ("ge", "le") if hasattr(each, name)}
    if choices:
        return f" ({', '.join(map(str, choices))})"
    if len(limits) == len(("ge", "le")):
        return f" ({limits['ge']} to {limits['le']})"
    return " (true, false)" if field.annotation is bool else ""


def _default(field: FieldInfo) -> str:
    return "" if field.is_required() else f" [{field.default}]"
