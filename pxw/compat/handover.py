"""What a task is given, as its child process reads it: the manifest.

An item is a value, or where one is:

    {"format": "json", "value": ...}
    {"format": "bytes" | "text" | "arrow", "path": ..., "python": the type that was saved}
    {"format": "pickle", "path": ..., "python": ..., "sha256": of the bytes that this installation wrote}
    {"format": "files", "files": [{"name", "path"}]}           what `save_datasets` saved
    {"format": "external", "files": ..., "allow_pickle": ...}  a place of the project
    {"format": "refused", "error": why it cannot be had}       which matters only to a script that asks for it

with `many` (whether it is a list of values), `source` (who made it) and `record` (what `resultMap` says of a DDM file).
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import lru_cache
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pxw import data
from pxw.codecs.registry import known_as
from pxw.data.places import find
from pxw.errors import ConversionError, MissingDataError, PickleRefusedError, PxwError
from pxw.settings import load_settings
from pxw.specs import DDM, Dataset, Local, Ref
from pxw.stores import local, own

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MANY", "Handover", "listed", "naming"]

MANY = "pxw.many"
"""In the place of a type's name: the list of what one `save_datasets` saved, where not all of it was bytes."""

_READABLE = {"bytes", "text", "arrow", "pickle"}  # by the standard library and pyarrow
_AS_SAVED = {"builtins.bytes": "bytes", "builtins.str": "text", "pathlib.Path": "bytes", "": "bytes"}
"""How a file is read that was written as it is, whatever its place or spec says of its format."""
_TABLES = ("pandas.DataFrame", "pyarrow.Table")


class Handover:
    """The inputs of one task.

    Args:
        task: its name.
        run: the id of its run.
        folder: its own, for values that are written down for it.
    """

    def __init__(self, task: str, run: str, folder: Path) -> None:
        self._task = task
        self._run = run
        self._folder = folder
        self.refused: dict[str, PxwError] = {}
        """Why some inputs cannot be had."""

    def inputs(self, inputs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """An item for each input.

        Raises:
            DataError: an external input that is not there. What is wrong with an intermediate, which the script may not
                even want, comes into `refused`.
        """
        return {name: {"many": False, **self._input(name, source)} for name, source in inputs.items()}

    def shared(self, given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """An item for each value of `variables` or `resultMap`."""
        return {name: self._shared(name, value) for name, value in given.items()}

    def _shared(self, name: str, value: Any) -> dict[str, Any]:
        if isinstance(value, Ref):
            return self._of_ref(value)
        return {"format": "json", "value": value} if _is_json(value) else self._of_value(value, name)

    def _input(self, name: str, source: Any) -> dict[str, Any]:
        with naming(f"task {self._task!r}, input {name!r}"):
            if isinstance(source, Local | Path):
                return _of_files(Local(source) if isinstance(source, Path) else source)
            if isinstance(source, DDM):
                from pxw.compat import remote  # noqa: PLC0415 - httpx is paid for only where there is a DDM

                return remote.external(source)
            if not isinstance(source, Ref):
                return self._of_value(source, name)
        try:
            with naming(f"task {self._task!r}, input {name!r}"):
                return self._of_ref(source)
        except PxwError as error:
            self.refused[name] = error
            return {"format": "refused", "error": str(error)}

    def _of_value(self, value: Any, name: str) -> dict[str, Any]:
        """A value, written down."""
        return self._of_ref(self._written(value, name))

    def _written(self, value: Any, name: str) -> Ref:
        beside = self._folder / "given" / f"{name}-{uuid4().hex[:8]}"
        if known_as(value, "pandas", "DataFrame") or known_as(value, "pyarrow", "Table"):
            try:
                return data.save(value, Dataset(format="arrow"), beside=beside)
            except ConversionError:  # then as any other object
                pass
        plain = isinstance(value, str | bytes)  # the data plane takes these as encoded already
        return data.save(value, Dataset() if plain else Dataset(format="pickle"), beside=beside)

    def _of_ref(self, ref: Ref) -> dict[str, Any]:
        """What an earlier task saved."""
        if not ref.place:
            return {"format": "json", "value": ref.value, "source": ref.source}
        if ref.place.startswith("ddm://"):
            from pxw.compat import remote  # noqa: PLC0415 - as above

            item = remote.intermediate(ref)
        elif ref.format == "folder":
            item = _folder(ref, {name: file.path for name, file in find(ref).files.items()})
        else:
            path = find(ref).file.path  # is it still there, and as long as it was?
            if ref.run not in {"", self._run}:
                data.verify(ref)
            item = {"format": ref.format, "path": str(path)}
        if item["format"] != "files":
            item["format"] = _AS_SAVED.get(ref.python, item["format"])
        if item["format"] == "arrow" and ref.python not in _TABLES:
            item["format"] = "of another library"
        if item["format"] not in {*_READABLE, "files"} or ref.compression != "none":
            return self._of_value(data.load(ref), ref.output or "value")
        if item["format"] == "pickle":
            item["sha256"] = _vouched(Path(item["path"]), ref.source)
        many = ref.python == MANY or item["format"] == "files"
        return {**item, "python": ref.python, "many": many, "source": ref.source}


@contextmanager
def naming(at: str) -> Iterator[None]:
    """Say in an error which input, or output, it is about."""
    try:
        yield
    except PxwError as error:
        error.at = ", ".join(filter(None, [at, error.at]))
        raise


def _is_json(value: Any) -> bool:
    """Whether JSON gives the very same back."""
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False


def _vouched(path: Path, source: str) -> str:
    """The digest of a pickle that this installation wrote."""
    state = path.stat()
    try:
        return _digest_of_own(path, state.st_mtime_ns, state.st_size, load_settings().home)
    except LookupError:
        raise PickleRefusedError(
            f"{path} is a pickle that this installation did not write: loading it would run whatever it holds",
            help=f"run {source} again",
        ) from None


@lru_cache(4096)  # every task is given what all tasks before it saved
def _digest_of_own(path: Path, _mtime: int, _size: int, home: Path) -> str:
    if not own.wrote(path, home):
        raise LookupError(path)
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _folder(ref: Ref, files: Mapping[str, Path]) -> dict[str, Any]:
    """Several files: in the order in which a script saved them, else by name."""
    order = sorted(files)
    if isinstance(ref.value, str):  # the names or, of a folder elsewhere, what is known of each file
        order = [known if isinstance(known, str) else known[0] for known in json.loads(ref.value)]
    return {"format": "files", "path": ref.place, "files": [listed(name, files[name]) for name in order]}


def _of_files(spec: Local) -> dict[str, Any]:
    found = local.find(spec)
    files = found.files if found.files is not None else {found.path.name: found.path}
    if not files:
        raise MissingDataError(f"there are no files in {found.path}")
    return {
        "format": "external",
        "path": str(local.absolute(spec)),
        "files": [listed(name, path) for name, path in files.items()],
        "many": found.files is not None,
        "allow_pickle": spec.allow_pickle or _is_own_pickle(found.path),
    }


def _is_own_pickle(path: Path) -> bool:
    return path.suffix in {".pkl", ".pickle"} and path.is_file() and own.wrote(path, load_settings().home)


def listed(name: str, path: Path) -> dict[str, str]:
    """One of an item's files."""
    return {"name": name, "path": str(path)}
