"""What Prefect sends to a worker with each task, made small: its settings, and the flow that the task belongs to.

Prefect dumps its 54 models of settings for every task that goes to another process, and there rebuilds them from the
environment, and opens two clients of its API: nine tenths of what a small task costs. Here they are dumped once a flow
run, and rebuilt once by each worker.

Prefect also sends the flow, of which a worker needs only the name. That of a script is pickled with its function and
its hooks, and with all that these name: every task of the flow, and whatever else, which may not even be possible.
"""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
import zlib
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from prefect.context import FlowRunContext, SettingsContext, SyncClientContext, get_settings_context
from pydantic import PrivateAttr

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["settings_dumped_once", "small_contexts"]


@contextmanager
def small_contexts() -> Iterator[None]:
    """Submit tasks of the flow run at hand with little beside them."""
    current = FlowRunContext.get()
    assert current is not None  # noqa: S101 - a flow runs
    with _WithoutFunctions.of(current), settings_dumped_once():
        yield


class _WithoutFunctions(FlowRunContext):
    """A flow run's context, of which the flow's function and hooks stay behind when it is sent."""

    _whole: FlowRunContext = PrivateAttr()

    @classmethod
    def of(cls, context: FlowRunContext) -> FlowRunContext:
        """The same, sharing what Prefect keeps in it."""
        made: Any = cls.model_construct(context.model_fields_set, **dict(context))
        made._whole = context  # noqa: SLF001 - its own class's
        return made  # type: ignore[no-any-return]  # for mypy, Prefect's `Self` is its base class

    def serialize(self, include_secrets: bool = True) -> dict[str, Any]:
        dumped = self._whole.serialize(include_secrets)
        if self.flow is not None:
            sent = copy.copy(self.flow)
            sent.fn = vars(sent)["__wrapped__"] = _stays_behind
            vars(sent).update({name: [] for name in vars(sent) if name.endswith("_hooks")})
            dumped["flow"] = sent
        return dumped


def _stays_behind(*_: Any, **__: Any) -> None:
    raise RuntimeError("this worker was sent a task, not its flow")


def settings_dumped_once() -> SettingsContext:
    """The current settings, as a context in which tasks are submitted."""
    current = get_settings_context()
    return _DumpedOnce(profile=current.profile, settings=current.settings)


class _DumpedOnce(SettingsContext):
    _dumped: _Dump | None = PrivateAttr(None)

    def serialize(self, include_secrets: bool = True) -> dict[str, Any]:
        if not include_secrets:
            return super().serialize(include_secrets)
        if self._dumped is None:
            self._dumped = _Dump(zlib.compress(pickle.dumps(super().serialize())))
        return self._dumped  # type: ignore[return-value]  # it is only spread, as `**dumped`


class _Dump(Mapping[str, Any]):
    """The fields of a settings context, which are rebuilt by the thread that first asks for them: that of the task."""

    def __init__(self, context: bytes) -> None:
        self._context = context

    def __getitem__(self, name: str) -> Any:
        return getattr(_kept_settings(self._context), name)

    def __iter__(self) -> Iterator[str]:
        return iter(("profile", "settings"))

    def __len__(self) -> int:
        return 2


_kept = threading.local()  # by the thread of a worker: the settings that came last, and a client with these settings


def _kept_settings(context: bytes) -> SettingsContext:
    if getattr(_kept, "context", None) != context:
        _kept.settings = SettingsContext(**pickle.loads(zlib.decompress(context)))  # noqa: S301 - it came in a pickle, with the task
        _kept.context, _kept.client = context, None
    if not _in_event_loop():
        _keep_client()
    return _kept.settings  # type: ignore[no-any-return]  # what was put there


def _keep_client() -> None:
    """Have the thread's client in the context at hand: on Dask each task has one of its own."""
    if _kept.client is None:
        with _kept.settings:
            _kept.client = SyncClientContext().__enter__()  # it stays open, for the tasks that come
    elif SyncClientContext.get() is None:
        SyncClientContext.__var__.set(_kept.client)


def _in_event_loop() -> bool:
    """Whether this is an async task on Dask or Ray, whose context ends with it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
