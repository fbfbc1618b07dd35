"""What the operating system says about a place, in words that help."""

from __future__ import annotations

import errno
import shutil
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING

from pxw.errors import DataError, MissingDataError, PlaceError, StorageFullError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["missing", "naming_faults"]


@contextmanager
def naming_faults(path: Path, doing: str) -> Iterator[None]:
    """Word what the operating system says about a place."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise missing(path) from error
    except PermissionError as error:
        raise PlaceError(f"no permission to {doing} {error.filename or path}", help="ask who owns it") from error
    except IsADirectoryError as error:
        raise PlaceError(f"{path} is a folder, and a file is declared", help="end the path with a slash") from error
    except (NotADirectoryError, FileExistsError) as error:
        raise PlaceError(f"a part of {path} is a file, not a folder") from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFullError(
                f"no space left to {doing} {path}", help=f"free some ({_free(path)} are left), or choose another place"
            ) from error
        raise PlaceError(f"cannot {doing} {path}: {error}") from error


def _free(path: Path) -> str:
    folder = next(parent for parent in path.parents if parent.is_dir())
    return f"{shutil.disk_usage(folder).free:,} bytes"


def missing(path: Path) -> MissingDataError:
    """The error of a file that is not there: it says what is."""
    if path.is_symlink():
        return MissingDataError(f"{path} is a link to {path.readlink()}, which is not there")
    folder = next(parent for parent in path.parents if parent.is_dir())
    if folder != path.parent:
        return MissingDataError(f"there is no {path}", help=f"the last folder of this path that exists is {folder}")
    with suppress(OSError):
        return MissingDataError(f"there is no {path}", help=f"in {folder}: {nearest(path.name, _names(folder))}")
    return MissingDataError(f"there is no {path}")


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in islice(folder.iterdir(), 2000))
