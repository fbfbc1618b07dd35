"""Values on disk, as they travel from task to task.

Bytes and texts are stored as such; a frame as Arrow IPC, if it comes back from there exactly as it was; everything else
as a pickle, private to its run and read only if its SHA-256 is the one that was noted when it was written.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import pickle
import sys
from typing import Any

__all__ = ["DatasetError", "as_json", "read", "write"]

_SUFFIXES = {"bytes": ".bin", "text": ".txt", "arrow": ".arrow", "pickle": ".pkl"}
_PLAIN = (str, int, float, bool, type(None))


class DatasetError(Exception):
    """A dataset that a script asks for, or saves, in a way that cannot be.

    Args:
        message: why.
        refused: the name of an input that the parent could not hand over.
    """

    def __init__(self, message: str, refused: str = "") -> None:
        super().__init__(message)
        self.refused = refused


def is_a(value: Any, module: str, name: str) -> bool:
    """Whether a value is exactly a `module.name`, without importing what nobody has imported yet."""
    return type(value) is getattr(sys.modules.get(module), name, None)


def type_name(value: Any) -> str:
    """Package and class of a value."""
    return f"{type(value).__module__.partition('.')[0]}.{type(value).__qualname__}"


def as_json(value: Any) -> dict[str, Any] | None:
    """A value that JSON holds exactly, and a number of numpy's as the number that it is; None for others."""
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    return {"format": "json", "value": value} if _is_plain(value) else None


def _is_plain(value: Any) -> bool:
    if type(value) is list:
        return all(_is_plain(item) for item in value)
    if type(value) is dict:
        return all(type(key) is str and _is_plain(item) for key, item in value.items())
    return type(value) in _PLAIN


def write(value: Any, folder: str, name: str) -> dict[str, Any]:
    """Write a value to a new file, which nobody else may read."""
    table = _as_table(value)
    as_such = "bytes" if type(value) is bytes else "text" if type(value) is str else "pickle"
    kind = as_such if table is None else "arrow"
    stem = "".join(sign if sign.isalnum() else "_" for sign in name)[:60]
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{stem}-{os.urandom(6).hex()}{_SUFFIXES[kind]}")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    item = {"format": kind, "path": path, "python": type_name(value)}
    with os.fdopen(handle, "wb") as file:
        if kind == "arrow":
            _write_table(table, file)
        elif kind == "pickle":
            item["sha256"] = _dump(value, file, name)
        else:
            file.write(value if kind == "bytes" else value.encode("utf-8", "surrogatepass"))
    return item


class _Hashing:
    """A file that hashes what is written to it."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.hash = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.hash.update(data)
        return int(self.file.write(data))


def _dump(value: Any, file: Any, name: str) -> str:
    sink = _Hashing(file)
    try:
        pickle.dump(value, sink, protocol=5)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise DatasetError(f"{name!r} is a {type(value).__name__}, which cannot be handed on: {error}") from None
    return sink.hash.hexdigest()


def read(item: dict[str, Any], source: str) -> Any:
    """Read a value back; `source` says whose it is."""
    kind = item["format"]
    if kind == "json":
        return item["value"]
    if kind == "arrow":
        return _read_table(item, source)
    with open(item["path"], "rb") as file:
        if kind == "pickle":
            return _load(file, item, source)
        data = file.read()
    return data if kind == "bytes" else data.decode("utf-8", "surrogatepass")


def _load(file: Any, item: dict[str, Any], source: str) -> Any:
    digest = hashlib.sha256()
    for chunk in iter(lambda: file.read(1 << 20), b""):
        digest.update(chunk)
    if digest.hexdigest() != item["sha256"]:
        raise DatasetError(f"{source} is not what was saved: {item['path']} has been changed")
    file.seek(0)
    try:
        return pickle.load(file)
    except (AttributeError, ImportError) as error:
        raise DatasetError(
            f"{source} is a {item.get('python')}, which cannot be made here: {error}. A class belongs into a module "
            "that both tasks import; both need the packages that it comes from"
        ) from None


# ---------------------------------------------------------------------------------------------------- frames


def _as_table(value: Any) -> Any:
    """A frame as an Arrow table, if it comes back from there exactly as it is, and Arrow is here."""
    if is_a(value, "pyarrow", "Table"):
        return value
    if not is_a(value, "pandas", "DataFrame") or not _is_exact(value):
        return None
    try:
        import pyarrow
    except ImportError:  # an environment without it: then as any other object
        return None
    try:
        return pyarrow.Table.from_pandas(value)
    except (pyarrow.ArrowException, TypeError, ValueError):
        return None


def _is_exact(frame: Any) -> bool:
    """Whether Arrow keeps a frame's labels, index and types."""
    pandas = sys.modules["pandas"]
    labels = frame.columns
    named_plainly = len(labels) and all(type(label) is str for label in labels) and labels.is_unique
    if frame.attrs or not named_plainly or labels.name is not None or not _keeps_index(pandas, frame):
        return False
    return all(_keeps(pandas, frame[label]) for label in labels)


def _keeps_index(pandas: Any, frame: Any) -> bool:
    index = frame.index
    if index.name is not None and (type(index.name) is not str or index.name in frame.columns):
        return False
    is_plain = type(index).__name__ in {"Index", "Int64Index", "UInt64Index", "Float64Index"}
    return type(index) is pandas.RangeIndex or (is_plain and getattr(index.dtype, "kind", "") in {"i", "u", "f"})


def _keeps(pandas: Any, column: Any) -> bool:
    kind = column.dtype
    if str(kind) == "object":
        return bool(pandas.api.types.infer_dtype(column, skipna=False) == "string")
    if type(kind).__module__.startswith("numpy"):
        return kind.kind in "biufmM" and bool(kind.isnative) and str(kind) != "float16"
    return str(kind) in {"string", "str", "boolean"} or str(kind).startswith(("Int", "UInt", "Float", "datetime64"))


def _write_table(table: Any, file: Any) -> None:
    import pyarrow

    with pyarrow.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _read_table(item: dict[str, Any], source: str) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise DatasetError(
            f"{source} is a frame, and this task's environment has no pyarrow: add pyarrow to its requirements"
        ) from None
    with open(item["path"], "rb") as file:
        # A private mapping: nothing is read until touched, and the task may write to what it gets.
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    table = pyarrow.ipc.open_file(pyarrow.py_buffer(data)).read_all()
    if item["python"] != "pandas.DataFrame":
        return table
    return _as_saved(table.to_pandas(), table)


def _as_saved(frame: Any, table: Any) -> Any:
    """Texts that were objects become objects again: newer pandas would rather have its own type."""
    told = (table.schema.pandas_metadata or {}).get("columns", ())
    objects = [each["name"] for each in told if each["numpy_type"] == "object" and each["name"] in frame.columns]
    for label in objects:
        if frame[label].dtype != object:
            frame[label] = frame[label].astype(object)
    return frame
