"""Ask whoever sits at the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from rich.text import Text

from pxw.errors import ScriptError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
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
        console.print(Text(f"  {fact}", style="dim"))
    given: dict[str, str] = {}
    unanswered = list(question.form.model_fields)
    while True:
        for name in unanswered:
            given[name] = _line(console, question, name)
        try:
            answered = {name: text for name, text in given.items() if text or _is_needed(question, name)}
            return question.form.model_validate_strings(answered).model_dump()
        except ValidationError as error:
            for fault in error.errors():
                console.print(Text(f"  {fault['loc'][0]}: {fault['msg']}", style="red"))
            unanswered = list(dict.fromkeys(str(fault["loc"][0]) for fault in error.errors()))


def _line(console: Console, question: Question, name: str) -> str:
    field = question.form.model_fields[name]
    try:
        return console.input(Text(f"  {name}{_hint(field)}: "))
    except EOFError:
        raise ScriptError(f"{question.title}: the input ended before it was answered") from None


def _hint(field: FieldInfo) -> str:
    return "" if field.is_required() else f" [{field.default}]"


def _is_needed(question: Question, name: str) -> bool:
    return question.form.model_fields[name].is_required()
