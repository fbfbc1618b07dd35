"""Which pickles this installation wrote: their SHA-256, kept below its home."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["remember", "wrote"]


def remember(file: Path, home: Path) -> None:
    """Note that this installation wrote exactly these bytes."""
    mark = _mark(file, home)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()


def wrote(file: Path, home: Path) -> bool:
    """Whether this installation wrote exactly these bytes."""
    return _mark(file, home).exists()


def _mark(file: Path, home: Path) -> Path:
    with file.open("rb") as stream:
        name = hashlib.file_digest(stream, "sha256").hexdigest()
    return home / "written" / name[:2] / name
