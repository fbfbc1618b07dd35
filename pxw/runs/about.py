"""What a run was given and ran with, kept beside its journal for whoever looks at the run later.

runs/<run id>/about.json    parameters, engine, versions, machine; of the last attempt, readable by its user only
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from pxw.specs import Local, Placed, Ref

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["read", "taken", "write"]

_NAME = "about.json"
_LARGE = 10_000  # characters of a parameter as JSON, beyond which only its type is kept
_SHORT = 60  # characters of a text that a task was given
_FEW = 20  # items of a list or dict that are told one by one
_PACKAGES = ("pxw", "prefect", "pandas", "pyarrow", "numpy", "polars", "duckdb", "sklearn")


def write(folder: Path, engine: str, parameters: Mapping[str, Any]) -> None:
    """Keep what the run with this folder begins with."""
    known = {name: sys.modules[name] for name in _PACKAGES if name in sys.modules}  # others take no part
    versions = {name: str(getattr(module, "__version__", "")) for name, module in known.items()}
    about = {
        "engine": engine,
        "parameters": {name: _parameter(value) for name, value in parameters.items()},
        "versions": {
            "python": ".".join(map(str, sys.version_info[:3])),
            **{name: it for name, it in versions.items() if it},
        },
        "host": os.uname().nodename,
        "pid": os.getpid(),
        "cwd": os.getcwd(),  # noqa: PTH109 - a text is wanted
    }
    temporary = folder / f".{_NAME}"
    temporary.touch(mode=0o600)  # parameters may be nobody else's business
    temporary.write_text(json.dumps(about))
    temporary.replace(folder / _NAME)


def read(folder: Path) -> dict[str, Any]:
    """What was kept; nothing of a run that an earlier pxw ran, or whose file is damaged or somebody else's."""
    try:
        about = json.loads((folder / _NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    parts = {name: about.get(name, {}) for name in ("parameters", "versions")} if isinstance(about, dict) else {"": 0}
    return about if all(isinstance(part, dict) for part in parts.values()) else {}


def _parameter(value: Any) -> Any:
    """A flow's parameter as JSON; what JSON does not hold, or holds at length, by its type."""
    if isinstance(value, Ref):
        return taken(value)
    try:
        told = to_json(value, fallback=_type)
    except Exception:  # a value's own methods may raise anything
        return _type(value)
    return json.loads(told) if len(told) <= _LARGE else _type(value)


def taken(value: Any) -> Any:
    """What a task was given, in a few words: data by its place and digest, a small plain value itself.

    >>> taken(Ref(place="/x.arrow", digest="xxh3:0", task="clean", output="rows"))
    {'task': 'clean', 'output': 'rows', 'place': '/x.arrow', 'digest': 'xxh3:0'}
    >>> taken([1, "a"]), taken(object())
    ({'items': [1, 'a'], 'count': 2}, {'type': 'object'})
    """
    cls = type(value)
    if cls is Ref:
        facts = {name: getattr(value, name) for name in ("run", "task", "output", "place", "digest", "rows", "size")}
        return {name: fact for name, fact in facts.items() if fact}
    if value is None or cls in {int, float, bool} or (cls is str and len(value) <= _SHORT):
        return value
    if isinstance(value, list | tuple):  # a list of futures comes as Prefect's own kind of list
        return {"items": [taken(item) for item in value[:_FEW]], "count": len(value)}
    if isinstance(value, dict) and len(value) <= _FEW:
        return {"named": {str(key): taken(item) for key, item in value.items()}}
    return {"place": value.address, **_file(value)} if isinstance(value, Placed) else _type(value)


def _file(spec: Placed) -> dict[str, Any]:
    """What tells a file of this machine from what was there before, without reading it."""
    if not isinstance(spec, Local):
        return {}
    try:
        state = os.stat(spec.address)  # noqa: PTH116 - once for each input of a task
    except (OSError, ValueError):
        return {}
    return {"size": state.st_size, "changed": round(state.st_mtime, 3)}


def _type(value: Any) -> dict[str, str]:
    cls = type(value)
    return {"type": cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"}
