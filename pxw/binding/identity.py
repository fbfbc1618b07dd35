"""What tells one call of a task from another: its code, what it declares, and the content of what it is given."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import functools
import pathlib
import pickle
import types
import uuid
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import xxhash
from pydantic import BaseModel

from pxw import data
from pxw.binding.code import code_of
from pxw.data.schema import schema_of
from pxw.errors import PxwError
from pxw.specs import Dataset, Placed, Ref

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["declaration", "identity_of"]

# Of these, equal texts mean equal values of one type.
_EXACT = {type(None), bool, int, float, complex, str, bytes, range, uuid.UUID, decimal.Decimal}
_EXACT |= {dt.date, dt.datetime, dt.time, dt.timedelta, dt.timezone}
_EXACT |= {pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePosixPath, pathlib.PureWindowsPath}


def identity_of(code: str, arguments: Mapping[str, Any]) -> str:
    """A fingerprint of a call; empty if an argument has none, so that no other call can be said to be the same.

    >>> one, same, other = (identity_of("f", {"x": x}) for x in (1, 1, "1"))
    >>> one == same, one == other
    (True, False)
    """
    state = xxhash.xxh3_128(code.encode())
    try:
        _take(state, dict(arguments))
    except (_HasNoneError, PxwError, OSError):  # whoever loads what is not there says so better
        return ""
    return state.hexdigest()


def declaration(spec: Dataset) -> tuple[str, str, str]:
    """What a spec says, as plain values."""
    schema = schema_of(spec)
    return spec.address, spec.model_dump_json(exclude={"table"}), schema.fingerprint if schema else ""


class _HasNoneError(Exception):
    """A value that nothing tells from others."""


def _take(state: Any, value: Any) -> None:
    cls = type(value)
    state.update(f"{cls.__qualname__}(".encode())
    if cls is Ref:
        state.update(f"{value.digest},{value.format},{value.compression},{value.python}".encode())
    elif cls in _EXACT:
        state.update(repr(value).encode("utf-8", "surrogatepass"))
    elif cls is dict:
        for key, item in value.items():
            _take(state, key)
            _take(state, item)
    elif issubclass(cls, list | tuple):
        for item in value:
            _take(state, item)
    else:
        _take_rare(state, value)
    state.update(b")")


def _take_rare(state: Any, value: Any) -> None:
    if isinstance(value, Dataset):
        stamp = data.stamp(value) if isinstance(value, Placed) else "nowhere"
        if not stamp:
            raise _HasNoneError
        _take(state, (*declaration(value), stamp))
    elif isinstance(value, set | frozenset):
        _take(state, sorted(map(repr, value)) if {*map(type, value)} <= _EXACT else [_pickled(value)])
    elif isinstance(value, enum.Enum):
        _take(state, (type(value).__module__, value.name))
    elif isinstance(value, BaseModel):
        _take(state, (code_of(value.__class__), dict(value)))
    elif is_dataclass(value) and not isinstance(value, type):
        _take(state, (code_of(value.__class__), {each.name: getattr(value, each.name) for each in fields(value)}))
    elif isinstance(value, type | types.FunctionType | functools.partial):
        _take(state, code_of(value))
    else:
        _take(state, (code_of(value.__class__), _pickled(value)))


def _pickled(value: Any) -> bytes:
    try:
        return pickle.dumps(value, protocol=5)
    except Exception as error:
        raise _HasNoneError from error
