"""`@pxw.flow`: Prefect's flow, in a run's folder of its own."""

from __future__ import annotations

import copy
import inspect
from contextlib import contextmanager, nullcontext, suppress
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, cast, overload

import prefect
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture
from prefect.logging.loggers import patch_print
from pydantic_core import to_jsonable_python

from pxw.binding.declare import refuse_unfit
from pxw.engines.inline import InlineFlow, holds_reference
from pxw.engines.prefect.contexts import counted, run_of
from pxw.engines.prefect.ending import ends_when_told
from pxw.engines.prefect.sent_contexts import small_contexts
from pxw.threads import go_on
from pxw.walks import active_walk

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator
    from contextlib import AbstractContextManager
    from typing import TypedDict, Unpack

    from prefect.flows import FlowStateHook
    from prefect.results import ResultSerializer, ResultStorage
    from prefect.task_runners import TaskRunner

    from pxw.runs import Run

    class FlowOptions(TypedDict, total=False):
        """The options of `prefect.flow`, which has no such type of its own."""

        name: str | None
        version: str | None
        flow_run_name: Callable[[], str] | str | None
        retries: int | None
        retry_delay_seconds: int | float | None
        task_runner: TaskRunner[Any] | None
        description: str | None
        timeout_seconds: int | float | None
        validate_parameters: bool
        persist_result: bool | None
        result_storage: ResultStorage | None
        result_serializer: ResultSerializer | None
        cache_result_in_memory: bool
        log_prints: bool | None
        on_completion: list[FlowStateHook[..., Any]] | None
        on_failure: list[FlowStateHook[..., Any]] | None
        on_cancellation: list[FlowStateHook[..., Any]] | None
        on_crashed: list[FlowStateHook[..., Any]] | None
        on_running: list[FlowStateHook[..., Any]] | None


__all__ = ["Flow", "flow"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Flow(prefect.Flow[P, R]):
    """A Prefect flow whose runs keep their intermediates in a folder; everything else about it is Prefect's."""

    def __init__(self, fn: Callable[P, R], **options: Any) -> None:
        refuse_unfit(fn, "flow")
        super().__init__(fn=_in_folder(fn), **options)

    if TYPE_CHECKING:

        @overload
        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
        @overload
        def __call__(
            self: Flow[..., Coroutine[Any, Any, T]], *args: Any, return_state: Literal[True], **kwargs: Any
        ) -> Coroutine[Any, Any, State[T]]: ...
        @overload
        def __call__(self, *args: Any, return_state: Literal[True], **kwargs: Any) -> State[R]: ...
        @overload
        def __call__(self, *args: Any, wait_for: Iterable[Any], **kwargs: Any) -> R: ...

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the flow."""
        if active_walk.get() is not None:
            return InlineFlow(inspect.unwrap(self.fn), {"name": self.name})(*args, **kwargs)
        go_on()
        with counted():
            return super().__call__(*args, **kwargs)

    def with_options(self, **options: Unpack[FlowOptions]) -> Flow[P, R]:  # type: ignore[override]  # it names each
        """The same flow with other options."""
        plain = super().with_options(**cast("dict[str, Any]", options))
        changed = copy.copy(self)
        changed.__dict__.update(plain.__dict__)
        return changed

    def validate_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Cast parameters to their annotated types; a reference, or a list of them, may stand for any of them."""
        references = {name for name, value in parameters.items() if holds_reference(value)}
        if not references:
            return super().validate_parameters(parameters)
        values = {name: value for name, value in parameters.items() if name not in references}
        checked = _without(self, references).validate_parameters(values)
        return {name: checked.get(name, value) for name, value in parameters.items()}

    def serialize_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """As Prefect's own, which imports a web framework for it: a third of a second in each process."""
        return {name: _as_json(value) for name, value in parameters.items()}


def _as_json(value: Any) -> Any:
    """What Prefect's API and its pages are told of a parameter; the name of its type where that is all there is."""
    if not isinstance(value, PrefectFuture | State):
        with suppress(Exception):  # a value's own methods may raise anything
            return to_jsonable_python(value, fallback=vars)
    return f"<{type(value).__name__}>"


def _without(whole: Flow[..., Any], references: set[str]) -> prefect.Flow[..., Any]:
    """A flow of the other parameters only, for Prefect's own validation."""

    def others(**values: Any) -> None: ...

    signature = inspect.signature(whole.fn)
    kept = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in signature.parameters.items()
        if name not in references
    ]
    others.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    return prefect.Flow(others, name=whole.name)


def _in_folder(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The function that Prefect runs: the user's, while the run's folder is held."""
    if inspect.iscoroutinefunction(fn):

        async def run_async(*args: Any, **kwargs: Any) -> Any:
            with _noted(run_async):
                return await fn(*args, **kwargs)

        wrapper: Callable[..., Any] = run_async
    else:

        def run(*args: Any, **kwargs: Any) -> Any:
            with _noted(run):
                return fn(*args, **kwargs)

        wrapper = run
    update_wrapper(wrapper, fn)
    wrapper.__signature__ = _signature(fn)  # type: ignore[attr-defined]  # what Prefect binds parameters with
    return wrapper


def _signature(fn: Callable[..., Any]) -> inspect.Signature:
    """The function's, with annotations as types: Prefect would look for names in this module, not in the user's."""
    try:
        return inspect.signature(fn, eval_str=True)
    except NameError:  # defined further down, or for type checkers only
        return inspect.signature(fn)


def _noted(wrapper: Callable[..., Any]) -> AbstractContextManager[None]:
    """Hold the folder of the run that Prefect runs this function for; `flow.fn(...)` is the plain function."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or context.flow is None or context.flow.fn is not wrapper:
        return nullcontext()
    return _held(run_of(context.flow_run, context.flow.name), context)


@contextmanager
def _held(run: Run, context: FlowRunContext) -> Iterator[None]:
    noted = run.noted("prefect", context.parameters or {})
    # Tasks that log what they print put Prefect's `print` in the place of Python's, and put back what they found. Those
    # that run side by side find each other's; with Prefect's there all the while, no line misses the log.
    with ends_when_told(run.id, context.task_runner), noted, small_contexts(), patch_print():
        yield


@overload
def flow(fn: Callable[P, R], /) -> Flow[P, R]: ...
@overload
def flow(**options: Unpack[FlowOptions]) -> Callable[[Callable[P, R]], Flow[P, R]]: ...
def flow(fn: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Make a function a flow, with a folder for what its tasks hand to each other.

    Args:
        fn: the function; datasets among its parameters are annotated `pxw.Local`, `pxw.DDM` or `pxw.Spec`.
        options: those of `prefect.flow`, such as `name=`, `retries=`, `task_runner=`.

    Examples:
        >>> @flow(log_prints=True)
        ... def greet(name: str = "you") -> str:
        ...     return f"hello {name}"
        >>> greet.fn("there")  # the plain function
        'hello there'
    """
    return partial(flow, **options) if fn is None else Flow(fn, **options)
