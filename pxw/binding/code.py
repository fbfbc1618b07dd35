"""What a function does, as a fingerprint: of its own code, and of the user's own code which that reaches."""

from __future__ import annotations

import inspect
import sys
import sysconfig
import types
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import xxhash

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["code_of"]

_CONSTANTS = (str, bytes, int, float, complex, bool, type(None), type(...))


@lru_cache(4096)
def code_of(made: Any) -> str:
    """A fingerprint that changes with what a function, or a class, does; not with its comments, or where it stands.

    It follows functions, classes and constants that are named in the code, through the user's own modules. What it
    calls of installed packages does not count.

    >>> code_of(lambda x: x + 1) == code_of(lambda x: x + 1), code_of(lambda x: x + 1) == code_of(lambda x: x + 2)
    (True, False)
    """
    reading = _Reading()
    try:
        reading.take(made)
    except RecursionError:  # a list that holds itself
        return uuid4().hex
    name = getattr(made, "__qualname__", type(made).__qualname__)
    return f"{name if _is_users(made) else f'{made.__module__}.{name}'} {reading.state.hexdigest()}"


class _Reading:
    def __init__(self) -> None:
        self.state = xxhash.xxh3_128()
        self._seen: set[int] = set()

    def take(self, value: Any, names: frozenset[str] = frozenset()) -> None:
        """Take in a value that the code names, of a module that which is named, too."""
        value = _undecorated(value)
        if type(value) in _CONSTANTS:
            self._note(type(value).__name__, repr(value))
        elif isinstance(value, list | tuple | set | frozenset | dict):
            self._take_items(value)
        elif isinstance(value, partial):
            for part in (value.func, value.args, value.keywords):
                self.take(part)
        elif id(value) not in self._seen and _is_users(value):
            self._seen.add(id(value))
            self._take_users(value, names)

    def _take_items(self, values: Any) -> None:
        if len(values) > 1000:
            return
        self._note(type(values).__name__, str(len(values)))
        items = values.items() if isinstance(values, dict) else values
        for item in sorted(items, key=repr) if isinstance(values, set | frozenset) else items:
            self.take(item)

    def _take_users(self, value: Any, names: frozenset[str]) -> None:
        if isinstance(value, types.FunctionType):
            self._note("function", value.__qualname__)
            self.take((value.__defaults__, value.__kwdefaults__))
            for cell in value.__closure__ or ():
                self.take(_content(cell))
            self._take_code(value.__code__, value.__globals__)
        elif isinstance(value, type):
            self._note("class", value.__qualname__)
            for name, each in (*enumerate(value.__bases__), *vars(value).items()):
                if not str(name).startswith("__") or isinstance(each, types.FunctionType):
                    self.take(getattr(each, "fget", None) or getattr(each, "__func__", each))
        elif isinstance(value, types.ModuleType):
            for name in sorted(names & vars(value).keys()):
                self.take(vars(value)[name])

    def _take_code(self, code: types.CodeType, known: dict[str, Any]) -> None:
        names = frozenset(name for each in _nested(code) for name in each.co_names)
        for each in _nested(code):
            self.state.update(each.co_code)
            self.take((*each.co_names, *(const for const in each.co_consts if not isinstance(const, types.CodeType))))
        for name in sorted(names & known.keys()):
            self._note("name", name)
            self.take(known[name], names)

    def _note(self, kind: str, text: str) -> None:
        self.state.update(f"{kind}:{text}\0".encode("utf-8", "surrogatepass"))


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _nested(const)


def _undecorated(value: Any) -> Any:
    """The function behind decorators: also behind a task, or a flow."""
    if isinstance(value, type | types.ModuleType):
        return value
    try:
        return inspect.unwrap(value)
    except ValueError:  # it wraps itself
        return value


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None


def _is_users(value: Any) -> bool:
    """Whether a function, class or module is the user's own: neither installed nor Python's."""
    if isinstance(value, types.FunctionType):
        return _is_own(value.__code__.co_filename)
    if isinstance(value, types.ModuleType):
        return _is_own(getattr(value, "__file__", None) or "<frozen>")
    if not isinstance(value, type):
        return False
    module = sys.modules.get(value.__module__)
    return module is None or module.__name__ == "__main__" or _is_users(module)


@lru_cache(4096)
def _is_own(file: str) -> bool:
    paths = sysconfig.get_paths()
    installed = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    installed.append(str(Path(__file__).parents[1]))
    return not file.startswith("<frozen") and not any(Path(file).is_relative_to(each) for each in installed)
