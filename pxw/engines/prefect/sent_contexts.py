"""What Prefect sends to a worker with each task, made small: its settings, and the flow that the task belongs to.

Prefect dumps its 54 models of settings for every task that goes to another process, and there rebuilds them from the
environment, and opens two clients of its API: nine tenths of what a small task costs. Here they are dumped once a flow
run, and rebuilt once by each worker.

Prefect also sends the flow, of which a worker needs only the name. That of a script is pickled with its function, and
with all that the function names: every task of the flow, and whatever else, which may not even be possible.
"""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prefect.context import FlowRunContext, SettingsContext, SyncClientContext, get_settings_context
from pydantic import PrivateAttr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prefect.settings import Settings

__all__ = ["settings_dumped_once", "small_contexts"]


@contextmanager
def small_contexts() -> Iterator[None]:
    """Submit tasks of the flow run at hand with little beside them."""
    current = FlowRunContext.get()
    assert current is not None  # noqa: S101 - a flow runs
    with _WithoutFunction.of(current), settings_dumped_once():
        yield


class _WithoutFunction(FlowRunContext):
    """A flow run's context, of which the flow's function stays behind when it is sent."""

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
            dumped["flow"] = sent
        return dumped


def _stays_behind(*_: Any, **__: Any) -> None:
    raise RuntimeError("this worker was sent a task, not its flow")


def settings_dumped_once() -> SettingsContext:
    """The current settings, as a context in which tasks are submitted."""
    current = get_settings_context()
    return _DumpedOnce(profile=current.profile, settings=current.settings)


class _DumpedOnce(SettingsContext):
    _dumped: dict[str, Any] | None = PrivateAttr(None)

    def serialize(self, include_secrets: bool = True) -> dict[str, Any]:
        if not include_secrets:
            return super().serialize(include_secrets)
        if self._dumped is None:
            plain = super().serialize()
            self._dumped = {"profile": plain["profile"], "settings": _Dump(zlib.compress(pickle.dumps(plain)))}
        return self._dumped


@dataclass(frozen=True)
class _Dump:
    """Settings that are unpickled as such."""

    context: bytes

    def __reduce__(self) -> tuple[Callable[[bytes], Settings], tuple[bytes]]:
        return _arrived, (self.context,)


_kept = threading.local()  # by the thread of a worker: the settings that came last, and a client with these settings


def _arrived(context: bytes) -> Settings:
    if getattr(_kept, "context", None) != context:
        settings = SettingsContext(**pickle.loads(zlib.decompress(context)))  # noqa: S301 - it came in a pickle, with the task
        if not _in_event_loop():  # where Dask unpickles, and no task runs
            with settings:
                SyncClientContext().__enter__()  # it stays open, for the tasks that come
        _kept.context, _kept.settings = context, settings.settings
    return _kept.settings  # type: ignore[no-any-return]  # what was put there


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
