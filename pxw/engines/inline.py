"""Tasks and flows without Prefect: the same data plane, in this process, one after the other.

`pxw run --inline` and `pxw check` import a user's file with these in the place of Prefect's, so that neither pays for
Prefect. There are no retries, no caching, no timeouts and no task runners here.
"""

from __future__ import annotations

import inspect
import re
from contextvars import copy_context
from functools import partial, update_wrapper
from itertools import count
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from pydantic import ConfigDict, TypeAdapter, ValidationError

from pxw.binding import Binding, Step
from pxw.binding.declare import refuse_unfit
from pxw.binding.mapping import is_unmapped, map_calls, may_fail
from pxw.errors import ArgumentError
from pxw.isolated import bind
from pxw.runs import Run, active, open_run
from pxw.runs.unseen import submitted
from pxw.specs import Ref, Spec
from pxw.specs.touching import future_touched, refuse_touching
from pxw.threads import go_on
from pxw.walks import active_walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from pxw.binding.declare import Declared
    from pxw.errors import RefTouchedError
    from pxw.isolated import Env

__all__ = [
    "Done",
    "DoneList",
    "InlineFlow",
    "InlineTask",
    "call_here",
    "flow",
    "holds_reference",
    "refuse_state",
    "resolved",
    "task",
]

_keys = count(1)


def call_here(binding: Binding, args: tuple[Any, ...], kwargs: dict[str, Any], *, looks: bool = True) -> Any:
    """Call a task where no Prefect run is active: in a walk, in an inline run, or as the plain function it is."""
    args, kwargs = resolved(args, looks=looks), resolved(kwargs, looks=looks)
    walk = active_walk.get()
    if walk is not None:
        found = walk.call(binding, args, kwargs)
        return _as_awaitable(found) if inspect.iscoroutinefunction(binding.fn) else found
    run = active.get()
    if run is None:
        return binding.call_plain(args, kwargs)
    go_on()
    step = Step(run, f"{next(_keys):04d}-{uuid4().hex[:8]}")
    call = binding.call_async if inspect.iscoroutinefunction(binding.fn) else binding.call
    return call(step, args, kwargs)


async def _as_awaitable(value: Any) -> Any:
    return value


