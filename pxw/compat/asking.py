"""What a script asks a person before it runs: a form, beside what there is to know."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import BaseModel, create_model

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Ask", "Question", "asker", "filled_in"]


@dataclass(frozen=True)
class Question:
    """What somebody is asked.

    Args:
        key: tells it from all other questions of the run.
        title: which task asks, in which run.
        facts: what there is to know, line by line.
        form: its fields are the answers.
    """

    key: str
    title: str
    facts: tuple[str, ...]
    form: type[BaseModel]


Ask: TypeAlias = Callable[[Question], dict[str, Any]]
"""Waits for a person, and gives the answers by their names."""

asker: ContextVar[Ask | None] = ContextVar("pxw_asker", default=None)
"""Who answers, where somebody sits before this process."""


def filled_in(form: type[BaseModel], values: Mapping[str, Any]) -> type[BaseModel]:
    """The form with values that its fields begin with.

    >>> class Review(BaseModel):
    ...     grade: int
    ...     remark: str
    >>> filled_in(Review, {"grade": 3})(remark="good")
    Review(grade=3, remark='good')
    """
    fields: dict[str, Any] = {}
    for name in form.model_fields.keys() & values.keys():
        field = copy(form.model_fields[name])
        field.default = values[name]
        fields[name] = (field.annotation, field)
    return create_model(form.__name__, __base__=form, **fields)
