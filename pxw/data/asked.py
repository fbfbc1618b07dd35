"""What an annotation asks for: the Python type that a dataset is to be loaded as."""

from __future__ import annotations

import io
import types
from pathlib import Path
from typing import IO, Annotated, Any, BinaryIO, TypeVar, Union, get_args, get_origin

__all__ = ["asked", "is_path", "is_raw", "is_stream", "many"]


def asked(annotation: Any) -> Any:
    """The type behind an annotation; `None` if it does not care.

    >>> asked(int | None), asked(Any), asked(Annotated[str, "a note"]), asked(dict[str, bytes])
    (<class 'int'>, None, <class 'str'>, dict[str, bytes])
    """
    if any(annotation is nothing for nothing in (None, Any, object)) or isinstance(annotation, TypeVar):
        return None
    origin = get_origin(annotation)
    if origin is Annotated:
        return asked(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return asked(next(arm for arm in get_args(annotation) if arm is not types.NoneType))
    return annotation


def plain(as_: Any) -> Any:
    """The class of a type: that of `NDArray[float64]` is `ndarray`."""
    return get_origin(as_) or as_


def is_path(as_: Any) -> bool:
    """Whether the place itself is asked for, as a `pathlib.Path`."""
    return isinstance(as_, type) and issubclass(as_, Path)


def is_stream(as_: Any) -> bool:
    """Whether an open binary stream is asked for."""
    return plain(as_) in {BinaryIO, IO, io.BufferedIOBase, io.BufferedReader, io.RawIOBase, io.IOBase}


def is_raw(as_: Any) -> bool:
    """Whether files are asked for as they are, whatever their format: as paths, streams, bytes or text.

    >>> is_raw(bytes), is_raw(dict[str, Path]), is_raw(dict)
    (True, True, False)
    """
    each = many(as_)
    return is_raw(each[1]) if each else is_path(as_) or is_stream(as_) or as_ in {bytes, str}


def many(as_: Any) -> tuple[type, Any] | None:
    """`(dict, T)` or `(list, T)` where one value for each file of a folder is asked for."""
    origin, arms = get_origin(as_), get_args(as_)
    if origin is dict and arms[0] is str:
        return dict, asked(arms[1])
    if origin is list:
        return list, asked(arms[0])
    return None
