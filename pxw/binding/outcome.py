"""What a function returned, as its declared outputs."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections import namedtuple
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from pxw.errors import OutputError, nearest

if TYPE_CHECKING:
    from pxw.binding.bound import Binding
    from pxw.specs import Ref

__all__ = ["named_refs", "split"]


def split(result: Any, names: list[str], binding: Binding) -> dict[str, Any]:
    """The value of each declared output.

    Raises:
        OutputError: nothing was returned, or more or fewer or other outputs than were declared.
    """
    if result is None and not _may_be_none(binding):
        raise OutputError(
            f"task {binding.name!r} returned None and declares {_words(names)}",
            help="does the function end without a return?",
        )
    if len(names) == 1:
        return {names[0]: result}
    values = _by_name(result, names)
    if values is None:
        raise OutputError(
            f"task {binding.name!r} returned {_shape(result)} and declares {len(names)} outputs: {', '.join(names)}",
            help=f"return a tuple of {len(names)} in this order, or a dict by name",
        )
    unknown = [name for name in values if name not in names]
    missing = [name for name in names if name not in values]
    if unknown or missing:
        raise OutputError(
            f"task {binding.name!r} returned {_words(list(values))} and declares {_words(names)}",
            details=[f"{name!r} is no output: {nearest(name, names)}" for name in unknown]
            + [f"{name!r} is missing" for name in missing],
        )
    return values


def _by_name(result: Any, names: list[str]) -> dict[str, Any] | None:
    if isinstance(result, tuple) and hasattr(result, "_asdict"):
        fields: dict[str, Any] = result._asdict()
        return fields if set(fields) & set(names) else _by_name(tuple(result), names)
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    if isinstance(result, Mapping):
        return {str(name): value for name, value in result.items()}
    if isinstance(result, Sequence) and not isinstance(result, str | bytes) and len(result) == len(names):
        return dict(zip(names, result, strict=True))
    return None


def _may_be_none(binding: Binding) -> bool:
    if "return" not in binding.annotations:
        return False
    wanted = binding.annotations["return"]
    return wanted in {None, Any, types.NoneType} or types.NoneType in typing.get_args(wanted)


def _words(names: list[str]) -> str:
    return f"output {names[0]!r}" if len(names) == 1 else f"outputs {', '.join(map(repr, names))}"


def _shape(result: Any) -> str:
    size = f" of {len(result)}" if isinstance(result, tuple | list) else ""
    return f"a {type(result).__name__}{size}"


def named_refs(names: tuple[str, ...], refs: list[Ref]) -> tuple[Ref, ...]:
    """The references to several outputs, by position and by name."""
    return typing.cast("tuple[Ref, ...]", _outputs_type(names)(*refs))


@cache
def _outputs_type(names: tuple[str, ...]) -> Any:
    fields: Any = namedtuple("Outputs", names)  # type: ignore[misc]  # noqa: PYI024 - known at run time only
    # A class that no module holds; task runners pickle its values.
    return type("Outputs", (fields,), {"__slots__": (), "__reduce__": lambda self: (_restored, (names, tuple(self)))})


def _restored(names: tuple[str, ...], refs: tuple[Ref, ...]) -> tuple[Ref, ...]:
    return named_refs(names, list(refs))
