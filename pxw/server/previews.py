"""Previews of files, each made once per content, in a process that may crash without harm."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from pydantic import BaseModel, ValidationError

from pxw.ddm.wire import suffix_of
from pxw.server import peek

if TYPE_CHECKING:
    from pxw.server.archive import Archive
    from pxw.server.catalogue import Entry

__all__ = ["Column", "Preview", "Previews", "facts"]

KEPT = 128
AT_ONCE = 2


class Column(BaseModel):
    """A column of a table."""

    name: str
    type: str

    @property
    def is_number(self) -> bool:
        """Whether its values are read by their last digits, so that the page sets them to the right."""
        return self.type.startswith(("int", "uint", "float", "double", "halffloat", "decimal"))


class Preview(BaseModel):
    """What is to be seen of a file: a table's schema and first rows, or the head of a text, or why not."""

    columns: list[Column] = []
    rows: list[list[str]] = []
    total: int | None = None
    text: str | None = None
    note: str | None = None


class Previews:
    """The previews of one archive; contents never change, so a preview is made once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._known: OrderedDict[tuple[str, str], Preview] = OrderedDict()
        self._limiter = anyio.CapacityLimiter(AT_ONCE)

    async def of(self, entry: Entry) -> Preview:
        """The preview of a file; pickles and other formats that need code have none."""
        suffix = suffix_of(entry.name).lower()
        if suffix not in peek.READERS or not entry.sha256 or not entry.file_size:
            return Preview()
        key = (entry.sha256, suffix)
        if key not in self._known:
            path = self._archive.blobs.path(entry.sha256)
            self._known[key] = await anyio.to_thread.run_sync(_peek, path, suffix, limiter=self._limiter)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        return self._known[key]


def _peek(path: Path, suffix: str) -> Preview:
    # -P: no module of the working directory; a bare environment: no token, one kind of allocator within the limit.
    command = [sys.executable, "-P", str(Path(peek.__file__)), str(path), suffix]
    surroundings = {"PATH": os.environ.get("PATH", ""), "ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"}
    try:
        seen = subprocess.run(command, env=surroundings, capture_output=True, timeout=3 * peek.SECONDS, check=True)  # noqa: S603 - our program, and a path of hexadecimal digits
        return Preview.model_validate_json(seen.stdout)
    except (subprocess.SubprocessError, ValidationError):
        return Preview(note=f"no preview: the file needs more time or memory than a preview gets, or is no {suffix}")


def facts(entry: Entry, preview: Preview | None = None) -> dict[str, Any]:
    """What is known of a file without its uploader's help."""
    known: dict[str, Any] = {"file_size": entry.file_size, "file_type": entry.file_type, "sha256": entry.sha256}
    if preview is not None and preview.columns:
        known["columns"] = [column.model_dump() for column in preview.columns]
        known["rows"] = preview.total
    return known
