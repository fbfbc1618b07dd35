"""What goes to the child process of a task, and comes back: references, and JSON values of annotated types."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError

from pxw.errors import ArgumentError
from pxw.specs import Dataset, Ref, Spec

__all__ = ["packed", "unpacked"]

_REF: TypeAdapter[Ref] = TypeAdapter(Ref)
_SPEC: TypeAdapter[Dataset] = TypeAdapter(Spec)


def packed(value: Any, hint: Any, what: str) -> dict[str, Any]:
    """A value as JSON.

    >>> unpacked(packed((1, 2), tuple[int, int], "x"), tuple[int, int])
    (1, 2)

    Raises:
        ArgumentError: it would not come back as it is.
    """
    if isinstance(value, Ref):
        return {"ref": _REF.dump_python(value, mode="json")}
    if isinstance(value, Dataset):
        return {"spec": _spec(value, what)}
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    if any(isinstance(item, Ref | Dataset) for item in items):
        if isinstance(value, dict):
            return {"dict": {key: packed(item, Any, what) for key, item in value.items()}}
        return {type(value).__name__: [packed(item, Any, what) for item in value]}
    return {"value": _plain(value, hint, what)}


def unpacked(told: dict[str, Any], hint: Any) -> Any:
    """The value that was packed."""
    ((kind, content),) = told.items()
    if kind == "ref":
        return _REF.validate_python(content)
    if kind == "spec":
        return _SPEC.validate_python(content)
    if kind == "dict":
        return {key: unpacked(item, Any) for key, item in content.items()}
    if kind in {"list", "tuple"}:
        return {"list": list, "tuple": tuple}[kind](unpacked(item, Any) for item in content)
    return _adapter(hint).validate_json(json.dumps(content))


def _spec(spec: Dataset, what: str) -> Any:
    if spec.table is not None:
        raise ArgumentError(
            f"{what}: a spec with a schema cannot go to another Python",
            at=repr(spec),
            help="declare the schema with the task, in inputs= or outputs=",
        )
    return spec.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _plain(value: Any, hint: Any, what: str) -> Any:
    try:
        content = _adapter(hint).dump_python(value, mode="json", warnings="error")
        back = _adapter(hint).validate_json(json.dumps(content))
        if type(back) is type(value) and (back == value or repr(back) == repr(value)):
            return content
    except (PydanticSerializationError, PydanticUserError, ValueError, TypeError):
        pass
    raise ArgumentError(
        f"{what}: a {type(value).__name__} cannot go to another Python and come out as it is",
        help="annotate it with a type that pydantic knows, or declare it as a dataset in inputs= or outputs=",
    )


def _adapter(hint: Any) -> TypeAdapter[Any]:
    is_model = isinstance(hint, type) and hasattr(hint, "model_fields")  # it brings a configuration of its own
    return TypeAdapter(hint, config=None if is_model else ConfigDict(arbitrary_types_allowed=True))
