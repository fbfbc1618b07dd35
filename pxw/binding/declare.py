"""What a user may write as `inputs=` and `outputs=`, checked against the function at import time."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from pxw.addresses import is_url
from pxw.errors import DeclarationError, SpecError, nearest
from pxw.specs import DDM, Dataset, Local, Placed, Remote

__all__ = ["Declared", "declare", "declared_inputs", "declared_outputs", "spec_of"]

Declared: TypeAlias = Mapping[str, Any] | Sequence[str] | None
"""Specs by name; a schema or a path stands for a spec, and a list of names for specs that say nothing."""


def spec_of(said: Any) -> Dataset:
    """The spec that is meant by a spec, a path, a schema, or nothing."""
    if isinstance(said, Dataset):
        return said
    if isinstance(said, str | os.PathLike):
        return Remote(str(said)) if is_url(os.fspath(said)) else Local(said)
    return Dataset(schema=said)


def declare(said: Declared, what: str) -> dict[str, Dataset]:
    """Specs by name."""
    if said is None:
        return {}
    if isinstance(said, str) or not isinstance(said, Mapping | Sequence):
        raise DeclarationError(
            f"{what}={said!r}", help=f'write a mapping, {what}={{"name": pxw.Dataset(...)}}, or a list of names'
        )
    named = said if isinstance(said, Mapping) else dict.fromkeys(said)
    try:
        return {str(name): spec_of(spec) for name, spec in named.items()}
    except SpecError as error:
        error.at = error.at or f"{what}={said!r}"
        raise


def declared_inputs(said: Declared, fn: Callable[..., Any]) -> dict[str, Dataset]:
    """The specs of the function's parameters."""
    inputs = declare(said, "inputs")
    parameters = inspect.signature(fn).parameters
    plain = [name for name, parameter in parameters.items() if parameter.kind not in _VARIADIC]
    for name in inputs:
        if name not in plain:
            raise DeclarationError(
                f"inputs= names {name!r}, which is no parameter of {fn.__qualname__}()",
                at=place_of(fn),
                help=nearest(name, plain),
            )
    return inputs


_VARIADIC = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


def declared_outputs(said: Declared, fn: Callable[..., Any]) -> dict[str, Dataset]:
    """The specs of what the function returns."""
    outputs = declare(said, "outputs")
    places = [_place_said(spec) for spec in outputs.values()]
    twice = next((place for place in places if place and places.count(place) > 1), None)
    if twice is not None:
        raise DeclarationError(f"two outputs of {fn.__qualname__}() go to {twice!r}", at=place_of(fn))
    for name in outputs:
        if not name.isidentifier() and len(outputs) > 1:
            raise DeclarationError(
                f"{name!r} cannot name one of several outputs", at=place_of(fn), help="use an identifier"
            )
    return outputs


def _place_said(spec: Dataset) -> str:
    if isinstance(spec, Local):
        return spec.path  # as it was written: the working directory may be another one when the task runs
    takes_several = isinstance(spec, DDM) and spec.name is None
    return spec.address if isinstance(spec, Placed) and not takes_several else ""


def refuse_unfit(fn: Any, what: str) -> None:
    """Refuse what cannot be a task or a flow (`what`), with the way to make it one."""
    if isinstance(fn, staticmethod | classmethod) or not callable(fn):
        raise DeclarationError(f"a {type(fn).__name__} cannot be a pxw {what}", help="decorate a plain function")
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise DeclarationError(
            f"{fn.__qualname__}() is a generator, which cannot be a pxw {what}",
            at=place_of(fn),
            help="return a pyarrow.RecordBatchReader to stream rows" if what == "task" else "return what it yields",
        )
    first = next(iter(inspect.signature(fn).parameters), "")
    if first in {"self", "cls"} and "." in fn.__qualname__.replace("<locals>.", ""):
        raise DeclarationError(
            f"{fn.__qualname__}() is a method: a worker could not tell which object it belongs to",
            at=place_of(fn),
            help="move it out of its class and give it what it needs as parameters",
        )


def place_of(fn: Callable[..., Any]) -> str:
    """File and line of a function."""
    code = getattr(inspect.unwrap(fn), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else ""
