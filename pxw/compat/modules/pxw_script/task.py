"""The task that this process runs: what it was given, and what it hands on.

The parent writes a manifest, and the task answers with a journal of one JSON object a line: `saved` an output, `map`
and `key` of what it put, `error`, and at last `ended`.
"""

from __future__ import annotations

import json
import os
import threading
from typing import Any

from . import files, values
from .maps import Results, SharedMap, nearest
from .values import DatasetError

__all__ = ["Task", "current", "start"]


class Task:
    """One run of one script.

    Args:
        manifest: what the parent wrote; `pxw.compat.handover` says what is in it.
    """

    def __init__(self, manifest: dict[str, Any]) -> None:
        self.name: str = manifest["task"]
        self.scripts: list[str] = manifest["scripts"]
        self.folder: str = manifest["folder"]
        self.parses: bool = manifest["parses"]
        self.variables = SharedMap("variables", manifest["variables"])
        self.result_map = SharedMap("resultMap", manifest["result_map"])
        self._results: str | None = manifest["results"]
        self._inputs: dict[str, dict[str, Any]] = manifest["inputs"]
        self._outputs: dict[str, dict[str, Any]] = manifest["outputs"]
        self._is_remote: bool = manifest["remote"]
        self._own: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()

    # ------------------------------------------------------------------------------------------------ loading

    def load(self, key: str, parses: bool) -> Any:
        """The one value of an input."""
        item = self._input(key)
        if not item["many"] and item["format"] != "external":
            return values.read(item, self._source(key, item))
        several = self._several(key, item, parses)
        if len(several) != 1:
            raise DatasetError(f"{self._source(key, item)} is {len(several)} files: load_datasets gives all of them")
        return several[0]

    def load_all(self, key: str, parses: bool) -> list[Any]:
        """Every value of an input: those of a folder, or of an earlier `save_datasets`."""
        return self._several(key, self._input(key), parses)

    def load_any(self, key: str, parses: bool) -> Any:
        """The value of an input, or the list of its values if there are several."""
        return self.load_all(key, parses) if self._input(key)["many"] else self.load(key, parses)

    def _input(self, key: str) -> dict[str, Any]:
        item = self._inputs.get(key) or self._own.get(key)
        if item is None:
            path = self.variables.get(key)
            if not isinstance(path, str) or not os.path.isfile(path):
                raise DatasetError(f"task {self.name!r} has no input {key!r}: {nearest(key, self._inputs)}")
            item = _external(path)  # a script may name a file in its variables
        if item["format"] == "refused":
            raise DatasetError(item["error"], key)
        if "record" in item:
            self.result_map.put(f"file:{self.name}:input:{key}", json.dumps(item["record"]))
        return item

    def _several(self, key: str, item: dict[str, Any], parses: bool) -> list[Any]:
        if "files" not in item:
            value = values.read(item, self._source(key, item))
            return value if item["many"] else [value]
        if parses and item["format"] == "external":
            return [files.parse(each["path"], each["name"], item["allow_pickle"]) for each in item["files"]]
        return [files.read_bytes(each["path"]) for each in item["files"]]

    def _source(self, key: str, item: dict[str, Any]) -> str:
        source = item.get("source")
        return f"input {key!r} of task {self.name!r}" + (f", from {source}," if source else "")

    # ------------------------------------------------------------------------------------------------ saving

    def save(self, key: str, value: Any) -> str:
        """Save the one value of an output; the path that it went to, if it stays on this machine."""
        target = self._outputs.get(key)
        if target is None:
            return self._saved(key, {**values.write(value, os.path.join(self.folder, "saved"), key), "many": False})
        if target["folder"]:
            return self.save_all(key, [value], None)
        files.write_external(value, target["path"])
        return self._saved(key, {**_external(target["path"]), "python": values.type_name(value)})

    def save_all(self, key: str, many: list[Any], names: list[str] | None) -> str:
        """Save the several values of an output, under the file names given; the path that they went to, as above."""
        names = [_safe(str(name)) for name in names or [f"output_{place}" for place in range(len(many))]]
        if len(names) != len(many) or len(set(names)) != len(names):
            raise DatasetError(f"{len(many)} values of {key!r}, and the file names {names}: give each its own")
        target = self._outputs.get(key)
        if target is None and not all(type(value) is bytes for value in many):
            return self._saved(key, {**values.write(many, os.path.join(self.folder, "saved"), key), "many": True})
        if target is not None and not target["folder"]:
            if len(many) == 1:
                return self.save(key, many[0])
            raise DatasetError(f"{len(many)} values of {key!r} cannot go to one file, {target['path']}")
        folder = target["path"] if target else os.path.join(self.folder, "files", _safe(key))
        written = [{"name": name, "path": os.path.join(folder, name)} for name in names]
        for each, value in zip(written, many):
            files.write_external(value, each["path"])
        return self._saved(key, {"format": "files", "path": folder, "files": written, "many": True})

    def _saved(self, key: str, item: dict[str, Any]) -> str:
        self.tell({"saved": key, "item": item})
        self._own[key] = item  # a task may load what it saved
        target = self._outputs.get(key)
        return "" if (target["remote"] if target else self._is_remote) else str(item["path"])

    # ------------------------------------------------------------------------------------------------ the rest

    def directory(self, key: str) -> str:
        """A folder for files that later tasks of the run may read."""
        folder = os.path.join(self.folder, "folders", _safe(key))
        os.makedirs(folder, exist_ok=True)
        return folder

    def results(self) -> Any:
        """The results of the experiment's earlier runs; None if there are none."""
        if self._results is None:
            return None
        with open(self._results, encoding="utf-8") as file:
            return json.load(file, object_hook=Results)

    def tell(self, line: dict[str, Any]) -> None:
        """Write to the journal; processes that the script forks may do so, too."""
        with self._lock, open(os.path.join(self.folder, "journal.jsonl"), "a", encoding="utf-8") as journal:
            journal.write(json.dumps(line) + "\n")

    @property
    def is_here(self) -> bool:
        """Whether this process is the task's, and none that its script forked."""
        return os.getpid() == self._pid

    def fail(self, **facts: Any) -> None:
        """Write down why the task fails; a process that the script forked may fail by itself."""
        if self.is_here:
            self.tell({"error": facts})

    def hand_on(self) -> None:
        """Write down what the task put into `variables` and `resultMap`."""
        folder = os.path.join(self.folder, "put")
        for each in (self.variables, self.result_map):
            for line in each.changes(lambda value, key: values.write(value, folder, key)):
                self.tell(line)


def _external(path: str) -> dict[str, Any]:
    """One file of a place that the project names."""
    each = {"name": os.path.basename(path), "path": path}
    return {"format": "external", "path": path, "files": [each], "many": False, "allow_pickle": False}


def _safe(name: str) -> str:
    """A name that stays in its folder."""
    parts = name.split("/")
    if not name or name.startswith("/") or "\\" in name or "\0" in name or {"", ".", ".."} & set(parts):
        raise DatasetError(f"{name!r} is no name for a file: it must stay in its folder")
    return name


_current: list[Task] = []


def start(path: str) -> Task:
    """Read the manifest: this process runs its task."""
    with open(path, encoding="utf-8") as file:
        _current[:] = [Task(json.load(file))]
    return current()


def current() -> Task:
    """The task that this process runs."""
    if not _current:
        raise DatasetError("this module belongs to a script that pxw runs as a task: see pxw.script")
    return _current[0]
