"""`@pxw.task`: Prefect's task, whose function takes and returns references."""

from __future__ import annotations

import copy
import inspect
from contextlib import contextmanager
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, overload

import prefect
from prefect.context import TaskRunContext
from prefect.futures import PrefectFuture, PrefectFutureList
from prefect.utilities.annotations import opaque

from pxw.binding import Binding, Step
from pxw.binding.mapping import map_calls
from pxw.binding.output import Output
from pxw.engines.inline import Done, DoneList, call_here, refuse_state, resolved
from pxw.engines.prefect.caching import by_content
from pxw.engines.prefect.contexts import counted, current_run, in_prefect
from pxw.engines.prefect.ending import ends_with_flow
from pxw.engines.prefect.futures import see_allowed, watched
from pxw.isolated import bind
from pxw.retrying import RetryOn
from pxw.runs import active, hold_for_process
from pxw.threads import go_on
from pxw.walks import active_walk

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator
    from typing import TypeAlias, Unpack

    from prefect.client.schemas.objects import State
    from prefect.tasks import TaskOptions

    from pxw.binding.declare import Declared
    from pxw.isolated import Env
    from pxw.specs import Dataset, Ref

    Source: TypeAlias = Ref | Dataset | PrefectFuture[Any]
    Small: TypeAlias = Source | str | bytes | int | float | bool | None

