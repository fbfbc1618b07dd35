"""What an argument holds: values that travel as references, and references that become values."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, get_args

from pxw.binding.output import Output
from pxw.codecs.kinds import is_table_type
from pxw.specs import Dataset, Ref

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["inside", "is_heavy", "leaves", "travels_otherwise", "wants_reference"]


def is_heavy(cls: type) -> bool:
    """Whether Prefect had better not be given values of this class, nor a task one that its caller still holds."""
    return is_table_type(cls) or issubclass(cls, (bytes, getattr(sys.modules.get("numpy"), "ndarray", bytes)))


def travels_otherwise(cls: type) -> bool:
    """Whether something else goes to Prefect in the place of values of this class."""
    return cls is Output or is_heavy(cls)


def inside(value: Any, picks: Callable[[type], bool], change: Callable[[Any], Any]) -> Any:
    """A list, tuple or dict with the items changed whose class is picked; anything else as it is."""
    if hasattr(type(value), "rewrap"):  # Prefect's unmapped(), allow_failure(), quote()
        return value.rewrap(change(value.value)) if picks(type(value.value)) else value
    if not isinstance(value, dict | list | tuple):
        return value
    items = value.values() if isinstance(value, dict) else value
    picked = {cls for cls in set(map(type, items)) if picks(cls)}  # of a long list, few classes
    if not picked:
        return value
    changed = [change(item) if type(item) in picked else item for item in items]
    if isinstance(value, dict):
        return dict(zip(value, changed, strict=True))
    return type(value)(*changed) if hasattr(value, "_fields") else type(value)(changed)


def leaves(value: Any) -> Iterator[Any]:
    """The values in lists, tuples and dicts; also those that `*args` and `**kwargs` collect."""
    if isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    else:
        yield value


def wants_reference(wanted: Any) -> bool:
    """Whether a parameter is annotated to take references or specs themselves."""
    arms = get_args(wanted) or (wanted,)
    return any(isinstance(arm, type) and issubclass(arm, Ref | Dataset) for arm in arms)
