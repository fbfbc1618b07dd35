"""What an interactive task asks a person: a form of its parameters, beside what the tasks before it found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from pxw.workflow import Choices, Interval, as_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pxw.experiment import ExperimentTask
    from pxw.workflow import Parameter, TaskNode

__all__ = ["asking", "form_of"]


_TYPES: dict[str | None, type] = {"Integer": int, "Float": float, "Boolean": bool}


def form_of(node: TaskNode, values: Mapping[str, Any]) -> type[BaseModel]:
    """A field for each parameter of a task, with the value that it has as its default; without any, a free `answer`.

    >>> from pxw.workflow import Parameter, TaskNode
    >>> node = TaskNode("Review", parameters=(Parameter("grade", "Integer", domain=Interval(1, 5)),))
    >>> form_of(node, {"grade": 3}).model_validate_strings({"grade": "4"})
    Review(grade=4)
    """
    fields: dict[str, Any] = {each.name: _field(each, values.get(each.name, ...)) for each in node.parameters}
    free = {"answer": (str, Field(description="what the task finds among its variables as 'answer'"))}
    return create_model(node.name, __config__=ConfigDict(protected_namespaces=()), **(fields or free))


def _field(parameter: Parameter, default: Any) -> tuple[Any, Any]:
    kind, words = _TYPES.get(parameter.type, str), parameter.description or None
    match parameter.domain:
        case Interval(low, high):
            return kind, Field(default, ge=low, le=high, description=words)
        case Choices(values):
            typed = BeforeValidator(lambda value: as_type(value, parameter.type) if isinstance(value, str) else value)
            return Annotated[Literal[values], typed], Field(default, description=words)
    return kind, Field(default, description=words)


def asking(task: ExperimentTask) -> ExperimentTask:
    """An interaction whose tasks do not say themselves which of them asks: all do."""
    if not task.interaction or any(node.interactive for node in task.workflow.tasks):
        return task
    nodes = tuple(replace(node, interactive=True) for node in task.workflow.tasks)
    return replace(task, workflow=replace(task.workflow, tasks=nodes))
