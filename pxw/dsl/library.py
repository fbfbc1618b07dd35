"""All files of one project, each read once: who imports whom, and where a name leads."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pxw.dsl import syntax
from pxw.dsl.configuration import read_module
from pxw.dsl.diagnostics import shown, span, where
from pxw.dsl.parse import parse_file
from pxw.dsl.project import functions_of
from pxw.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pxw.dsl.diagnostics import Report
    from pxw.dsl.project import Project
    from pxw.dsl.syntax import File, Word, Workflow
    from pxw.workflow import Span

__all__ = ["Declared", "Library", "broken", "first_file", "remedy"]

MANY = 10  # more names than one wants to read


@dataclass(frozen=True, eq=False)
class Declared:
    """A workflow as it is written, and the file that it is written in."""

    syntax: Workflow
    file: File


class Library:
    """The files of a project. `alone`: what other files say is not looked at, and not missed."""

    def __init__(self, project: Project, report: Report, *, alone: bool = False) -> None:
        self.project = project
        self.report = report
        self.alone = alone
        self.unsound: set[Path | None] = set()
        """Task files of which something was skipped: they may declare more than it seems."""
        self._files: dict[Path, File | None] = {}
        self._modules: dict[Path, ast.Module | None] = {}
        self._scopes: dict[Path, dict[str, Declared]] = {}

    def file(self, path: Path) -> File | None:
        """Read a file, at most once."""
        path = path.resolve()
        if path not in self._files:
            self._files[path] = parse_file(path, self.report)
        return self._files[path]

    def span(self, file: File, word: Word) -> Span:
        """Say where a word of a file stands."""
        return span(file.path, word)

    # ------------------------------------------------------------------------------------------ workflows

    def scope(self, file: File) -> dict[str, Declared]:
        """Find the workflows that a file sees: its own, and those of all files that it imports."""
        if file.path not in self._scopes:
            found: dict[str, Declared] = {}
            for other in self._reached(file):
                for item in other.items:
                    if isinstance(item, syntax.Workflow):
                        self._declare(found, Declared(item, other))
            self._scopes[file.path] = found
        return self._scopes[file.path]

    def _declare(self, found: dict[str, Declared], new: Declared) -> None:
        first = found.setdefault(str(new.syntax.word), new)
        if first is not new:
            at = self.span(first.file, first.syntax.word)
            message = f"workflow '{new.syntax.word}' is declared twice"
            self.report.add("PXW309", message, self.span(new.file, new.syntax.word), f"first declared at {where(at)}")

    def _reached(self, file: File) -> Iterator[File]:
        """Yield a file and, once each, all that it imports."""
        seen = {file.path.resolve()}
        waiting = [file]
        while waiting:
            yield (current := waiting.pop(0))
            if self.alone:
                return
            for word in imports(current):
                path = self._imported(word, current)
                if path is not None and path not in seen:
                    seen.add(path)
                    other = self.file(path)
                    waiting += [other] if other else []

    def _imported(self, word: Word, file: File) -> Path | None:
        folders = [file.path.parent, self.project.workflows, self.project.experiments, self.project.root]
        path = first_file(folders, _spellings(word))
        if path is None:
            self.missing(word, file, f"no file '{word}' to import", folders)
        return path

    def workflow(self, word: Word, file: File) -> Declared | None:
        """Find the workflow that a name of a file means: in its scope, or in a file of that name."""
        name = word.rpartition(".")[2]
        known = self.scope(file)
        if name not in known and not self.alone:
            folders = [file.path.parent, self.project.workflows, self.project.experiments]
            path = first_file(folders, [*_spellings(word), f"{name}.xxp"]) or _containing(folders, name)
            other = self.file(path) if path else None
            known = {**known, **(self.scope(other) if other else {})}
        if name in known:
            return known[name]
        if not self.alone and not broken(file.items):
            places = {each: self.span(one.file, one.syntax.word) for each, one in known.items()}
            self.report.unknown("PXW303", f"workflow '{name}'", name, self.span(file, word), places)
        return None

    def subworkflow(self, word: Word, file: File) -> Declared | None:
        """Find what `subworkflow "f"` means: the workflow of that name, or the first one of the file `f`."""
        own = self.scope(file)
        if word.rpartition(".")[2] in own or self.alone:
            return own.get(word.rpartition(".")[2])
        folders = [file.path.parent, self.project.workflows, self.project.experiments, self.project.root]
        path = first_file(folders, _spellings(word))
        wanted = None if path else word
        path = path or _containing(folders, word)
        other = self.file(path) if path else None
        if other is None:
            if path is None:
                self.missing(word, file, f"no workflow and no file '{word}'", folders, own)
            return None
        found = [item for item in other.items if isinstance(item, syntax.Workflow)]
        inner = next((item for item in found if wanted is None or item.word == wanted), None)
        if inner is None:
            self.report.add("PXW303", f"'{other.path.name}' declares no workflow", self.span(file, word))
        return Declared(inner, other) if inner else None

    def missing(self, word: Word, file: File, message: str, folders: list[Path], known: Iterable[str] = ()) -> None:
        """Note a missing file, with the nearest one that exists, or the nearest of the names that would also do."""
        paths = [path for folder in folders if folder.is_dir() for path in folder.glob("*.xxp") if path != file.path]
        present = {path.name if word.endswith(".xxp") else path.stem for path in paths}
        self.report.add("PXW331", message, self.span(file, word), remedy(word, {*present, *known}, folders))

    # ------------------------------------------------------------------------------------------ Python modules

    @cached_property
    def conditions(self) -> dict[str, int] | None:
        """The functions of the conditions module."""
        return self._functions(self.project.conditions)

    @cached_property
    def configurations(self) -> dict[str, int] | None:
        """The functions of the configurations module."""
        return self._functions(self.project.configurations)

    @cached_property
    def condition_calls(self) -> dict[str, ast.FunctionDef]:
        """The functions that the conditions module itself defines, as they are written."""
        tree = self._module(self.project.conditions)
        return {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)} if tree else {}

    def _functions(self, module: Path | None) -> dict[str, int] | None:
        tree = self._module(module)
        return functions_of(tree) if tree is not None else None

    def _module(self, module: Path | None) -> ast.Module | None:
        if module is None or not module.is_file():
            return None
        if module not in self._modules:
            self._modules[module] = read_module(module, self.report)
        return self._modules[module]


def imports(file: File) -> Iterator[Word]:
    """Yield what a file imports, wherever it says so."""
    for item in file.items:
        if isinstance(item, syntax.Import):
            yield item.word
        elif isinstance(item, syntax.Workflow | syntax.Experiment):
            yield from (member.word for member in item.members if isinstance(member, syntax.Import))


def broken(members: list[syntax.Node]) -> bool:
    """Was something skipped here, which may have declared what seems to be unknown?"""
    return any(isinstance(member, syntax.Broken) for member in members)


def first_file(folders: list[Path], names: list[str]) -> Path | None:
    """Find the first file of these names in these folders."""
    return next((path.resolve() for folder in folders for name in names if (path := folder / name).is_file()), None)


def _containing(folders: list[Path], name: str) -> Path | None:
    """Find the file that declares a workflow which nobody imported."""
    declaration = re.compile(rf"\bworkflow\s+{re.escape(name)}\b".encode())
    every = (
        path
        for folder in dict.fromkeys(folders)
        if folder.is_dir()
        for path in sorted(folder.glob("*.xxp"))
        if path.is_file()
    )
    return next((path.resolve() for path in every if declaration.search(path.read_bytes())), None)


def _spellings(word: str) -> list[str]:
    plain = word.removesuffix(".xxp")
    return list(dict.fromkeys([word, f"{plain}.xxp", f"{plain.replace('.', '/')}.xxp"]))


def remedy(name: str, present: Iterable[str], folders: list[Path]) -> str:
    """Word what to do about a missing file: the nearest one, all if they are few, or where it was looked for."""
    names = sorted(present)
    close = nearest(name, names)
    if "did you mean" in close or 0 < len(names) < MANY:
        return close
    return f"looked in {', '.join(shown(str(each)) for each in dict.fromkeys(folders))}"
