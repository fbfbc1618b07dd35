"""`variables` and `resultMap`: mappings that also answer `put`, and tell what changed."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from . import values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    _Base = dict[str, Any]
else:  # Python 3.8
    _Base = dict

__all__ = ["Results", "SharedMap", "nearest"]


class _Stored:
    """A value that is read when somebody asks for it."""

    def __init__(self, item: dict[str, Any]) -> None:
        self.item = item

    def __repr__(self) -> str:
        return "<a value of an earlier task>"


class SharedMap(_Base):
    """What earlier tasks put is here, and what this task puts is seen by later ones.

    Args:
        name: what scripts call it.
        given: the values as earlier tasks handed them on.
    """

    def __init__(self, name: str, given: dict[str, Any]) -> None:
        super().__init__()
        self._name = name
        self._given = given
        self._read: dict[str, Any] = {}
        for key, item in given.items():
            self[key] = copy.deepcopy(item["value"]) if "value" in item else _Stored(item)

    def put(self, key: str, value: Any) -> None:
        """Set a value."""
        self[key] = value

    def __missing__(self, key: str) -> Any:
        raise KeyError(f"{self._name} has no {key!r}: {nearest(key, self)}")

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        if isinstance(value, _Stored):
            value = self._read[key] = self[key] = values.read(value.item, f"{self._name}[{key!r}]")
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or the default."""
        return self[key] if key in self else default

    def values(self) -> Any:
        """All values."""
        return [self[key] for key in self]

    def items(self) -> Any:
        """All keys with their values."""
        return [(key, self[key]) for key in self]

    def changes(self, write: Callable[[Any, str], dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """What this task set or altered, as it is handed on."""
        for key, value in dict.items(self):
            if isinstance(value, _Stored) or (key in self._read and value is self._read[key]):
                continue
            item = values.as_json(value)
            if item is None:
                item = write(value, key)
            if item != self._given.get(key):
                yield {"map": self._name, "key": str(key), "item": item}


class Results(_Base):
    """Results of earlier runs, which are counted from 1: `results["S1"][1]` and `results["S1"]["1"]` are the same."""

    def __missing__(self, key: Any) -> Any:
        if isinstance(key, int) and str(key) in self:
            return self[str(key)]
        raise KeyError(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """The result, or the default."""
        try:
            return self[key]
        except KeyError:
            return default

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or (isinstance(key, int) and super().__contains__(str(key)))


def nearest(name: Any, names: Any) -> str:
    """Word the remedy for an unknown name."""
    import difflib

    known = [str(each) for each in names]
    close = difflib.get_close_matches(str(name), known, 1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known[:20]) or 'none'}"
