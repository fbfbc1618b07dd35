"""What Prefect's cache tells tasks apart by: the content of their data, not where it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect.cache_policies import DEFAULT, NO_CACHE, CachePolicy
from prefect.results import get_result_store
from prefect.settings import PREFECT_TASKS_REFRESH_CACHE
from prefect.utilities.hashing import hash_objects

from pxw import data
from pxw.binding.identity import declaration
from pxw.binding.output import Output
from pxw.engines.prefect.contexts import current_run
from pxw.runs import active, hold_for_process
from pxw.specs import Placed, Ref

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prefect.context import TaskRunContext


__all__ = ["ByContent", "by_content"]


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
        outputs = [declaration(spec) for spec in binding.outputs.values()] if binding else []
        return _with_data(hash_objects(key, outputs) if key and outputs else key, task_ctx)


def _content(value: Any) -> Any:
    if isinstance(value, Output):
        return _content(value.settled())
    if isinstance(value, Ref):
        return value.digest
    if isinstance(value, Placed):
        return data.fingerprint(value)
    if isinstance(value, dict):
        return {key: _content(item) for key, item in value.items()}
    return [_content(item) for item in value] if isinstance(value, list | tuple) else value


def _with_data(key: str | None, task_ctx: TaskRunContext) -> str | None:
    """The key, or the next one to it, under which no result is kept whose data is gone or was changed."""
    store, candidate, number = get_result_store(), key, 0
    while candidate is not None and store.exists(candidate):
        kept = store.read(candidate).result
        if data.is_whole(kept):
            _note_cached(kept, task_ctx)
            break
        number += 1
        candidate = f"{key}-{number}"
    return candidate


def _note_cached(kept: Any, task_ctx: TaskRunContext) -> None:
    """Write to the run's journal that Prefect is about to take this result, and to run nothing.

    Prefect tells nobody else: its hooks are for states, and log a line at each run of the task.
    """
    if task_ctx.task.refresh_cache or (task_ctx.task.refresh_cache is None and PREFECT_TASKS_REFRESH_CACHE.value()):
        return
    run, key = current_run(), str(task_ctx.task_run.id)
    if active.get() != run:
        hold_for_process(run.folder)
    for ref in _refs(kept):
        run.note_saved(ref, key)
    run.note("cached", task=task_ctx.task.name, key=key)


def _refs(result: Any) -> Iterator[Ref]:
    for item in result if isinstance(result, list | tuple) else [result]:
        if isinstance(item, Ref):
            yield item


_CACHING = ("persist_result", "result_storage", "result_storage_key", "result_serializer")


def by_content(options: dict[str, Any], *, default: bool) -> dict[str, Any]:
    """Nothing is hashed unless the user asks for caching or persistence; then data counts by its content."""
    policy = options.get("cache_policy")
    if isinstance(policy, CachePolicy):
        return options if policy == NO_CACHE else options | {"cache_policy": ByContent(policy)}
    if "cache_policy" in options or options.get("cache_key_fn"):
        return options
    if any(options.get(name) for name in _CACHING):
        return options | {"cache_policy": ByContent(DEFAULT)}
    return options | {"cache_policy": NO_CACHE} if default else options