__all__ = ["Task", "task"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Task(prefect.Task[P, R]):
    """A Prefect task whose declared inputs and outputs are datasets; everything else about it is Prefect's."""

    def __init__(self, binding: Binding, **options: Any) -> None:
        options = {"retry_condition_fn": RetryOn((Exception,)), **options}
        options = {"log_prints": None, **options}  # as the flow has it: Prefect's decorator says so, its class does not
        super().__init__(fn=_of_references(binding), **by_content(options, default=True))
        self._bind(binding)

    def _bind(self, binding: Binding) -> None:
        self.binding = binding
        self.fn = _of_references(binding)
        self.source_code = binding.source_code or self.source_code
        if self.source_code is None:  # typed into a REPL; by default Prefect would hash our wrapper, the same for all
            code = binding.fn.__code__
            self.source_code = repr((code.co_code, code.co_names, [str(value) for value in code.co_consts]))

    # For a type checker a call has the function's own return type. References, specs and futures may stand for its
    # parameters, and declared inputs may be left out: that is what the second to fourth form are for.

    if TYPE_CHECKING:

        @overload  # type: ignore[override]  # more forms than Prefect's
        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
        @overload
        def __call__(self, source: Source, /, *args: Any, **kwargs: Any) -> R: ...
        @overload
        def __call__(self, first: Any, source: Source, /, *args: Any, **kwargs: Any) -> R: ...
        @overload
        def __call__(self, **kwargs: Small) -> R: ...
        @overload
        def __call__(self, *args: Any, wait_for: Iterable[Any], **kwargs: Any) -> R: ...
        @overload
        def __call__(
            self: Task[..., Coroutine[Any, Any, T]], *args: Any, return_state: Literal[True], **kwargs: Any
        ) -> Coroutine[Any, Any, State[T]]: ...
        @overload
        def __call__(self, *args: Any, return_state: Literal[True], **kwargs: Any) -> State[R]: ...

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task; outside of any flow this is the plain function."""
        engine = _engine_options(kwargs)
        if not in_prefect():
            refuse_state(**engine)
            return call_here(self.binding, args, kwargs)
        light = self._light(args, kwargs, engine)
        with counted():
            return super().__call__(*light.args, **light.kwargs, **engine)

    if TYPE_CHECKING:

        @overload  # type: ignore[override]  # as above
        def submit(  # type: ignore[overload-overlap]  # as Prefect's: no task has a parameter `return_state`
            self: Task[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
        ) -> PrefectFuture[T]: ...
        @overload
        def submit(
            self: Task[..., Coroutine[Any, Any, T]], source: Source, /, *args: Any, **kwargs: Any
        ) -> PrefectFuture[T]: ...
        @overload
        def submit(self, *args: P.args, **kwargs: P.kwargs) -> PrefectFuture[R]: ...
        @overload
        def submit(self, source: Source, /, *args: Any, **kwargs: Any) -> PrefectFuture[R]: ...
        @overload
        def submit(self, first: Any, source: Source, /, *args: Any, **kwargs: Any) -> PrefectFuture[R]: ...
        @overload
        def submit(self, **kwargs: Small) -> PrefectFuture[R]: ...
        @overload
        def submit(self, *args: Any, wait_for: Iterable[Any], **kwargs: Any) -> PrefectFuture[R]: ...
        @overload
        def submit(self, *args: Any, return_state: Literal[True], **kwargs: Any) -> State[R]: ...

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Hand the task to the flow's task runner, and give its future."""
        engine = _engine_options(kwargs)
        if not in_prefect():
            if not _has_stand_in():
                return super().submit(*args, **kwargs, **engine)  # Prefect's own error
            refuse_state(**engine)
            return Done.of(self.binding, args, kwargs)
        light = self._light(args, kwargs, engine)
        with counted():
            return watched(super().submit(*light.args, **light.kwargs, **engine), self.name)

    if TYPE_CHECKING:

        @overload  # type: ignore[override]  # as above
        def map(self, *args: Any, return_state: Literal[True], **kwargs: Any) -> list[State[R]]: ...
        @overload
        def map(self: Task[..., Coroutine[Any, Any, T]], *args: Any, **kwargs: Any) -> PrefectFutureList[T]: ...
        @overload
        def map(self, *args: Any, **kwargs: Any) -> PrefectFutureList[R]: ...

    def map(self, *args: Any, **kwargs: Any) -> Any:
        """Submit the task once for each element of the lists, and each entry of the folders, that it is given."""
        engine = _engine_options(kwargs)
        if not in_prefect():
            if not _has_stand_in():
                return super().map(*args, **kwargs, **engine)  # Prefect's own error, or its deferred tasks
            refuse_state(**engine)
            calls = map_calls(self.binding, resolved(args), resolved(kwargs))
            return DoneList(Done.of(self.binding, *call) for call in calls)
        given = (value.source if isinstance(value, Output) else value for value in (*args, *kwargs.values()))
        futures = [value for value in given if isinstance(value, PrefectFuture)]
        if futures:  # a future of a list; Prefect keeps seeing that the mapped tasks depend on it
            engine["wait_for"] = [*(engine.get("wait_for") or ()), *futures]
        bound = self.binding.signature.bind_partial(*map(_result, args), **{k: _result(v) for k, v in kwargs.items()})
        light = self.binding.light(current_run(), bound)
        calls = map_calls(self.binding, light.args, light.kwargs)
        submitted = [self.submit(*args, **kwargs, **engine) for args, kwargs in calls]
        return submitted if engine.get("return_state") else PrefectFutureList(submitted)  # type: ignore[abstract]

    def with_options(self, *, outputs: Declared = None, **options: Unpack[TaskOptions]) -> Task[P, R]:  # type: ignore[override]  # one more option
        """The same task with other options; `outputs=` redirects some of its outputs."""
        plain = super().with_options(**by_content(dict(options), default=False))
        changed = copy.copy(self)
        changed.__dict__.update(plain.__dict__)
        changed._bind(self.binding.changed(options.get("name"), outputs))  # noqa: SLF001 - its own class's
        return changed

    def _light(self, args: tuple[Any, ...], kwargs: dict[str, Any], engine: dict[str, Any]) -> inspect.BoundArguments:
        go_on()
        see_allowed((*args, *kwargs.values(), *(engine.get("wait_for") or ())))
        light = self.binding.light(current_run(), self.binding.complete(args, kwargs))
        self.binding.each(light, lambda _, value: _sealed(value))
        return light


_PLAIN = {int, float, str, bool, type(None)}


def _sealed(value: Any) -> Any:
    """Keep Prefect from looking for futures in a long collection of numbers and texts: 4 seconds for a million."""
    if type(value) not in {list, tuple, dict, set} or len(value) < 1000:
        return value
    return opaque(value) if set(map(type, value.values() if type(value) is dict else value)) <= _PLAIN else value


def _result(value: Any) -> Any:
    return value.result() if isinstance(value, PrefectFuture | Output) else value


def _of_references(binding: Binding) -> Callable[..., Any]:
    """The function that Prefect runs: references in, references out."""
    if inspect.iscoroutinefunction(binding.fn):

        async def run_async(*args: Any, **kwargs: Any) -> Any:
            with _entered() as step:
                return await binding.call_async(step, args, kwargs)

        wrapper: Callable[..., Any] = run_async
    else:

        def run(*args: Any, **kwargs: Any) -> Any:
            with _entered() as step:
                return binding.call(step, args, kwargs)

        wrapper = run
    update_wrapper(wrapper, binding.fn)
    wrapper.__signature__ = binding.signature  # type: ignore[attr-defined]  # what Prefect binds arguments with
    return wrapper


@contextmanager
def _entered() -> Iterator[Step]:
    """Be in the task run that Prefect's context names.

    The functions around this one name nothing else of this module: those of a script are pickled with what they name.
    """
    context = TaskRunContext.get()
    run = current_run()
    if active.get() != run:
        hold_for_process(run.folder)
        ends_with_flow()
    token = active.set(run)
    try:
        yield Step(run, str(context.task_run.id) if context else "task")
    finally:
        active.reset(token)


def _has_stand_in() -> bool:
    return active_walk.get() is not None or active.get() is not None


def _engine_options(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: kwargs.pop(name) for name in ("wait_for", "return_state", "deferred") if name in kwargs}


@overload
def task(fn: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *, inputs: Declared = None, outputs: Declared = None, env: Env | None = None, **options: Unpack[TaskOptions]
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(
    fn: Callable[..., Any] | None = None,
    *,
    inputs: Declared = None,
    outputs: Declared = None,
    env: Env | None = None,
    **options: Any,
) -> Any:
    """Make a function a task: pxw loads what it takes, and saves what it returns.

    Args:
        fn: the function; parameters get values of their annotated types.
        inputs: specs by parameter name, or a list of names.
        outputs: specs by output name, or a list of names; several outputs are returned as a tuple in this order, a
            dict, a NamedTuple or a dataclass. Without any, the result passes by value.
        env: the Python, with its packages, that the function runs in, in a process of its own.
        options: those of `prefect.task`, such as `retries=`, `timeout_seconds=`, `tags=`, `cache_policy=`.

    Examples:
        >>> import pandas as pd
        >>> @task(outputs=["adults"])
        ... def grown_up(people: pd.DataFrame, age: int = 18) -> pd.DataFrame:
        ...     return people[people["age"] >= age]
        >>> len(grown_up(pd.DataFrame({"age": [7, 40]})))
        1
    """
    if fn is None:
        return partial(task, inputs=inputs, outputs=outputs, env=env, **options)
    return Task(bind(fn, options.get("name"), inputs, outputs, env), **options)
