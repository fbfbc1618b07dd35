"""The project's own modules, which stand beside the converted ones under the names that they are imported by."""

from __future__ import annotations

import ast
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pxw.compat import Script
from pxw.convert.scripts import Reason, decoded
from pxw.convert.scripts.own import Own, Place, SearchPath
from pxw.workflow import Span

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from pxw.convert.report import Notes
    from pxw.workflow import TaskNode

__all__ = ["Copies", "own_of_file", "own_of_task", "search_path"]


def search_path(node: TaskNode) -> SearchPath:
    """Where a task's script finds modules of its project."""
    if node.script is None:
        return SearchPath()
    return SearchPath(map(Path, Script(path=node.script, dependencies=node.dependencies).search_path))


def own_of_task(node: TaskNode) -> Own:
    """The modules of its project that a task's script imports."""
    try:
        tree = ast.parse(decoded(node.script.read_bytes())) if node.script else ast.Module([], [])
        return Own(tree, search_path(node))
    except (OSError, SyntaxError, ValueError):
        return Own(ast.Module([], []), SearchPath())


def own_of_file(path: Path) -> Own:
    """A module of the project, and those that it imports."""
    text = f"import {path.stem}\n{path.stem}" if path.stem.isidentifier() else ""
    return Own(ast.parse(text), SearchPath([path.parent]))


class Copies:
    """Copies of modules, byte by byte; what has one name must be one module.

    Args:
        out: the folder that they are made for.
        beside: modules that stand there, if anything uses them.
        taken: names that none of them may have.
    """

    def __init__(self, out: Path, beside: Iterable[Path], taken: Collection[str]) -> None:
        self._out = out
        self._taken = taken
        self._roots = {path.stem: Place(path.stem, path) for path in beside}
        self.files: dict[str, bytes] = {}
        self.origins: dict[str, dict[int, str]] = {}

    def clashes(self, own: Own, notes: Notes) -> Iterator[Reason]:
        """Why modules cannot stand here under their names."""
        for root, place in own.roots().items():
            line, known = own.lines.get(root, 1), self._roots.get(root, place)
            if root in self._taken:
                yield Reason(line, f"imports '{root}' of its project, and that name is taken in the converted code")
            elif known != place and known.files() != place.files():
                ours, theirs = (notes.place(_at(each)) for each in (place, known))
                text = f"imports '{root}', which is {ours}, but {theirs} elsewhere: rename one of them"
                yield Reason(line, text)

    def add(self, own: Own, notes: Notes) -> None:
        """Take what a task imports."""
        for root, place in own.roots().items():
            self._roots.setdefault(root, place)
        packages_first = sorted(own.places.values(), key=lambda each: not each.folders)
        for place in packages_first:
            if place.file is None or place.path in self.files or place.file == self._out / place.path:
                continue
            self.files[place.path] = place.file.read_bytes()
            at = _at(place)
            self.origins[place.path] = {1: f"{notes.place(at)}:1:1"}
            notes.add("decided", f"{place.path} stands beside the modules: a copy", at)
            for folder in PurePosixPath(place.path).parents[:-1]:  # type checkers know packages by this file
                self.files.setdefault(f"{folder}/__init__.py", b"")


def _at(place: Place) -> Span:
    return Span(str(place.file or place.folders[0]), 1, 1, 1)
