"""Fingerprints of files and folders: whether their bytes are still those that were written."""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

import xxhash

if TYPE_CHECKING:
    from pathlib import Path

    from pxw.stores.base import Found

__all__ = ["digest", "digest_of", "digest_of_folder"]

_WINDOW = 1 << 26


def digest(path: Path) -> str:
    """A fingerprint of a file's bytes (XXH3, 128 bits), to tell whether they changed; no defence against forgery."""
    state = xxhash.xxh3_128()
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        for start in range(0, size, _WINDOW):  # mapped bytes are not copied, and counted as memory while they are
            length = min(_WINDOW, size - start)
            with mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ, offset=start) as data:
                state.update(data)
    return f"xxh3:{state.hexdigest()}"


def digest_of(data: bytes) -> str:
    """The same of bytes at hand."""
    return f"xxh3:{xxhash.xxh3_128_hexdigest(data)}"


def digest_of_folder(found: Found) -> str:
    """The same of a folder: its files' names and fingerprints."""
    lines = [f"{name}\0{digest(file)}\n" for name, file in (found.files or {}).items()]
    return digest_of("".join(lines).encode())
