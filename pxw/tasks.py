"""`@pxw.task`: Prefect's task, whose function takes and returns references."""

from __future__ import annotations

import copy
import inspect
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import prefect
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.context import FlowRunContext, TaskRunContext

from pxw import data
from pxw.binding import Binding, Step
from pxw.inline import Done, DoneList, call_here, map_arguments, spread
from pxw.runs import Run, active, hold_for_process, open_run
from pxw.specs import Local, Ref
from pxw.walks import active_walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from pxw.binding.declare import Declared

__all__ = ["Task", "task"]

P = ParamSpec("P")
R = TypeVar("R")


class Task(prefect.Task[P, R]):
    """A Prefect task whose declared inputs and outputs are datasets; everything else about it is Prefect's."""

    def __init__(self, binding: Binding, **options: Any) -> None:
        self.binding = binding
        super().__init__(fn=_of_references(binding), **_with_caching(options))

    # Prefect's own methods take the function's parameters; ours also take references, specs and futures for them.

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task; outside of any flow this is the plain function."""
        engine = _engine_options(kwargs)
        if not _in_prefect():
            return call_here(self.binding, args, kwargs)
        light = self.binding.lighten(_current_run(), args, kwargs)
        return super().__call__(*light.args, **light.kwargs, **engine)

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Hand the task to the flow's task runner, and give its future."""
        engine = _engine_options(kwargs)
        if not _in_prefect() and _has_stand_in():
            return Done(call_here(self.binding, args, kwargs))
        light = self.binding.lighten(_current_run(), args, kwargs)
        return super().submit(*light.args, **light.kwargs, **engine)

    def map(self, *args: Any, **kwargs: Any) -> Any:
        """Submit the task once for each element of the lists, and each entry of the folders, that it is given."""
        engine = _engine_options(kwargs)
        if not _in_prefect() and _has_stand_in():
            return DoneList(Done(self(**call)) for call in map_arguments(self.binding, args, kwargs))
        light = self.binding.lighten(_current_run(), (), spread(self.binding, args, kwargs))
        return super().map(*light.args, **light.kwargs, **engine)

    def with_options(self, *, outputs: Declared = None, **options: Any) -> Task[P, R]:  # type: ignore[override]  # one more option
        """The same task with other options; `outputs=` redirects some of its outputs."""
        binding = self.binding.redirected(outputs) if outputs else self.binding
        if options.get("name"):
            binding = Binding(binding.fn, options["name"], binding.inputs, binding.outputs)
        plain = super().with_options(**_with_caching(options, default=False))
        changed = copy.copy(self)
        changed.__dict__.update(plain.__dict__)
        changed.binding = binding
        changed.fn = _of_references(binding)
        return changed


def _of_references(binding: Binding) -> Callable[..., Any]:
    """The function that Prefect runs: references in, references out."""
    if inspect.iscoroutinefunction(binding.fn):

        async def run_async(*args: Any, **kwargs: Any) -> Any:
            step, token = _enter()
            try:
                return await binding.call_async(step, args, kwargs)
            finally:
                active.reset(token)

        wrapper: Callable[..., Any] = run_async
    else:

        def run(*args: Any, **kwargs: Any) -> Any:
            step, token = _enter()
            try:
                return binding.call(step, args, kwargs)
            finally:
                active.reset(token)

        wrapper = run
    update_wrapper(wrapper, binding.fn)
    wrapper.__signature__ = binding.signature  # type: ignore[attr-defined]  # what Prefect binds arguments with
    return wrapper


def _enter() -> tuple[Step, Any]:
    context = TaskRunContext.get()
    run = _current_run()
    if active.get() != run:
        hold_for_process(run)
    key = str(context.task_run.id) if context else "task"
    return Step(run, key), active.set(run)


def _in_prefect() -> bool:
    return FlowRunContext.get() is not None or TaskRunContext.get() is not None


def _has_stand_in() -> bool:
    return active_walk.get() is not None or active.get() is not None


def _current_run() -> Run:
    """The run that Prefect's context names; a task on its own is a run of its own."""
    flow, task_run = FlowRunContext.get(), TaskRunContext.get()
    if flow is not None and flow.flow_run is not None:
        return open_run(str(flow.flow_run.id), flow.flow.name if flow.flow else "")
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
        """The inner policy's key for the content of the inputs."""
        seen = {name: _content(value) for name, value in inputs.items()}
        return self.policy.compute_key(task_ctx, seen, flow_parameters, **kwargs)


def _content(value: Any) -> Any:
    if isinstance(value, Ref):
        return value.digest
    if isinstance(value, Local):
        return data.fingerprint(value)
    return [_content(item) for item in value] if isinstance(value, list | tuple) else value


_CACHING = ("cache_key_fn", "persist_result", "result_storage", "result_storage_key", "result_serializer")


def _with_caching(options: dict[str, Any], *, default: bool = True) -> dict[str, Any]:
    """Nothing is hashed unless the user asks for caching or persistence; then data counts by its content."""
    policy = options.get("cache_policy")
    if isinstance(policy, CachePolicy) and policy != NO_CACHE:
        return options | {"cache_policy": ByContent(policy)}
    asks = "cache_policy" in options or any(options.get(name) is not None for name in _CACHING)
    return options if asks or not default else options | {"cache_policy": NO_CACHE}


def task(
    fn: Callable[..., Any] | None = None, *, inputs: Declared = None, outputs: Declared = None, **options: Any
) -> Any:
    """Decorate a task; see `pxw.task`."""
    if fn is None:
        return partial(task, inputs=inputs, outputs=outputs, **options)
    return Task(Binding.of(fn, options.get("name") or getattr(fn, "__name__", "task"), inputs, outputs), **options)
