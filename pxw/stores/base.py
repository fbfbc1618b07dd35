"""What every store can do, and the files that it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pxw.specs import Placed, Ref

__all__ = ["GLIMPSE", "AwayStore", "Found", "Store"]

GLIMPSE = 64_000_000
"""Bytes that a check may download to see what is in them."""


@dataclass(frozen=True)
class Found:
    """The files of a dataset, on this machine: one, or a folder's by their names in it.

    Args:
        path: the file, or the folder.
        files: of a folder.
        origin: where they are from, if from elsewhere: the address of the file or, ending in a slash, of the folder.
    """

    path: Path
    files: dict[str, Path] | None = None
    origin: str = ""

    @property
    def size(self) -> int:
        """Bytes."""
        files = [self.path] if self.files is None else self.files.values()
        return sum(file.stat().st_size for file in files)


class Store(Protocol):
    """A kind of place: each module beside this one that offers these functions is one."""

    def find(self, spec: Any, /) -> Found:
        """The files that a spec means; everything that could keep them from being read is found here."""

    def find_ref(self, ref: Ref, /) -> Found:
        """The files that a reference means, as they were when it was made."""

    def glimpse(self, spec: Any, /) -> Found:
        """The files that a spec means, as far as looking at them is cheap: of large ones only that they are there."""

    def entries(self, source: Any, /) -> Sequence[Placed]:
        """A bare spec for each file of a folder, a pattern, or a reference to a folder, sorted by name."""

    def fingerprint(self, spec: Any, /) -> str:
        """What tells whether a spec means the same bytes as before."""

    def stamp(self, spec: Any, /) -> str:
        """The same without reading files; empty where nothing can tell yet."""

    def verify(self, ref: Ref, /) -> None:
        """Make sure that what a reference means is still there, with the bytes that it had."""

    def refuse_unwritable(self, spec: Any, name: str, /) -> None:
        """Refuse a place that nothing can be written to; `name` is that of what goes there, if its spec names none."""


class AwayStore(Store, Protocol):
    """A store on another machine: what goes there is written on this one first."""

    def send(self, written: Ref, target: Any, name: str, about: Mapping[str, Any], /) -> Ref:
        """Move a file or folder of this machine to a place, and give the reference to it there.

        Args:
            written: the reference to it here.
            target: where to.
            name: what a single file is called where the target is a folder.
            about: who made it (`flow`, `run`, `task`, `output`), for stores that keep that with the file.
        """
