"""What the earlier attempts of a run finished, so that the next one does not do it again.

    runs/<run id>/earlier.json    by the identity of a call: the task runs that finished it, and what they gave

An attempt begins by gathering this from the journals of those before it. Where there were none, there is no such file,
and all that a task pays is the look for it.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pxw.runs import journal
from pxw.specs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["finished", "gather", "is_there", "retold", "told", "unfinished"]

_NAME = "earlier.json"
_MANY = 1000  # items of a plain result, beyond which it is not written down
_LARGE = 4096  # characters of a text in one

# What a task run gave, as JSON: a reference is {"ref": its fields}, a dict {"dict": ...}, a tuple {"tuple": ...}.


def gather(folder: Path, before: Iterable[Path]) -> None:
    """Write down for the attempt that begins now what those before it finished, if there were any.

    Args:
        folder: the run's.
        before: the folders of the attempts: of a run that is resumed its own, of a subflow others, too.
    """
    found: dict[str, list[Any]] = {}
    events = [event for each in before for event in journal.past(each)]
    for event in events:
        if event["event"] == "finished" and event.get("call"):
            found.setdefault(event["call"], []).append([event["key"], event["result"]])
    if events:
        temporary = folder / f".{_NAME}"
        temporary.write_text(json.dumps(found))
        temporary.replace(folder / _NAME)


def unfinished(folder: Path) -> set[tuple[str, str]]:
    """The names and keys of the task runs that earlier attempts began, and did not finish."""
    runs: dict[str, set[tuple[str, str]]] = {"started": set(), "finished": set()}
    for event in journal.past(folder):
        if event["event"] in runs:
            runs[event["event"]].add((event["task"], event["key"]))
    return runs["started"] - runs["finished"]


def is_there(folder: Path) -> bool:
    """Whether the run of a folder had earlier attempts."""
    return (folder / _NAME).exists()


def finished(folder: Path, call: str) -> list[tuple[str, Any]]:
    """The keys of the task runs that finished this call in earlier attempts, and what they gave as `told`."""
    path = f"{folder}/{_NAME}"
    try:
        state = os.stat(path)  # noqa: PTH116 - asked at each call
    except FileNotFoundError:
        return []
    return [(key, given) for key, given in _read(path, state.st_mtime_ns).get(call, ())]


@lru_cache(16)
def _read(path: str, _mtime: int) -> dict[str, list[Any]]:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a text is its key in the cache
        found: dict[str, list[Any]] = json.load(file)
        return found


def told(result: Any) -> dict[str, Any] | None:
    """What a task gave as JSON that `retold` turns back; None if JSON does not hold it exactly, or it is large.

    >>> retold(told(({"auc": 0.9}, None, Ref(value=1, digest="d"))))
    ({'auc': 0.9}, None, <Ref a value, 1>)
    >>> told(object()) is None
    True
    """
    try:
        return {"": _told(result, iter(range(_MANY)))}
    except (TypeError, StopIteration):
        return None


def _told(value: Any, left: Iterator[int]) -> Any:
    next(left)
    cls = type(value)
    if cls is Ref:
        fields = vars(value) | {"format": value.format_as_json}
        return {"ref": {name: field for name, field in fields.items() if field not in _USUAL}}
    if cls is str and len(value) > _LARGE:
        raise TypeError
    if value is None or cls in {str, int, float, bool}:
        return value
    if cls is list:
        return [_told(item, left) for item in value]
    if cls is tuple or (issubclass(cls, tuple) and hasattr(cls, "_fields")):  # whoever declares names gives them again
        return {"tuple": [_told(item, left) for item in value]}
    if cls is dict and all(type(key) is str for key in value):
        return {"dict": {key: _told(item, left) for key, item in value.items()}}
    raise TypeError


_USUAL = ("", None, "none")  # what a reference's fields are by default


def retold(told: Any) -> Any:
    """What `told` was made of."""
    if isinstance(told, list):
        return [retold(item) for item in told]
    if not isinstance(told, dict):
        return told
    (kind, inner), *_ = told.items()
    if kind == "ref":
        return Ref(**inner)
    if kind == "tuple":
        return tuple(retold(item) for item in inner)
    return {key: retold(item) for key, item in inner.items()} if kind == "dict" else retold(inner)
