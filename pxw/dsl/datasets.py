"""Datasets of a workflow: what a path or an address of a DDM means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxw.dsl import syntax
from pxw.dsl.diagnostics import shown, span, where
from pxw.errors import nearest
from pxw.workflow import DataNode, DDMPlace, LocalPlace, Place

if TYPE_CHECKING:
    from pathlib import Path

    from pxw.dsl.drafts import DataDraft, Draft
    from pxw.dsl.library import Library
    from pxw.dsl.syntax import File, Node, Word
    from pxw.workflow import Span

__all__ = ["place_of", "read_datasets"]


def read_datasets(draft: Draft, library: Library) -> dict[str, DataNode]:
    """Read all datasets of a workflow; one without a direction is an input until a link says otherwise."""
    found: dict[str, DataNode] = {}
    for name, data in draft.data.items():
        if not data.declared:
            _undeclared(name, data, draft, library)
            continue
        if name in draft.tasks:
            message = f"'{name}' is a task and a dataset of workflow '{draft.name}'"
            task = draft.tasks[name]
            remedy = f"the task is declared at {where(span(task.file.path, task.word))}"
            library.report.add("PXW309", message, span(data.file.path, data.word), remedy)
        file = data.place_file or data.file
        place, kind = place_of(data.place or [], file, library)
        at = span(data.file.path, data.word)
        node = DataNode(name, "output" if data.direction == "output" else "input", place, kind, at)
        if data.direction == "input":
            _look_for(node, _path_word(data.place or []), file, library)
        found[name] = node
    return found


def _undeclared(name: str, data: DataDraft, draft: Draft, library: Library) -> None:
    if not draft.broken:
        at = span(data.file.path, data.word)
        known = {each: span(one.file.path, one.word) for each, one in draft.data.items() if one.declared}
        library.report.unknown("PXW302", f"dataset '{name}' in workflow '{data.owner}'", name, at, known)


def place_of(fields: list[Node], file: File, library: Library) -> tuple[Place | None, str | None]:
    """Read where a dataset is, and of which type."""
    said = {
        each.word.type.removeprefix("ZENOH_").rstrip("_"): each for each in fields if isinstance(each, syntax.Field)
    }
    kind = str(said["TYPE"].value) if "TYPE" in said else None
    path, project, name = said.get("PATH"), said.get("PROJECT"), said.get("NAME")
    if path and (project or name):
        message = "a dataset is at a path or in a DDM, not both"
        library.report.add("PXW335", message, span(file.path, path.word), "leave out path, or name and project")
    if path:
        return _local(path.value, library), kind
    if project or name:
        return DDMPlace(str(project.value) if project else None, str(name.value) if name else None), kind
    return None, kind


def _local(word: Word, library: Library) -> LocalPlace:
    text = word.removeprefix("file://").replace("\\", "/")
    folder = text.removesuffix("**").removesuffix("*") if text.endswith(("/**", "/*")) else text
    path = library.project.datasets / folder
    if folder != text or text.endswith("/") or _is_folder(path):
        return LocalPlace(path, "directory")
    return LocalPlace(path, "glob" if any(sign in text for sign in "*?[") else "file")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that no file system takes
        return False


def _path_word(fields: list[Node]) -> Word | None:
    return next((each.value for each in fields if isinstance(each, syntax.Field) and each.word.type == "PATH"), None)


def _look_for(node: DataNode, word: Word | None, file: File, library: Library) -> None:
    place = node.place
    if library.alone or not isinstance(place, LocalPlace) or word is None:
        return
    try:
        there = place.path.exists() if place.kind != "glob" else any(place.path.parent.glob(place.path.name))
    except (OSError, ValueError, NotImplementedError):
        there = False
    if not there:
        _missing(node, place.path, span(file.path, word), library)


def _missing(node: DataNode, path: Path, at: Span, library: Library) -> None:
    message = f"dataset '{node.name}' is not there: no '{shown(str(path))}'"
    try:
        close = nearest(path.name, [each.name for each in path.parent.iterdir()])
    except (OSError, ValueError):  # no such folder, or a name that no file system takes
        close = ""
    advice = f"{close} " if close.startswith("did you mean") else ""
    library.report.add("PXW338", message, at, f"{advice}(paths are below {shown(str(library.project.datasets))})")
