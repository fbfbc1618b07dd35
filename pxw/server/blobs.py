"""Bytes on the disk: every blob a file below its SHA-256, which appears whole or not at all."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Blobs", "Spool"]


class Spool:
    """Bytes on their way in: a temporary file that is hashed while it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._hash = hashlib.sha256()
        self._file = path.open("xb")

    def write(self, data: bytes | memoryview) -> None:
        """Append."""
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def finish(self) -> None:
        """Put the bytes on the disk, for good."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def discard(self) -> None:
        """Forget the bytes, unless they were kept."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        """The digest of what was written so far."""
        return self._hash.hexdigest()


class Blobs:
    """The blobs below one root; `keep` is the only way in."""

    def __init__(self, root: Path) -> None:
        self._root = root / "blobs"
        self._incoming = root / "tmp"
        self._root.mkdir(exist_ok=True)
        self._incoming.mkdir(exist_ok=True)

    def spool(self) -> Spool:
        """Open a temporary file for bytes that come in."""
        return Spool(self._incoming / uuid4().hex)

    def keep(self, spool: Spool) -> None:
        """Give finished bytes their final name; afterwards they survive a power cut."""
        path = self.path(spool.sha256)
        if not path.parent.is_dir():
            path.parent.mkdir()
            _sync(self._root)
        spool.path.replace(path)
        _sync(path.parent)

    def open(self, sha256: str) -> BinaryIO:
        """Open a blob; it stays readable even if it is dropped meanwhile."""
        # A link that somebody laid into the root could point anywhere.
        return os.fdopen(os.open(self.path(sha256), os.O_RDONLY | os.O_NOFOLLOW), "rb")

    def drop(self, sha256: str) -> None:
        """Remove a blob that nothing refers to any more."""
        self.path(sha256).unlink(missing_ok=True)

    def sweep(self, sizes: Mapping[str, int]) -> set[str]:
        """Remove temporaries and blobs that nothing refers to; return the expected blobs that are not here."""
        for path in self._incoming.iterdir():
            path.unlink()
        missing = set(sizes)
        for path in self._root.glob("??/*"):
            if sizes.get(path.name) != path.lstat().st_size or path.is_symlink():
                path.unlink()
            else:
                missing.discard(path.name)
        return missing

    def path(self, sha256: str) -> Path:
        """Where a blob is, if it is here."""
        return self._root / sha256[:2] / sha256


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
