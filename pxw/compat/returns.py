"""What a task hands on: from the journal of its child process to references."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxw.codecs import registry
from pxw.compat.handover import MANY, naming
from pxw.errors import OutputError, nearest
from pxw.settings import load_settings
from pxw.specs import DDM, Dataset, Local, Ref, suffixes
from pxw.stores import digests, local, own

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pxw.compat.script import Job

__all__ = ["Journal", "Returns", "shared"]


@dataclass
class Journal:
    """What a child process told.

    Args:
        saved: an item for each output; the last one counts.
        puts: `variables` and `resultMap`, with an item for each changed value.
        error: what went wrong, and where.
        ended: whether the process came to its end.
    """

    saved: dict[str, dict[str, Any]] = field(default_factory=dict)
    puts: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {"variables": {}, "resultMap": {}})
    error: dict[str, Any] | None = None
    ended: bool = False

    @classmethod
    def read(cls, file: Path) -> Journal:
        """Read it; a process that was killed may have left half a line."""
        journal = cls()
        for line in file.read_text("utf-8").splitlines(keepends=True) if file.exists() else ():
            if line.endswith("\n"):
                journal._take(json.loads(line))
        return journal

    def _take(self, line: dict[str, Any]) -> None:
        if "saved" in line:
            self.saved[line["saved"]] = line["item"]
        elif "map" in line:
            self.puts[line["map"]][line["key"]] = line["item"]
        self.error = self.error or line.get("error")
        self.ended = self.ended or "ended" in line


class Returns:
    """The references to what one task saved.

    Args:
        task: its name.
        job: the run.
        script: where it is.
        is_remote: whether intermediates go to a DDM.
    """

    def __init__(self, task: str, job: Job, script: Path, *, is_remote: bool) -> None:
        self._task = task
        self._job = job
        self._script = script
        self._is_remote = is_remote
        self.records: dict[str, str] = {}
        """What `resultMap` says of the files that went to a DDM."""

    def outputs(self, declared: Mapping[str, Dataset | None], items: Mapping[str, dict[str, Any]]) -> dict[str, Ref]:
        """A reference for each output.

        Raises:
            OutputError: one that was declared, and neither saved nor written.
        """
        missing = {name: spec for name, spec in declared.items() if name not in items}
        found = {name: self._written_by_itself(name, spec, items) for name, spec in missing.items()}
        found |= {name: self._output(name, declared.get(name), item) for name, item in items.items()}
        return {name: ref.changed(task=self._task, output=name) for name, ref in found.items()}

    def _output(self, name: str, spec: Dataset | None, item: dict[str, Any]) -> Ref:
        known = reference(item)
        is_external = isinstance(spec, Local | DDM)
        if isinstance(spec, Local) or not (is_external or self._is_remote):
            return known
        from pxw.compat import remote  # noqa: PLC0415 - httpx is paid for only where there is a DDM

        address = spec if isinstance(spec, DDM) else DDM(project=self._job.project(self._task), name=name)
        metadata = {"dataset_signature": name, "task": self._task, "assembled_wf": self._job.workflow}
        kind = "external" if is_external else "intermediate"
        with naming(f"task {self._task!r}, output {name!r}"):
            ref, records = remote.uploaded(known, item, address, metadata, kind)
        self.records[f"file:{self._task}:output:{name}"] = json.dumps(records)
        return ref

    def _written_by_itself(self, name: str, spec: Dataset | None, saved: Mapping[str, Any]) -> Ref:
        """A script may write to its output's place without a call."""
        if isinstance(spec, Local):
            path = local.absolute(spec)
            if path.is_dir() and any(path.iterdir()):
                return _of_folder(path)
            if path.is_file():
                return reference({"format": "external", "path": str(path)})
        raise OutputError(
            f"task {self._task!r} did not save its output {name!r}",
            at=f"{self._script}, for {spec}" if isinstance(spec, Local | DDM) else str(self._script),
            help=f"it saved {', '.join(map(repr, saved))}: {nearest(name, saved)}" if saved else "it saved nothing",
        )


def shared(items: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The values that a task put into `variables` or `resultMap`."""
    return {key: item["value"] if item["format"] == "json" else reference(item) for key, item in items.items()}


def reference(item: dict[str, Any]) -> Ref:
    """The reference to what an item names."""
    path = Path(item["path"])
    if item["format"] == "files":
        return _of_folder(path).changed(value=json.dumps([each["name"] for each in item["files"]]))
    ref = Ref(place=str(path), size=path.stat().st_size, digest=digests.digest(path), python=item.get("python", ""))
    if item["format"] == "external":
        suffix, compression = suffixes(path.name)
        codec = registry.by_suffix(suffix)
        return ref.changed(format=codec.format if codec else "bytes", compression=compression)
    if item["format"] == "pickle":
        own.remember(path, load_settings().home)
        return ref.changed(format="pickle", python=MANY if item.get("many") else ref.python)
    if item["format"] == "arrow":
        rows, columns = _shape(path)
        return ref.changed(format="arrow", rows=rows, columns=columns)
    return ref.changed(format=item["format"])


def _shape(path: Path) -> tuple[int, dict[str, str]]:
    import pyarrow as pa  # noqa: PLC0415 - scripts that hand on no tables do not pay for Arrow

    from pxw.codecs.tables import without_labels  # noqa: PLC0415 - as above
    from pxw.schemas import columns_of  # noqa: PLC0415 - as above

    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
        return len(table), columns_of(without_labels(table).schema)


def _of_folder(path: Path) -> Ref:
    found = local.find(Local(f"{path}/"))
    return Ref(
        place=f"{path}/",
        format="folder",
        size=found.size,
        digest=digests.digest_of_folder(found),
        python="builtins.dict",
    )
