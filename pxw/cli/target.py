"""From the words of a command line to a flow and its parameters."""

from __future__ import annotations

import asyncio
import inspect
import json
from contextlib import nullcontext
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from pxw.binding import Binding
from pxw.cli.faults import WrongUseError
from pxw.engines.inline import validate
from pxw.errors import ArgumentError, PxwError, nearest
from pxw.importing import find_flow, inline
from pxw.specs import Dataset, Spec

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["awaited", "binding_of", "is_xxp", "load_target", "parameters", "tasks_near", "user_function"]


def load_target(target: str, *, inline_only: bool) -> Any:
    """The flow that a target names, for a run on Prefect or without it."""
    with inline() if inline_only else nullcontext():
        return find_flow(target)


def awaited(result: Any) -> Any:
    """What a flow returned; that of an async flow is waited for."""
    return asyncio.run(result) if inspect.iscoroutine(result) else result


def is_xxp(target: str) -> bool:
    """Whether a target names a DSL file: `x.xxp`, or one of its workflows or experiments as `x.xxp:Name`.

    >>> is_xxp("workflows/w.xxp"), is_xxp("w.xxp:Train"), is_xxp("W.XXP"), is_xxp("flow.py")
    (True, True, True, False)
    """
    return target.lower().endswith(".xxp") or ".xxp:" in target


def user_function(flow: Any) -> Any:
    """The function that the user wrote."""
    return inspect.unwrap(flow.fn)


def parameters(flow: Any, given: Iterable[str], moved: Iterable[str] = ()) -> dict[str, Any]:
    """A flow's parameters from `-p name=value` and `--set dataset=path`; those of tasks are redirected.

    Raises:
        WrongUseError: an unknown name, a value that does not fit, a parameter that has none.
    """
    try:
        return _parameters(flow, given, moved)
    except PxwError as error:
        raise WrongUseError(error) from error


def _parameters(flow: Any, given: Iterable[str], moved: Iterable[str]) -> dict[str, Any]:
    fn = user_function(flow)
    known = inspect.signature(fn).parameters
    values = dict(_value(fn, *_pair("-p", text, known)) for text in given)
    for text in moved:
        name, place = _split("--set", text)
        if name in known and _is_spec(fn, name):
            values[name] = _moved(fn, name, place, values.get(name, known[name].default))
        else:
            _redirect(flow, name, place)
    _refuse_missing(flow, known, values)
    return values


def _split(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ArgumentError(f"{option} {text!r} is no name=value")
    return name.strip(), value


def _pair(option: str, text: str, known: Iterable[str]) -> tuple[str, str]:
    name, value = _split(option, text)
    if name not in known:
        raise ArgumentError(f"the flow has no parameter {name!r}", at=f"{option} {text}", help=nearest(name, known))
    return name, value


def _value(fn: Any, name: str, text: str) -> tuple[str, Any]:
    """A text as JSON where it is JSON that fits, and as itself otherwise: `123` may be meant as a text."""
    try:
        read = json.loads(text)
    except ValueError as error:
        value = _validated(fn, name, text)
        if isinstance(value, Dataset) and text.startswith('{"'):  # it would be taken for a path
            raise ArgumentError(f"-p {name}={text} is no JSON: {error}") from None
        return name, value
    try:
        return name, _validated(fn, name, read)
    except ArgumentError:
        if isinstance(read, dict | list):
            raise
        return name, _validated(fn, name, text)


def _validated(fn: Any, name: str, value: Any) -> Any:
    bound = inspect.signature(fn).bind_partial(**{name: value})
    validate(fn, bound)
    return bound.arguments[name]


def _refuse_missing(flow: Any, known: Any, values: dict[str, Any]) -> None:
    variadic = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    missing = [
        name
        for name, parameter in known.items()
        if name not in values and parameter.default is parameter.empty and parameter.kind not in variadic
    ]
    if missing:
        raise ArgumentError(
            f"flow {flow.name!r} needs a value for {', '.join(map(repr, missing))}",
            help=f"give it as {' '.join(f'-p {name}=...' for name in missing)}",
        )


# Redirecting datasets ------------------------------------------------------------------------------------------------


def _is_spec(fn: Any, name: str) -> bool:
    """Whether a parameter takes a dataset spec, by its default or by its annotation."""
    if isinstance(inspect.signature(fn).parameters[name].default, Dataset):
        return True
    try:
        return isinstance(_validated(fn, name, {"path": "x"}), Dataset)
    except PxwError:
        return False


def _moved(fn: Any, name: str, place: str, before: Any) -> Dataset:
    """A spec with another place; what else `before` says still holds."""
    spec: Dataset = _value(fn, name, place)[1]
    return _inheriting(spec, before) if isinstance(before, Dataset) else spec


def _inheriting(spec: Dataset, before: Dataset) -> Dataset:
    if getattr(spec, "suffix", "") != getattr(before, "suffix", ""):  # another format has other options
        before = before.model_copy(update={"format": None, "compression": None})
    return spec.inherit(before)


def _redirect(flow: Any, name: str, place: str) -> None:
    """Let a task read one of its declared inputs from another place, whatever the flow passes.

    Args:
        flow: whose tasks are meant.
        name: `task.input`, or `input` alone where a single task of the flow's file has one of that name.
        place: a path, or a spec as JSON.
    """
    tasks = tasks_near(flow)
    choices = {f"{task}.{key}": (binding, key) for task, binding in tasks.items() for key in binding.inputs}
    found = [name] if name in choices else [choice for choice in choices if choice.partition(".")[2] == name]
    if len(found) != 1:
        fn = user_function(flow)
        specs = [parameter for parameter in inspect.signature(fn).parameters if _is_spec(fn, parameter)]
        raise ArgumentError(
            f"--set {name}={place}: {'several tasks have' if found else 'there is no dataset'} {name!r}",
            help=f"name one: {', '.join(found)}" if found else nearest(name, [*specs, *choices]),
        )
    binding, key = choices[found[0]]
    binding.moved[key] = _inheriting(_spec(place), binding.inputs[key])


def _spec(place: str) -> Dataset:
    def takes(spec: Spec) -> None: ...

    return cast("Dataset", _value(takes, "spec", place)[1])


def tasks_near(flow: Any) -> dict[str, Binding]:
    """The tasks that a flow's file names: its own, those that it imports, and those in modules that it imports."""
    values = list(user_function(flow).__globals__.values())
    modules = [value for value in values if isinstance(value, ModuleType) and not value.__name__.startswith("pxw")]
    everything = values + [item for module in modules for item in vars(module).values()]
    return {binding.name: binding for binding in map(binding_of, everything) if binding is not None}


def binding_of(value: Any) -> Binding | None:
    """The binding of a pxw task; None for anything else."""
    found = getattr(value, "__dict__", {}).get("binding")
    return found if isinstance(found, Binding) else None
