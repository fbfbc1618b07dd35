"""The task that this process runs: what it was given, and what it hands on.

The parent writes a manifest, and the task answers with a journal of one JSON object a line: `saved` an output, `map`
and `key` of what it put, `error`, and at last `ended`.
"""

from __future__ import annotations

import json
import os
import threading
from typing import Any, Dict, List, Optional

from pxw_script import files, values
from pxw_script.maps import Results, SharedMap, nearest
from pxw_script.values import DatasetError

__all__ = ["Task", "current", "start"]


class Task:
    """One run of one script.

    Args:
        manifest: what the parent wrote; `pxw.compat.handover` says what is in it.
    """

    def __init__(self, manifest: Dict[str, Any]) -> None:
        self.name: str = manifest["task"]
        self.script: str = manifest["script"]
        self.folder: str = manifest["folder"]
        self.parses: bool = manifest["parses"]
        self.variables = SharedMap("variables", manifest["variables"])
        self.result_map = SharedMap("resultMap", manifest["result_map"])
        self._results: Optional[str] = manifest["results"]
        self._inputs: Dict[str, Dict[str, Any]] = manifest["inputs"]
        self._outputs: Dict[str, Dict[str, Any]] = manifest["outputs"]
        self._lock = threading.Lock()

    # ------------------------------------------------------------------------------------------------ loading

    def load(self, key: str, parses: bool) -> Any:
        """The one value of an input."""
        item = self._input(key)
        if item["format"] not in {"external", "files"}:
            return values.read(item, self._source(key, item))
        contents = self._contents(key, item, parses)
        if len(contents) != 1:
            raise DatasetError(f"{self._source(key, item)} is {len(contents)} files: load_datasets gives all of them")
        return contents[0]

    def load_all(self, key: str, parses: bool) -> List[Any]:
        """Every value of an input: those of a folder, or of an earlier `save_datasets`."""
        item = self._input(key)
        if item["format"] in {"external", "files"}:
            return self._contents(key, item, parses)
        value = values.read(item, self._source(key, item))
        return value if item.get("many") else [value]

    def load_any(self, key: str, parses: bool) -> Any:
        """The value of an input, or the list of its values if it is several files."""
        item = self._input(key)
        if item["format"] in {"external", "files"} and item["folder"]:
            return self._contents(key, item, parses)
        return self.load(key, parses)

    def _input(self, key: str) -> Dict[str, Any]:
        item = self._inputs.get(key)
        if item is not None:
            return item
        path = self.variables.get(key)
        if isinstance(path, str) and os.path.isfile(path):  # a script may name a file in its variables
            files_ = [{"name": os.path.basename(path), "path": path}]
            return {"format": "external", "files": files_, "folder": False, "allow_pickle": False}
        raise DatasetError(f"task {self.name!r} has no input {key!r}: {nearest(key, self._inputs)}")

    def _contents(self, key: str, item: Dict[str, Any], parses: bool) -> List[Any]:
        if "record" in item:
            self.result_map.put(f"file:{self.name}:input:{key}", json.dumps(item["record"]))
        if parses and item["format"] == "external":
            return [files.parse(each["path"], each["name"], item["allow_pickle"]) for each in item["files"]]
        return [files.read_bytes(each["path"]) for each in item["files"]]

    def _source(self, key: str, item: Dict[str, Any]) -> str:
        source = item.get("source")
        return f"input {key!r} of task {self.name!r}" + (f", from {source}," if source else "")

    # ------------------------------------------------------------------------------------------------ saving

    def save(self, key: str, value: Any) -> str:
        """Save the one value of an output; where it went."""
        target = self._outputs.get(key)
        if target is None:
            item = values.write(value, os.path.join(self.folder, "saved"), key)
        elif target["folder"]:
            return self.save_all(key, [value], None)
        else:
            files.write_external(value, target["path"])
            item = {"format": "external", "path": target["path"]}
        self._saved(key, item)
        return str(item["path"])

    def save_all(self, key: str, many: List[Any], names: Optional[List[str]]) -> str:
        """Save the several values of an output, under the file names given; where they went."""
        names = [str(name) for name in names or [f"output_{place}" for place in range(len(many))]]
        if len(names) != len(many) or len(set(names)) != len(names):
            raise DatasetError(f"{len(many)} values of {key!r}, and the file names {names}: give each its own")
        target = self._outputs.get(key)
        if target is None and not all(type(value) is bytes for value in many):
            item = values.write(list(many), os.path.join(self.folder, "saved"), key)
            item["many"] = True
            self._saved(key, item)
            return str(item["path"])
        if target is not None and not target["folder"]:
            if len(many) == 1:
                return self.save(key, many[0])
            raise DatasetError(f"{len(many)} values of {key!r} cannot go to one file, {target['path']}")
        folder = target["path"] if target else os.path.join(self.folder, "files", _safe(key))
        for name, value in zip(names, many):
            files.write_external(value, os.path.join(folder, _safe(name)))
        self._saved(key, {"format": "files", "path": folder, "names": names, "folder": True})
        return str(folder)

    def _saved(self, key: str, item: Dict[str, Any]) -> None:
        self.tell({"saved": key, "item": item})
        own = dict(item)
        if item["format"] == "external":
            own.update(files=[{"name": item["path"], "path": item["path"]}], folder=False, allow_pickle=True)
        elif item["format"] == "files":
            own["files"] = [{"name": name, "path": os.path.join(item["path"], name)} for name in item["names"]]
        self._inputs.setdefault(key, own)  # a task may load what it saved

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

    def tell(self, line: Dict[str, Any]) -> None:
        """Write to the journal; processes that the script forks may do so, too."""
        with self._lock, open(os.path.join(self.folder, "journal.jsonl"), "a", encoding="utf-8") as journal:
            journal.write(json.dumps(line) + "\n")

    def hand_on(self) -> None:
        """Write down what the task put into `variables` and `resultMap`."""
        folder = os.path.join(self.folder, "put")
        for each in (self.variables, self.result_map):
            for line in each.changes(lambda value, key: values.write(value, folder, key)):
                self.tell(line)


def _safe(name: str) -> str:
    """A name that stays in its folder."""
    parts = name.split("/")
    if not name or name.startswith("/") or "\\" in name or "\0" in name or {"", ".", ".."} & set(parts):
        raise DatasetError(f"{name!r} is no name for a file: it must stay in its folder")
    return name


_current: List[Task] = []


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
