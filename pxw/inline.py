"""Tasks and flows without Prefect: the same data plane, in this process, one after the other.

`pxw run --inline` and `pxw check` import a user's file with these in the place of Prefect's, so that neither pays for
Prefect. There are no retries, no caching, no timeouts and no task runners here.
"""

from __future__ import annotations

import inspect
from functools import partial, update_wrapper
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pydantic import ConfigDict, TypeAdapter, ValidationError

from pxw import data
from pxw.binding import Binding, Step
from pxw.errors import ArgumentError
from pxw.runs import Run, active, folder_of
from pxw.settings import load_settings
from pxw.specs import Local, Ref
from pxw.walks import active_walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from pxw.binding.declare import Declared

__all__ = ["Done", "InlineFlow", "InlineTask", "call_here", "flow", "map_arguments", "task"]

_keys = count(1)


def call_here(binding: Binding, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a task where no Prefect run is active: in a walk, in an inline run, or as the plain function it is."""
    walk = active_walk.get()
    if walk is not None:
        return walk.call(binding, args, kwargs)
    run = active.get()
    if run is None:
        return binding.call_plain(args, kwargs)
    bound = binding.lighten(run, args, kwargs)
    step = Step(run, f"{next(_keys):04d}-{uuid4().hex[:8]}")
    call = binding.call_async if inspect.iscoroutinefunction(binding.fn) else binding.call
    return call(step, bound.args, bound.kwargs)


class Done:
    """A future that is done already."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """The value."""
        del timeout, raise_on_failure
        return self._value

    def wait(self, timeout: float | None = None) -> None:
        """Return at once."""


class DoneList(list[Done]):
    """The futures of a mapped task."""

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[Any]:
        """All values."""
        return [future.result(timeout, raise_on_failure) for future in self]

    def wait(self, timeout: float | None = None) -> None:
        """Return at once."""


def resolved(value: Any) -> Any:
    """A future's value; futures in lists, tuples and dicts, too."""
    if isinstance(value, Done):
        return value.result()
    if isinstance(value, list) or type(value) is tuple:
        return type(value)(map(resolved, value))
    return {key: resolved(item) for key, item in value.items()} if type(value) is dict else value


class InlineTask:
    """A task that runs in place."""

    def __init__(self, binding: Binding, options: dict[str, Any]) -> None:
        update_wrapper(self, binding.fn)
        self.binding = binding
        self.options = options
        self.fn = binding.fn
        self.name = binding.name

    def __call__(self, *args: Any, wait_for: Any = None, return_state: bool = False, **kwargs: Any) -> Any:
        """Run the task: its outputs come back as references."""
        del wait_for, return_state
        return call_here(self.binding, resolved(args), resolved(kwargs))

    def submit(self, *args: Any, wait_for: Any = None, return_state: bool = False, **kwargs: Any) -> Done:
        """Run the task now, and give a future that is done."""
        return Done(self(*args, wait_for=wait_for, return_state=return_state, **kwargs))

    def map(self, *args: Any, wait_for: Any = None, return_state: bool = False, **kwargs: Any) -> DoneList:
        """Run the task once for each element of the lists among its arguments."""
        del wait_for, return_state
        calls = map_arguments(self.binding, resolved(args), resolved(kwargs))
        return DoneList(Done(self(**arguments)) for arguments in calls)

    def with_options(self, *, outputs: Declared = None, **options: Any) -> InlineTask:
        """The same task with other options."""
        binding = self.binding.redirected(outputs) if outputs else self.binding
        if options.get("name"):
            binding = Binding(binding.fn, options["name"], binding.inputs, binding.outputs)
        return InlineTask(binding, self.options | options)


def map_arguments(binding: Binding, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[dict[str, Any]]:
    """The arguments of each call of a mapped task: one element of each list, one entry of each folder."""
    given = spread(binding, args, kwargs)
    mapped = {name: list(value) for name, value in given.items() if _is_mapped(value)}
    lengths = {name: len(value) for name, value in mapped.items()}
    if not mapped or len(set(lengths.values())) != 1:
        raise ArgumentError(
            f"task {binding.name!r} cannot be mapped over {lengths or 'arguments without a list among them'}",
            help="give lists of one length, or a folder; what is the same for every call goes into unmapped(...)",
        )
    fixed = {name: getattr(value, "value", value) for name, value in given.items() if name not in mapped}
    return [fixed | dict(zip(mapped, row, strict=True)) for row in zip(*mapped.values(), strict=True)]


def spread(binding: Binding, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a mapped task, with folders as lists of their entries."""
    bound = binding.signature.bind_partial(*args, **kwargs)
    return {name: _entries(value) if name in binding.inputs else value for name, value in bound.arguments.items()}


def _entries(value: Any) -> Any:
    is_folder = isinstance(value, Ref) and value.format == "folder"
    if is_folder or (isinstance(value, Local) and (value.is_folder or value.is_pattern)):
        return data.entries(value)
    if isinstance(value, Ref) and value.is_declared_only:
        return [value]  # a walk cannot know how many entries there will be
    return value


def _is_mapped(value: Any) -> bool:
    return isinstance(value, list | tuple | range) or (hasattr(value, "__iter__") and hasattr(value, "__next__"))


class InlineFlow:
    """A flow that runs in place."""

    def __init__(self, fn: Callable[..., Any], options: dict[str, Any]) -> None:
        update_wrapper(self, fn)
        self.fn = fn
        self.options = options
        self.name = options.get("name") or fn.__name__.replace("_", "-")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the flow in a folder of its own."""
        bound = inspect.signature(self.fn).bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = validated(self.fn, dict(bound.arguments))
        bound.arguments.update(arguments)
        if active_walk.get() is not None:
            return self.fn(*bound.args, **bound.kwargs)
        identity = f"inline-{uuid4()}"
        run = Run(identity, self.name, folder_of(identity, load_settings().home))
        if inspect.iscoroutinefunction(self.fn):
            return self._call_async(run, bound)
        with run.noted():
            return self.fn(*bound.args, **bound.kwargs)

    async def _call_async(self, run: Run, bound: inspect.BoundArguments) -> Any:
        with run.noted():
            return await self.fn(*bound.args, **bound.kwargs)

    def with_options(self, **options: Any) -> InlineFlow:
        """The same flow with other options."""
        return InlineFlow(self.fn, self.options | options)


def validated(fn: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """A flow's arguments as the types of its parameters; references pass as they are.

    Raises:
        ArgumentError: one of them cannot become that.
    """
    hints = inspect.get_annotations(fn, eval_str=True)
    return {
        name: value if name not in hints or isinstance(value, Ref) else _coerced(fn, name, value, hints[name])
        for name, value in arguments.items()
    }


def _coerced(fn: Callable[..., Any], name: str, value: Any, hint: Any) -> Any:
    try:
        config = (
            None
            if isinstance(hint, type) and hasattr(hint, "model_fields")
            else ConfigDict(arbitrary_types_allowed=True)
        )
        return TypeAdapter(hint, config=config).validate_python(value)
    except ValidationError as error:
        raise ArgumentError(
            f"flow {fn.__name__!r}, parameter {name!r}: {value!r} does not fit {hint}",
            details=[f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()],
        ) from None


def task(
    fn: Callable[..., Any] | None = None, *, inputs: Declared = None, outputs: Declared = None, **options: Any
) -> Any:
    """Decorate a task, as `pxw.task`."""
    if fn is None:
        return partial(task, inputs=inputs, outputs=outputs, **options)
    return InlineTask(Binding.of(fn, options.get("name") or fn.__name__, inputs, outputs), options)


def flow(fn: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Decorate a flow, as `pxw.flow`."""
    return partial(flow, **options) if fn is None else InlineFlow(fn, options)
