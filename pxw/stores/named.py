"""Files of the cache under names of their own."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import uuid4

from pxw.cache import TEMPORARY
from pxw.stores.faults import naming_faults
from pxw.stores.publishing import entry_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pxw.cache import Cache

__all__ = ["named"]


def named(cache: Cache, files: Mapping[str, Path]) -> Path:
    """A folder of this machine in which files of the cache stand under their own names; nobody writes to it."""
    key = sha256("".join(f"{name}\0{path.name}\n" for name, path in sorted(files.items())).encode()).hexdigest()
    folder = cache.root / "named" / key[:32]
    for name, path in files.items():
        target = entry_path(folder, name)
        with naming_faults(target, "write"):
            _link(path, target)
    with suppress(FileNotFoundError):  # of no files
        os.utime(folder)  # what was used last is kept longest
    return folder


def _link(path: Path, target: Path) -> None:
    """Give a file of the cache, which was just verified, another name; what stood there may be an old, spoilt copy."""
    with suppress(FileNotFoundError):
        if target.samefile(path):
            return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{TEMPORARY}{uuid4().hex}")
    try:
        try:
            temporary.hardlink_to(path)
        except OSError:  # a file system without links, or too many of them
            shutil.copyfile(path, temporary)
            temporary.chmod(0o444)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)  # a rename between two names of one file does nothing
