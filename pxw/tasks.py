"""`@pxw.task`: Prefect's task, whose function takes and returns references."""

from __future__ import annotations

import copy
import inspect
from contextlib import contextmanager
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, overload

import prefect
from prefect.cache_policies import DEFAULT, NO_CACHE, CachePolicy
from prefect.context import FlowRunContext, TaskRunContext
from prefect.futures import PrefectFuture, PrefectFutureList
from prefect.results import get_result_store
from prefect.utilities.annotations import opaque
from prefect.utilities.hashing import hash_objects
from prefect.utilities.visualization import get_task_viz_tracker

from pxw import data
from pxw.binding import Binding, Step
from pxw.binding.mapping import map_calls
from pxw.data.fitting import schema_of
from pxw.errors import DataError
from pxw.flows import run_of
from pxw.inline import Done, DoneList, call_here, refuse_state, resolved
from pxw.runs import Run, active, hold_for_process, open_run
from pxw.specs import DDM, Local, Ref
from pxw.walks import active_walk

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator
    from typing import TypeAlias, Unpack

    from prefect.client.schemas.objects import State
    from prefect.tasks import TaskOptions

    from pxw.binding.declare import Declared
    from pxw.specs import Dataset

    Source: TypeAlias = Ref | Dataset | PrefectFuture[Any]
    Small: TypeAlias = Source | str | bytes | int | float | bool | None

