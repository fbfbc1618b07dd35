"""Many files at once, for every store: which there are, and the same done with each, several at a time."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from pxw.cache import TEMPORARY
from pxw.errors import MissingDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

__all__ = ["files_below", "together"]

S = TypeVar("S")
T = TypeVar("T")


def together(work: Callable[[S], T], items: Iterable[S], workers: int) -> list[T]:
    """Do the same with many items, several at a time; the first failure stops what has not begun.

    >>> together(str.upper, ["a", "b", "c"], workers=2)
    ['A', 'B', 'C']
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="pxw-many")
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
