"""A directory here, a project there: where its files go, and how far they are together."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from threading import Lock
from typing import TYPE_CHECKING

from pxw.errors import PlaceError

if TYPE_CHECKING:
    from pxw.ddm.delivery import Progress

__all__ = ["Shares", "place_below"]


def place_below(directory: Path, name: str) -> Path:
    """Where a file of a project goes; anybody may have named it, so it must stay in the directory.

    >>> place_below(Path("data"), "a/b.csv")
    PosixPath('data/a/b.csv')
    """
    path = PurePosixPath(name)
    if path.as_posix() != name or path.is_absolute() or not path.name or ".." in path.parts or set("\\\0") & set(name):
        raise PlaceError(
            f"the name {name!r} does not stay in its directory",
            at=str(directory),
            help="download this file by itself, to a path of your choice",
        )
    return directory / path


class Shares:
    """One progress of many files that move at the same time."""

    def __init__(self, progress: Progress | None, total: int | None) -> None:
        self._progress = progress
        self._total = total
        self._done = 0
        self._lock = Lock()

    def one(self) -> Progress | None:
        """The progress of one of the files."""
        if self._progress is None:
            return None
        tell, before = self._progress, 0

        def share(done: int, _: int | None) -> None:
            nonlocal before
            with self._lock:
                self._done += done - before
                before = done
                tell(self._done, self._total)

        return share
