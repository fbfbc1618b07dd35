"""Copies of what a DDM holds: in the cache, or where the user wants them."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING, BinaryIO

from pxw.cache import Cache, room, settle
from pxw.ddm.delivery import Delivery, Progress
from pxw.ddm.retry import Attempts

if TYPE_CHECKING:
    from pathlib import Path

    from pxw.ddm.catalogue import Entry
    from pxw.ddm.transport import Transport

__all__ = ["Downloads"]


class Downloads:
    """Downloads from one DDM."""

    def __init__(self, transport: Transport, cache: Cache) -> None:
        self._transport = transport
        self._cache = cache

    def fetch(self, entry: Entry, progress: Progress | None = None) -> Path:
        """Bring a file into the cache, unless it is there."""
        if entry.sha256 is None:
            return self._into_cache(entry, progress)
        with self._cache.busy(entry.sha256):
            return self._cache.find(entry.sha256) or self._into_cache(entry, progress)

    def write(self, entry: Entry, path: Path, progress: Progress | None = None) -> Path:
        """Write a file to a path; from the cache, if it is there."""
        with room(path.parent) as sink:
            if entry.sha256 and (cached := self._cache.find(entry.sha256)):
                with cached.open("rb") as copy:
                    shutil.copyfileobj(copy, sink)
            else:
                self._receive(entry, sink, progress)
            settle(sink, path)
        return path

    def _into_cache(self, entry: Entry, progress: Progress | None) -> Path:
        with self._cache.room() as sink:
            return self._cache.adopt(sink, self._receive(entry, sink, progress))

    def _receive(self, entry: Entry, sink: BinaryIO, progress: Progress | None) -> str:
        if entry.size == 0:  # a real DDM never gives an empty file back
            return hashlib.sha256().hexdigest()
        return Delivery(
            self._transport,
            self._transport.route(f"/file/{entry.id}"),
            sink,
            sha256=entry.sha256,
            size=entry.size,
            patience=self._patience(entry),
            progress=progress,
        ).run()

    def _patience(self, entry: Entry) -> Attempts | None:
        """A file that was uploaded just now may not be readable yet."""
        retry, clock = self._transport.retry.patient(entry.size or 0), self._transport.clock
        if entry.when is None or (clock.now() - entry.when).total_seconds() > retry.deadline:
            return None
        return Attempts(retry, clock)
