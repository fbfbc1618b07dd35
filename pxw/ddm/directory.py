"""Many files at once: a directory here, a project there."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from pxw.cache import TEMPORARY
from pxw.errors import MissingDataError, PlaceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pxw.ddm.delivery import Progress

__all__ = ["Shares", "files_below", "place_below", "together"]

S = TypeVar("S")
T = TypeVar("T")


def together(work: Callable[[S], T], items: Iterable[S], workers: int) -> list[T]:
    """Do the same with many items, several at a time; the first failure stops what has not begun.

    >>> together(str.upper, ["a", "b", "c"], workers=2)
    ['A', 'B', 'C']
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="pxw-ddm")
    try:
        futures = [pool.submit(work, item) for item in items]
        for late in wait(futures, return_when=FIRST_EXCEPTION).not_done:
            late.cancel()
        return [future.result() for future in futures]  # they begin in order, so a failure comes before the cancelled
    finally:
        pool.shutdown(cancel_futures=True)


def files_below(directory: Path) -> Iterator[tuple[str, Path]]:
    """Every file of a directory, with its name in a project: the path from there, with `/` between the parts."""
    if not directory.is_dir():
        raise MissingDataError("no such directory", at=str(directory))
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.name.startswith(TEMPORARY):
            yield path.relative_to(directory).as_posix(), path


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
