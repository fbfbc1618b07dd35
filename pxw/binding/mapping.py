"""The calls of a mapped task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pxw import data
from pxw.codecs.registry import known_as
from pxw.errors import ArgumentError
from pxw.specs import Placed, Ref

if TYPE_CHECKING:
    from pxw.binding.bound import Binding

__all__ = ["is_unmapped", "map_calls", "may_fail"]


def map_calls(
    binding: Binding, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The arguments of each call of a mapped task: one element of each list, one entry of each folder."""
    bound = binding.signature.bind_partial(*args, **kwargs)
    for name, value in bound.arguments.items():
        if name in binding.inputs or isinstance(value, Ref):
            bound.arguments[name] = _entries(value)
    given: dict[int | str, Any] = dict(enumerate(bound.args)) | bound.kwargs
    mapped = {key: items for key, value in given.items() if (items := _items(value)) is not None}
    lengths = {key: len(items) for key, items in mapped.items()}
    if len(set(lengths.values())) != 1:
        shown = f"lists of different lengths: {lengths}" if mapped else "arguments without a list among them"
        raise ArgumentError(
            f"task {binding.name!r} cannot be mapped over {shown}",
            help="give lists of one length, or a folder; what is the same for every call goes into unmapped(...)",
        )
    fixed = {key: value.value if is_unmapped(value) else value for key, value in given.items()}
    rows = [fixed | dict(zip(mapped, row, strict=True)) for row in zip(*mapped.values(), strict=True)]
    places = range(len(bound.args))
    return [(tuple(row[place] for place in places), {key: row[key] for key in bound.kwargs}) for row in rows]


def _entries(value: Any) -> Any:
    is_folder = isinstance(value, Ref) and value.format == "folder"
    is_folder |= isinstance(value, Placed) and value.is_many
    if is_folder:
        return data.entries(value)
    if isinstance(value, Ref) and value.is_declared_only:
        return [value]  # a walk cannot know how many entries there will be
    return value


def _items(value: Any) -> list[Any] | None:
    """What each call of a mapped task gets of this argument; `None` if it is the same for all."""
    if is_unmapped(value):
        return None
    if hasattr(type(value), "rewrap"):
        items = _items(value.value)
        return items and [value.rewrap(item) for item in items]
    is_many = isinstance(value, list | tuple | range) or (hasattr(value, "__iter__") and hasattr(value, "__next__"))
    return list(value) if is_many else None


def is_unmapped(value: Any) -> bool:
    """Whether this is what Prefect's `unmapped()` gives."""
    return known_as(value, "prefect.utilities.annotations", "unmapped")


def may_fail(value: Any) -> bool:
    """Whether this is what Prefect's `allow_failure()` gives."""
    return known_as(value, "prefect.utilities.annotations", "allow_failure")
