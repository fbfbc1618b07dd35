"""What scripts read from a DDM, and what they leave there, as the old system did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxw.compat.handover import listed
from pxw.data.places import find
from pxw.stores import ddm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pxw.ddm import Entry
    from pxw.specs import DDM, Ref

__all__ = ["external", "intermediate", "uploaded"]


def external(spec: DDM) -> dict[str, Any]:
    """The item of an external input; the files of a project in the order in which they came there."""
    entries = sorted(ddm.look_up(spec), key=lambda entry: (str(entry.when), entry.id))
    paths = ddm.fetch(entries)
    return {
        "format": "external",
        "path": "",
        "files": [listed(entry.name, path) for entry, path in zip(entries, paths, strict=True)],
        "many": spec.name is None,
        "allow_pickle": spec.allow_pickle,
        "record": [_record(entry.name, entry, spec.project, "external") for entry in entries],
    }


def intermediate(ref: Ref) -> dict[str, Any]:
    """The item of what an earlier task saved."""
    project, _, name = ref.place.removeprefix("ddm://").partition("//")
    files = find(ref).files
    if ref.format == "folder":
        ids = {member[0]: member[1] for member in json.loads(str(ref.value))}
        item: dict[str, Any] = {"format": "files", "files": [listed(each, files[each].path) for each in ids]}
    else:
        ids = {name: ref.id or ""}
        item = {"format": ref.format, "path": str(files[name].path)}
    item["record"] = [_record(each, id_, project, "intermediate") for each, id_ in ids.items()]
    return item


def uploaded(
    known: Ref, item: Mapping[str, Any], spec: DDM, metadata: Mapping[str, str], kind: str
) -> tuple[Ref, list[dict[str, str]]]:
    """Upload what a task saved; the reference to it there, and what `resultMap` says of it."""
    is_folder = item["format"] == "files"
    files = item["files"] if is_folder else [listed(spec.name or "", item["path"])]
    entries = [
        ddm.put(Path(each["path"]), spec.project, each["name"], metadata=metadata, profile=spec.profile)
        for each in files
    ]
    records = [_record(entry.name, entry, spec.project, kind) for entry in entries]
    if is_folder:
        members = json.dumps([[entry.name, entry.id, entry.sha256, entry.size] for entry in entries])
        return known.changed(place=_place(spec.project), value=members), records
    (entry,) = entries
    digest = f"sha256:{entry.sha256}" if entry.sha256 else known.digest
    return known.changed(place=_place(spec.project, entry.name), id=entry.id, digest=digest), records


def _place(project: str, name: str = "") -> str:
    return f"ddm://{project}//{name}"


def _record(name: str, file: Entry | str, project: str, kind: str) -> dict[str, str]:
    return {"file_name": name, "file_url": ddm.client().file_url(file), "project_id": project, "file_type": kind}
