"""Prefect's settings on their way to a worker: dumped once a flow run, and rebuilt once by each worker.

Prefect dumps its 54 models of settings for every task that goes to another process, and there rebuilds them from the
environment, and opens two clients of its API: nine tenths of what a small task costs.
"""

from __future__ import annotations

import asyncio
import pickle
import threading
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prefect.context import SettingsContext, SyncClientContext, get_settings_context
from pydantic import PrivateAttr

if TYPE_CHECKING:
    from collections.abc import Callable

    from prefect.settings import Settings

__all__ = ["settings_dumped_once"]


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
