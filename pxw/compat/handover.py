"""What a task is given, as its child process reads it: the manifest.

An item is a value, or where one is:

    {"format": "json", "value": ...}
    {"format": "bytes" | "text" | "arrow", "path": ..., "python": the type that was saved}
    {"format": "pickle", "path": ..., "python": ..., "sha256": of the bytes that this installation wrote}
    {"format": "files", "files": [{"name", "path"}]}           what `save_datasets` saved
    {"format": "external", "files": ..., "allow_pickle": ...}  a place of the project

with `many` (whether it is a list of values), `source` (who made it) and `record` (what `resultMap` says of a DDM file).
"""

from __future__ import annotations

import json
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pxw import data
from pxw.codecs.registry import known_as
from pxw.data.places import find
from pxw.errors import ConversionError, MissingDataError, PickleRefusedError
from pxw.settings import load_settings
from pxw.specs import DDM, Dataset, Local, Ref
from pxw.stores import local, own

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MANY", "Handover", "listed"]

MANY = "pxw.many"
"""In the place of a type's name: the list of what one `save_datasets` saved, where not all of it was bytes."""

_READABLE = {"bytes", "text", "arrow", "pickle"}  # by the standard library and pyarrow
_AS_SAVED = {"builtins.bytes": "bytes", "builtins.str": "text", "pathlib.Path": "bytes"}  # whatever its place says
_TABLES = ("pandas.DataFrame", "pyarrow.Table")


class Handover:
    """The inputs of one task.

    Args:
        folder: the task's own, for values that are written down for it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def inputs(self, inputs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """An item for each input."""
        return {name: self._input(name, source) for name, source in inputs.items()}

    def shared(self, given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """An item for each value of `variables` or `resultMap`."""
        return {name: self._shared(name, value) for name, value in given.items()}

    def _shared(self, name: str, value: Any) -> dict[str, Any]:
        if isinstance(value, Ref):
            return self._of_ref(value)
        return {"format": "json", "value": value} if _is_json(value) else self._of_value(value, name)

    def _input(self, name: str, source: Any) -> dict[str, Any]:
        try:
            if isinstance(source, Path):
                source = Local(source)
            if isinstance(source, Local):
                item = _of_files(source)
            elif isinstance(source, DDM):
                from pxw.compat import remote  # noqa: PLC0415 - httpx is paid for only where there is a DDM

                item = remote.external(source)
            elif isinstance(source, Ref):
                item = self._of_ref(source)
            else:
                item = self._of_value(source, name)
        except Exception as error:
            error.add_note(f"input {name!r}")
            raise
        return {"many": False, **item}

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
            find(ref)  # is it still there, and as long as it was?
            item = {"format": ref.format, "path": ref.place}
        item["format"] = _AS_SAVED.get(ref.python, item["format"])
        if item["format"] == "arrow" and ref.python not in _TABLES:
            item["format"] = "of another library"
        if item["format"] not in {*_READABLE, "files"} or ref.compression != "none":
            return self._of_value(data.load(ref), ref.output or "value")
        if item["format"] == "pickle":
            item["sha256"] = _vouched(Path(item["path"]), ref)
        many = ref.python == MANY or item["format"] == "files"
        return {**item, "python": ref.python, "many": many, "source": ref.source}


def _is_json(value: Any) -> bool:
    """Whether JSON gives the very same back."""
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False


def _vouched(path: Path, ref: Ref) -> str:
    """The digest of a pickle that this installation wrote."""
    if not own.wrote(path, load_settings().home):
        raise PickleRefusedError(
            f"{ref.place} is a pickle that this installation did not write: loading it would run whatever it holds",
            help="run the task that makes it again",
        )
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _folder(ref: Ref, files: Mapping[str, Path]) -> dict[str, Any]:
    """Several files: in the order in which a script saved them, else by name."""
    order = json.loads(ref.value) if isinstance(ref.value, str) else sorted(files)
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
        "allow_pickle": spec.allow_pickle or (found.files is None and own.wrote(found.path, load_settings().home)),
    }


def listed(name: str, path: Path) -> dict[str, str]:
    """One of an item's files."""
    return {"name": name, "path": str(path)}
