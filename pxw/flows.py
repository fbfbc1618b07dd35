"""`@pxw.flow`: Prefect's flow, in a run's folder of its own."""

from __future__ import annotations

import inspect
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import prefect
from prefect.context import FlowRunContext

from pxw.inline import InlineFlow
from pxw.runs import active, open_run
from pxw.specs import Ref
from pxw.walks import active_walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from pxw.runs import Run

__all__ = ["Flow", "flow"]

P = ParamSpec("P")
R = TypeVar("R")


class Flow(prefect.Flow[P, R]):
    """A Prefect flow whose runs keep their intermediates in a folder; everything else about it is Prefect's."""

    def __init__(self, fn: Callable[P, R], **options: Any) -> None:
        super().__init__(fn=_in_folder(fn), **options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the flow."""
        if active_walk.get() is not None:
            return InlineFlow(self.fn.__wrapped__, {"name": self.name})(*args, **kwargs)  # type: ignore[attr-defined]
        return super().__call__(*args, **kwargs)

    def with_options(self, **options: Any) -> Flow[P, R]:  # type: ignore[override]  # Prefect names each option
        """The same flow with other options."""
        plain = super().with_options(**options)
        changed = Flow.__new__(type(self))
        changed.__dict__.update(plain.__dict__)
        return changed

    def validate_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Cast parameters to their annotated types; a reference may stand for any of them."""
        references = {name: value for name, value in parameters.items() if isinstance(value, Ref)}
        if not references:
            return super().validate_parameters(parameters)
        others = _without(self, references)
        values = {name: value for name, value in parameters.items() if name not in references}
        checked = others.validate_parameters(values)
        return {name: checked.get(name, value) for name, value in parameters.items()}


def _without(whole: Flow[..., Any], references: dict[str, Ref]) -> prefect.Flow[..., Any]:
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
            with _current_run().noted():
                return await fn(*args, **kwargs)

        wrapper: Callable[..., Any] = run_async
    else:

        def run(*args: Any, **kwargs: Any) -> Any:
            if FlowRunContext.get() is None:  # `flow.fn(...)`, the way to test a flow's body
                return fn(*args, **kwargs)
            with _current_run().noted():
                return fn(*args, **kwargs)

        wrapper = run
    update_wrapper(wrapper, fn)
    wrapper.__signature__ = inspect.signature(fn)  # type: ignore[attr-defined]  # what Prefect binds parameters with
    return wrapper


def _current_run() -> Run:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        run = active.get()
        return run or open_run("tests", "")
    return open_run(str(context.flow_run.id), context.flow.name if context.flow else "")


def flow(fn: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Decorate a flow; see `pxw.flow`."""
    return partial(flow, **options) if fn is None else Flow(fn, **options)
