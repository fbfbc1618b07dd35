"""External files: what a project reads from, and writes to, places of its own."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from .values import DatasetError, is_a

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["parse", "publish", "read_bytes", "write_external"]

_TEMPORARY = ".pxw-tmp"


def read_bytes(path: str) -> bytes:
    """The bytes of a file."""
    with open(path, "rb") as file:
        return file.read()


# ---------------------------------------------------------------------------------------------------- reading


def parse(path: str, name: str, allow_pickle: bool) -> Any:
    """What a file holds, by the suffix of its name; one that is not known gives bytes."""
    suffix = os.path.splitext(name)[1].lower()
    if suffix in {".pkl", ".pickle"} and not allow_pickle:
        raise DatasetError(f"{path} is a pickle that nobody has vouched for: loading it would run whatever it holds")
    return _PARSERS.get(suffix, read_bytes)(path)


def _json(path: str) -> Any:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _text(path: str) -> str:
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def _pickle(path: str) -> Any:
    import pickle

    with open(path, "rb") as file:
        return pickle.load(file)


def _array(path: str) -> Any:
    import numpy

    loaded = numpy.load(path, allow_pickle=False)
    return dict(loaded) if hasattr(loaded, "files") else loaded


def _frame(reader: str) -> Callable[[str], Any]:
    def read(path: str) -> Any:
        import pandas

        return getattr(pandas, reader)(path)

    return read


_PARSERS: dict[str, Callable[[str], Any]] = {
    ".json": _json,
    ".txt": _text,
    ".pkl": _pickle,
    ".pickle": _pickle,
    ".npy": _array,
    ".npz": _array,
    ".csv": _frame("read_csv"),
    ".parquet": _frame("read_parquet"),
    ".xlsx": _frame("read_excel"),
    ".xls": _frame("read_excel"),
}


# ---------------------------------------------------------------------------------------------------- writing


def write_external(value: Any, path: str) -> None:
    """Write bytes as they are, text as UTF-8, a frame by the suffix; the file appears whole or not at all.

    Raises:
        DatasetError: anything else.
    """
    if isinstance(value, str):
        value = value.encode()
    is_frame = is_a(value, "pandas", "DataFrame")
    if not is_frame and not isinstance(value, (bytes, bytearray, memoryview)):
        raise DatasetError(
            f"a {type(value).__name__} cannot be written to {path}: an output of the workflow takes bytes, text or a "
            "DataFrame; encode it first, as in json.dumps(value).encode() or pickle.dumps(value)"
        )
    with publish(path) as temporary:
        if is_frame:
            _write_frame(value, temporary, path)
        else:
            with open(temporary, "wb") as file:
                file.write(value)


def make_folder(path: str) -> None:
    """Make a folder that the workflow names."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"the folder {path} cannot be made: {error.strerror}: {error.filename}") from None


@contextlib.contextmanager
def publish(path: str) -> Iterator[str]:
    """Give a temporary path beside the final one, which it becomes when the block ends well.

    As `pxw.stores.publishing` does it, which a script does not pay for: a lock tells that the writer lives, and the
    next one, of whichever of the two, removes what a killed one left.
    """
    folder, name = os.path.split(path)
    make_folder(folder)
    stem = os.path.join(folder, f".{name[:50]}.")
    _sweep(stem)
    temporary, lock = _locked(stem)
    try:
        yield temporary
        with contextlib.suppress(FileNotFoundError):  # what stays is the mode that its owner gave it
            os.chmod(temporary, os.stat(path).st_mode & 0o7777)
        _sync(temporary)
        os.replace(temporary, path)
        _sync(folder)
    except OSError as error:  # a full disk says only that it is full
        error.filename = error.filename or path
        raise
    finally:
        os.close(lock)
        _remove(temporary)


def _locked(stem: str) -> tuple[str, int]:
    while True:
        path = f"{stem}{os.urandom(6).hex()}{_TEMPORARY}"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        with contextlib.suppress(OSError):  # where nothing can be locked, nobody sweeps either
            fcntl.flock(handle, fcntl.LOCK_SH)
        if os.fstat(handle).st_nlink:  # nobody swept it before it was locked
            return path, handle
        os.close(handle)


def _sweep(stem: str) -> None:
    for stale in glob.glob(f"{glob.escape(stem)}*{_TEMPORARY}"):
        with contextlib.suppress(OSError):
            handle = os.open(stale, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(stale)
            finally:
                os.close(handle)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_frame(frame: Any, temporary: str, path: str) -> None:
    suffix = os.path.splitext(path)[1].lower()
    pandas = sys.modules["pandas"]
    plain = type(frame.index) is pandas.RangeIndex
    if suffix in {".csv", ".tsv"}:
        frame.to_csv(temporary, index=not plain, sep="\t" if suffix == ".tsv" else ",")
    elif suffix == ".json":
        frame.to_json(temporary, orient="records" if plain else "columns")
    elif suffix == ".parquet":
        frame.to_parquet(temporary)
    elif suffix == ".xlsx":
        frame.to_excel(temporary, index=not plain, engine="openpyxl")
    elif suffix in {".pkl", ".pickle"}:
        frame.to_pickle(temporary, compression=None)
    else:
        raise DatasetError(
            f"a DataFrame cannot be written to {path}: its suffix is none of .csv, .tsv, .json, .parquet, .xlsx, .pkl"
        )
