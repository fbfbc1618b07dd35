"""Where Python finds the modules of a project."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING

from pxw.compat.imports import SUPPLIED, is_installed

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Place", "SearchPath"]


@dataclass(frozen=True)
class Place:
    """A module or a package of the project.

    Args:
        name: what it is imported by, such as `common.cleaning`.
        file: its file; None for a folder without `__init__.py`.
        folders: where its submodules are, if it is a package.
    """

    name: str
    file: Path | None
    folders: tuple[Path, ...] = ()

    @property
    def root(self) -> str:
        """The first part of its name."""
        return self.name.partition(".")[0]

    @property
    def package(self) -> str:
        """What its relative imports start from."""
        return self.name if self.folders else self.name.rpartition(".")[0]

    @property
    def path(self) -> str:
        """The path of a file that is imported by the same name."""
        parts = self.name.replace(".", "/")
        return f"{parts}/__init__.py" if self.folders else f"{parts}.py"

    def files(self) -> dict[str, bytes]:
        """All Python files of a root: what tells it from another one of the same name."""
        if not self.folders and self.file:
            return {self.file.name: self.file.read_bytes()}
        found = [(each, path) for each in self.folders for path in sorted(each.rglob("*.py"))]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for folder, path in found}


class SearchPath:
    """Finds modules in folders, as a script's own Python does: in front of all that is installed.

    Args:
        folders: of the project, in order.
    """

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self._folders = tuple(folders)
        self._known: dict[str, Place | None] = {}

    def find(self, name: str) -> Place | None:
        """The module of a name; None if it is none of the project's."""
        if name not in self._known:
            above, _, last = name.rpartition(".")
            package = self.find(above) if above else None
            self._known[name] = (
                self._find(package.folders if package else (), name, last) if above else self._root(name)
            )
        return self._known[name]

    def split(self, name: str) -> tuple[Place, str] | None:
        """The module that a dotted name leads into, and the first name in it: `a.b.f.x` is `f` of `a.b`."""
        parts = name.split(".")
        for count in range(len(parts), 0, -1):
            found = self.find(".".join(parts[:count]))
            if found is not None:
                return found, ".".join(parts[count : count + 1])
        return None

    def hides(self, root: str) -> str:
        """What else goes by a name that the project has: a module of Python, or an installed one."""
        if root in sys.stdlib_module_names:
            return "Python's own"
        return "the installed one" if root == "pxw" or _is_of_a_distribution(root) else ""

    def _root(self, root: str) -> Place | None:
        if root in SUPPLIED:
            return None
        found = self._find(self._folders, root, root)
        if found is None or found.file is not None:
            return found
        is_package = any(path for folder in found.folders for path in folder.rglob("*.py"))
        return found if is_package and not self.hides(root) else None  # a mere folder comes last

    @staticmethod
    def _find(folders: tuple[Path, ...], name: str, last: str) -> Place | None:
        for folder in folders:
            if (folder / last / "__init__.py").is_file():
                return Place(name, folder / last / "__init__.py", (folder / last,))
            for suffix in (*EXTENSION_SUFFIXES, ".py", *BYTECODE_SUFFIXES):
                if (folder / f"{last}{suffix}").is_file():
                    return Place(name, folder / f"{last}{suffix}")
        portions = tuple(folder / last for folder in folders if (folder / last).is_dir())
        return Place(name, None, portions) if portions else None


def _is_of_a_distribution(root: str) -> bool:
    """Whether a package is installed, and is not only found because of where this process was started."""
    spec = importlib.util.find_spec(root) if is_installed(root) else None
    return bool(spec and spec.origin and {"site-packages", "dist-packages"} & set(Path(spec.origin).parts))
