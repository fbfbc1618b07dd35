"""The way of bytes from a DDM to here: as a stream, hashed on the way, resumed where that is safe."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from pxw.ddm.retry import ALWAYS, NEVER, TWICE, Attempts, Setback
from pxw.errors import DatasetAlteredError

if TYPE_CHECKING:
    import httpx

    from pxw.ddm.transport import Transport

__all__ = ["Delivery", "Progress"]

T = TypeVar("T")

Progress = Callable[[int, int | None], None]
"""Called with the bytes moved so far, and how many there are if that is known."""

_SHA256 = re.compile(r'"([0-9a-f]{64})"')


class Delivery:
    """One file on its way.

    Args:
        transport: the DDM.
        path: the route of the file.
        sink: where the bytes go; None reads, hashes and forgets them.
        sha256: the digest that was recorded, if one was.
        size: the number of bytes that was recorded, if it was.
        patience: for how many tries and how long a 404 means "not yet"; None: it means "no such file".
        progress: told of every chunk.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        sink: BinaryIO | None = None,
        *,
        sha256: str | None = None,
        size: int | None = None,
        patience: Attempts | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._transport = transport
        self._path = path
        self._sink = sink
        self._sha256 = sha256
        self._size = size
        self._patience = patience
        self._progress = progress
        self._wrong: str | None = None
        self._begin()

    def run(self) -> str:
        """Fetch and verify the file; the digest of its bytes.

        Raises:
            DatasetAlteredError: the service gives other bytes than the recorded ones, twice the same.
        """
        return self._repeated(self._once)

    def measure(self) -> None:
        """Verify the file by what the service says of it: a digest, else the number of bytes."""
        self._repeated(self._look)

    def _repeated(self, once: Callable[[], T]) -> T:
        attempts, done = self._attempts(), 0
        while True:
            try:
                return once()
            except Setback as setback:
                if self._etag is None or setback.status == 416:
                    self._begin()
                if self._done > done:  # a resumed download that comes forward is not failing
                    attempts, done = self._attempts(), self._done
                if self._patience and setback.status == 404:
                    setback.tries = ALWAYS  # here it means "not yet"
                    self._patience.pause_or_raise(setback)
                else:
                    attempts.pause_or_raise(setback)

    def _attempt(self, **request: Any) -> AbstractContextManager[httpx.Response]:
        # A real DDM reads the whole file before it gives the first byte.
        timeout = self._transport.timeout(self._size or 0)
        return self._transport.attempt("GET", self._path, timeout=timeout, **request)

    def _attempts(self) -> Attempts:
        return self._transport.attempts(self._size or 0)

    def _begin(self) -> None:
        self._done = 0
        self._hash = hashlib.sha256()
        self._etag: str | None = None
        if self._sink is not None:
            self._sink.seek(0)
            self._sink.truncate()

    def _once(self) -> str:
        headers = {"Range": f"bytes={self._done}-", "If-Range": self._etag} if self._etag and self._done else {}
        with self._attempt(headers=headers) as response:
            if not self._continues(response):
                self._begin()
            self._etag = _etag(response)
            self._receive(response)
        return self._verified()

    def _look(self) -> None:
        with self._attempt() as response:
            told = _sha256_of(_etag(response))
            length = response.headers.get("Content-Length") if _is_plain(response) else None
        if told and self._sha256:
            if told != self._sha256:
                raise Setback(self._altered(self._sha256, told), tries=TWICE)
        elif length is None:
            self._once()
        elif length != str(self._size):
            raise Setback(self._altered(self._sha256, f"{length} bytes"), tries=TWICE)

    def _continues(self, response: httpx.Response) -> bool:
        where = response.headers.get("Content-Range", "")
        return response.status_code == 206 and where.startswith(f"bytes {self._done}-")

    def _receive(self, response: httpx.Response) -> None:
        total = self._total(response)
        for chunk in response.iter_bytes():
            self._hash.update(chunk)
            self._done += len(chunk)
            if self._sink is not None:
                self._sink.write(chunk)
            if self._progress:
                self._progress(self._done, total)

    def _total(self, response: httpx.Response) -> int | None:
        if self._size is not None:
            return self._size
        with suppress(KeyError, ValueError):
            return self._done + int(response.headers["Content-Length"])
        return None

    def _verified(self) -> str:
        digest = self._hash.hexdigest()
        expected = self._sha256 or _sha256_of(self._etag)
        if expected is None or digest == expected:
            return digest
        error = self._altered(expected, f"{self._done:,} bytes, sha256 {digest}")
        short = self._done < (self._size or 0)
        # What breaks on its way breaks differently each time, unless it is cut.
        again = ALWAYS if short or digest != self._wrong else NEVER
        self._wrong = digest
        if not short:  # else the rest can still come
            self._begin()
        raise Setback(error, tries=again)

    def _altered(self, expected: str | None, found: str) -> DatasetAlteredError:
        size = "" if self._size is None else f"{self._size:,} bytes, "
        return DatasetAlteredError(
            "the DDM gives other bytes than were uploaded",
            at=f"{self._transport.url}{self._path}",
            details=[f"expected {size}sha256 {expected}", f"found    {found}"],
            help="upload it again; without pxw's `.bin` guard a DDM rewrites csv, json and others",
        )


def _etag(response: httpx.Response) -> str | None:
    """What allows to go on later: a strong tag of bytes that come as they are stored."""
    tag = response.headers.get("ETag", "")
    return tag if _is_plain(response) and tag.startswith('"') else None


def _is_plain(response: httpx.Response) -> bool:
    return bool(response.headers.get("Content-Encoding", "identity") == "identity")


def _sha256_of(etag: str | None) -> str | None:
    """The digest that pxw's own server gives as a tag."""
    found = _SHA256.fullmatch(etag or "")
    return found and found[1]