class Done:
    """A future that is done already: it holds what a call returned, or raised."""

    _final_state = True  # what Prefect's own wait() and as_completed() ask a future for

    def __init__(self, call: Callable[[], Any], task: str = "") -> None:
        self.task = task
        self._is_seen = False
        self._value: Any = None
        self._error: Exception | None = None
        try:
            called = call()
            self._value = _run_to_its_end(called) if inspect.iscoroutine(called) else called
        except Exception as error:
            if active_walk.get() is not None:
                raise  # it is a finding
            self._error = error  # it is raised where the result is asked for
            tasks = submitted.get()
            if tasks is not None:
                tasks.add(self)

    @classmethod
    def of(cls, binding: Binding, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Self:
        """Call a task; that another one's future is among its arguments does not mean that anybody saw its failure."""
        return cls(partial(call_here, binding, args, kwargs, looks=False), binding.name)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """What the call returned; what it raised is raised now, or returned if `raise_on_failure` is off."""
        del timeout
        self._is_seen = True
        return self.outcome(raise_on_failure)

    def outcome(self, raise_on_failure: bool = True) -> Any:
        """The same for another task, which does not count as having looked."""
        if self._error is not None and raise_on_failure:
            raise self._error
        return self._error or self._value

    def unseen_failure(self) -> Exception | None:
        """What the call raised, unless somebody has asked for the result."""
        return None if self._is_seen else self._error

    def wait(self, timeout: float | None = None) -> None:
        """Return at once."""

    def add_done_callback(self, fn: Callable[[Done], None]) -> None:
        """Call it at once."""
        fn(self)

    def _touched(self, how: str) -> RefTouchedError:
        return future_touched(self.task, how)


def _run_to_its_end(coroutine: Any) -> Any:
    """Run a coroutine from code that cannot await it, whether or not an event loop is running."""
    import asyncio  # noqa: PLC0415 - only async tasks pay for it
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - as above

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(copy_context().run, asyncio.run, coroutine).result()


refuse_touching(Done, "future")


class DoneList(list[Done]):
    """The futures of a mapped task."""

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[Any]:
        """All values."""
        return [future.result(timeout, raise_on_failure) for future in self]

    def wait(self, timeout: float | None = None) -> None:
        """Return at once."""


def resolved(value: Any, *, looks: bool = True) -> Any:
    """A future's value; futures in lists, tuples and dicts, too.

    Args:
        value: what may be, or hold, futures.
        looks: whether it is the flow's code that asks, and so sees what they failed with.
    """
    if isinstance(value, DoneList):
        return [resolved(future, looks=looks) for future in value]
    if isinstance(value, Done):
        return value.result() if looks else value.outcome()
    if hasattr(type(value), "rewrap"):  # Prefect's annotations; the others are about what only Prefect does
        if may_fail(value) and isinstance(value.value, Done | DoneList):
            return value.value.result(raise_on_failure=False)
        inner = resolved(value.value, looks=looks)
        return value.rewrap(inner) if is_unmapped(value) else inner
    if type(value) is list or type(value) is tuple:
        return type(value)(resolved(item, looks=looks) for item in value)
    return {key: resolved(item, looks=looks) for key, item in value.items()} if type(value) is dict else value


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
        refuse_state(wait_for, return_state)
        return call_here(self.binding, args, kwargs)

    def submit(self, *args: Any, wait_for: Any = None, return_state: bool = False, **kwargs: Any) -> Done:
        """Run the task now, and give a future that is done."""
        refuse_state(wait_for, return_state)
        return Done.of(self.binding, args, kwargs)

    def map(self, *args: Any, wait_for: Any = None, return_state: bool = False, **kwargs: Any) -> DoneList:
        """Run the task once for each element of the lists among its arguments."""
        refuse_state(wait_for, return_state)
        calls = map_calls(self.binding, resolved(args), resolved(kwargs))
        return DoneList(self.submit(*args, **kwargs) for args, kwargs in calls)

    def with_options(self, *, outputs: Declared = None, **options: Any) -> InlineTask:
        """The same task with other options."""
        return InlineTask(self.binding.changed(options.get("name"), outputs), self.options | options)


def refuse_state(wait_for: Any = None, return_state: bool = False, deferred: bool = False) -> None:
    """Refuse a call that asks for a state: only Prefect has them."""
    del wait_for, deferred  # what was called earlier is done
    if return_state:
        raise ArgumentError(
            "a task that Prefect does not run has no state: return_state=True",
            help="call it in a flow, and run that without --inline",
        )


class InlineFlow:
    """A flow that runs in place."""

    def __init__(self, fn: Callable[..., Any], options: dict[str, Any]) -> None:
        update_wrapper(self, fn)
        self.fn = fn
        self.options = options
        self.name = options.get("name") or fn.__name__.replace("_", "-")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the flow in a folder of its own."""
        bound = inspect.signature(self.fn).bind(*resolved(args), **resolved(kwargs))
        bound.apply_defaults()
        if self.options.get("validate_parameters", True):
            validate(self.fn, bound)
        if active_walk.get() is not None:
            return self.fn(*bound.args, **bound.kwargs)
        go_on()
        identity = self.options.get("run_id") or f"inline-{uuid4()}"  # `pxw run` follows the run's journal
        run = open_run(identity, self.name)
        if inspect.iscoroutinefunction(self.fn):
            return self._call_async(run, bound)
        with run.noted("inline", bound.arguments):
            return self.fn(*bound.args, **bound.kwargs)

    async def _call_async(self, run: Run, bound: inspect.BoundArguments) -> Any:
        with run.noted("inline", bound.arguments):
            return await self.fn(*bound.args, **bound.kwargs)

    def with_options(self, **options: Any) -> InlineFlow:
        """The same flow with other options."""
        return InlineFlow(self.fn, self.options | options)


_COLLECTED: dict[Any, Callable[[Any], Any]] = {
    inspect.Parameter.VAR_POSITIONAL: lambda hint: GenericAlias(tuple, (hint, ...)),
    inspect.Parameter.VAR_KEYWORD: lambda hint: GenericAlias(dict, (str, hint)),
}


def validate(fn: Callable[..., Any], bound: inspect.BoundArguments) -> None:
    """Turn a flow's arguments into the types of its parameters; references pass as they are.

    Raises:
        ArgumentError: one of them cannot become that.
    """
    hints = inspect.get_annotations(fn, eval_str=True)
    for name, value in bound.arguments.items():
        if name not in hints or holds_reference(value):
            continue
        kind = bound.signature.parameters[name].kind
        hint = _COLLECTED.get(kind, lambda hint: hint)(hints[name])
        bound.arguments[name] = _coerced(fn, name, value, hint)


def holds_reference(value: Any) -> bool:
    """Whether this is a reference, or a list, tuple or dict with one in it: no data that could be validated."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
    return any(isinstance(item, Ref) for item in items)


def _coerced(fn: Callable[..., Any], name: str, value: Any, hint: Any) -> Any:
    is_model = isinstance(hint, type) and hasattr(hint, "model_fields")  # it brings a configuration of its own
    config = None if is_model else ConfigDict(arbitrary_types_allowed=True)
    try:
        return TypeAdapter(hint, config=config).validate_python(value)
    except ValidationError as error:
        raise ArgumentError(
            f"flow {fn.__name__!r}, parameter {name!r}: {value!r} does not fit {_shown(hint)}",
            details=[": ".join([*map(str, fault["loc"]), fault["msg"]]) for fault in error.errors()],
        ) from None


def _shown(hint: Any) -> str:
    """A type as users write it."""
    shown = inspect.formatannotation(hint).replace(inspect.formatannotation(Spec), "pxw.Spec")
    return re.sub(r"\bpxw\.specs\.\w+\.", "pxw.", shown)


def task(
    fn: Callable[..., Any] | None = None,
    *,
    inputs: Declared = None,
    outputs: Declared = None,
    env: Env | None = None,
    **options: Any,
) -> Any:
    """Decorate a task, as `pxw.task`."""
    if fn is None:
        return partial(task, inputs=inputs, outputs=outputs, env=env, **options)
    return InlineTask(bind(fn, options.get("name"), inputs, outputs, env), options)


def flow(fn: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Decorate a flow, as `pxw.flow`."""
    if fn is None:
        return partial(flow, **options)
    refuse_unfit(fn, "flow")
    return InlineFlow(fn, options)