__all__ = ["Task", "task"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Task(prefect.Task[P, R]):
    """A Prefect task whose declared inputs and outputs are datasets; everything else about it is Prefect's."""

    def __init__(self, binding: Binding, **options: Any) -> None:
        options = {"log_prints": None, **options}  # as the flow has it: Prefect's decorator says so, its class does not
        super().__init__(fn=_of_references(binding), **_with_caching(options, default=True))
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
        if not _in_prefect():
            refuse_state(**engine)
            return call_here(self.binding, args, kwargs)
        light = self._light(args, kwargs)
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
        if not _in_prefect():
            if not _has_stand_in():
                return super().submit(*args, **kwargs, **engine)  # Prefect's own error
            refuse_state(**engine)
            return Done(partial(call_here, self.binding, args, kwargs))
        light = self._light(args, kwargs)
        return super().submit(*light.args, **light.kwargs, **engine)

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
        if not _in_prefect():
            if not _has_stand_in():
                return super().map(*args, **kwargs, **engine)  # Prefect's own error, or its deferred tasks
            refuse_state(**engine)
            calls = map_calls(self.binding, resolved(args), resolved(kwargs))
            return DoneList(Done(partial(call_here, self.binding, *call)) for call in calls)
        futures = [value for value in (*args, *kwargs.values()) if isinstance(value, PrefectFuture)]
        if futures:  # a future of a list; Prefect keeps seeing that the mapped tasks depend on it
            engine["wait_for"] = [*(engine.get("wait_for") or ()), *futures]
        bound = self.binding.signature.bind_partial(*map(_result, args), **{k: _result(v) for k, v in kwargs.items()})
        light = self.binding.light(_current_run(), bound)
        calls = map_calls(self.binding, light.args, light.kwargs)
        submitted = [self.submit(*args, **kwargs, **engine) for args, kwargs in calls]
        return submitted if engine.get("return_state") else PrefectFutureList(submitted)  # type: ignore[abstract]

    def with_options(self, *, outputs: Declared = None, **options: Unpack[TaskOptions]) -> Task[P, R]:  # type: ignore[override]  # one more option
        """The same task with other options; `outputs=` redirects some of its outputs."""
        plain = super().with_options(**_with_caching(dict(options), default=False))
        changed = copy.copy(self)
        changed.__dict__.update(plain.__dict__)
        changed._bind(self.binding.changed(options.get("name"), outputs))  # noqa: SLF001 - its own class's
        return changed

    def _light(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> inspect.BoundArguments:
        light = self.binding.light(_current_run(), self.binding.complete(args, kwargs))
        self.binding.each(light, lambda _, value: _sealed(value))
        return light


_PLAIN = {int, float, str, bool, type(None)}


def _sealed(value: Any) -> Any:
    """Keep Prefect from looking for futures in a long collection of numbers and texts: 4 seconds for a million."""
    if type(value) not in {list, tuple, dict, set} or len(value) < 1000:
        return value
    return opaque(value) if set(map(type, value.values() if type(value) is dict else value)) <= _PLAIN else value


def _result(value: Any) -> Any:
    return value.result() if isinstance(value, PrefectFuture) else value


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
    run = _current_run()
    if active.get() != run:
        hold_for_process(run)
    token = active.set(run)
    try:
        yield Step(run, str(context.task_run.id) if context else "task")
    finally:
        active.reset(token)


def _in_prefect() -> bool:
    return FlowRunContext.get() is not None or TaskRunContext.get() is not None or get_task_viz_tracker() is not None


def _has_stand_in() -> bool:
    return active_walk.get() is not None or active.get() is not None


def _current_run() -> Run:
    """The run that Prefect's context names; a task on its own is a run of its own."""
    flow, task_run = FlowRunContext.get(), TaskRunContext.get()
    if flow is not None and flow.flow_run is not None:
        return run_of(flow.flow_run, flow.flow.name if flow.flow else "")
    if task_run is not None:
        return open_run(str(task_run.task_run.flow_run_id or task_run.task_run.id), "")
    return open_run("tasks", "")


def _engine_options(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: kwargs.pop(name) for name in ("wait_for", "return_state", "deferred") if name in kwargs}


class ByContent(CachePolicy):
    """A cache policy that sees what references and specs point at, not where it lies."""

    def __init__(self, policy: CachePolicy) -> None:
        super().__init__(policy.key_storage, policy.isolation_level, policy.lock_manager)
        self.policy = policy

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """The inner policy's key for the content of the inputs, and what is declared of the outputs."""
        seen = {name: _content(value) for name, value in inputs.items()}
        key = self.policy.compute_key(task_ctx, seen, flow_parameters, **kwargs)
        binding = getattr(task_ctx.task, "binding", None)
        outputs = [_declaration(spec) for spec in binding.outputs.values()] if binding else []
        return _with_data(hash_objects(key, outputs) if key and outputs else key)


def _content(value: Any) -> Any:
    if isinstance(value, Ref):
        return value.digest
    if isinstance(value, Local | DDM):
        return data.fingerprint(value)
    if isinstance(value, dict):
        return {key: _content(item) for key, item in value.items()}
    return [_content(item) for item in value] if isinstance(value, list | tuple) else value


def _declaration(spec: Dataset) -> tuple[str, str, str]:
    schema = schema_of(spec)
    return data.address(spec), spec.model_dump_json(exclude={"table"}), schema.fingerprint if schema else ""


def _with_data(key: str | None) -> str | None:
    """The key, or the next one to it, under which no result is kept whose data is gone or was changed."""
    store, candidate, number = get_result_store(), key, 0
    while candidate is not None and store.exists(candidate) and not _is_whole(store.read(candidate).result):
        number += 1
        candidate = f"{key}-{number}"
    return candidate


def _is_whole(result: Any) -> bool:
    try:
        for ref in result if isinstance(result, list | tuple) else [result]:
            if isinstance(ref, Ref):
                data.verify(ref)
    except (DataError, OSError):
        return False
    return True


_CACHING = ("persist_result", "result_storage", "result_storage_key", "result_serializer")


def _with_caching(options: dict[str, Any], *, default: bool) -> dict[str, Any]:
    """Nothing is hashed unless the user asks for caching or persistence; then data counts by its content."""
    policy = options.get("cache_policy")
    if isinstance(policy, CachePolicy):
        return options if policy == NO_CACHE else options | {"cache_policy": ByContent(policy)}
    if "cache_policy" in options or options.get("cache_key_fn"):
        return options
    if any(options.get(name) for name in _CACHING):
        return options | {"cache_policy": ByContent(DEFAULT)}
    return options | {"cache_policy": NO_CACHE} if default else options


@overload
def task(fn: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *, inputs: Declared = None, outputs: Declared = None, **options: Unpack[TaskOptions]
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(
    fn: Callable[..., Any] | None = None, *, inputs: Declared = None, outputs: Declared = None, **options: Any
) -> Any:
    """Make a function a task: pxw loads what it takes, and saves what it returns.

    Args:
        fn: the function; parameters get values of their annotated types.
        inputs: specs by parameter name, or a list of names.
        outputs: specs by output name, or a list of names; several outputs are returned as a tuple in this order, a
            dict, a NamedTuple or a dataclass. Without any, the result passes by value.
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
        return partial(task, inputs=inputs, outputs=outputs, **options)
    return Task(Binding.of(fn, options.get("name"), inputs, outputs), **options)
