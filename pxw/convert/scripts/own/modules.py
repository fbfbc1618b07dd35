"""The modules of its project that a script imports."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pxw.convert.scripts.own.judging import judge
from pxw.convert.scripts.own.reach import Reach

if TYPE_CHECKING:
    import ast

    from pxw.convert.scripts.own.places import Place, SearchPath
    from pxw.convert.scripts.text import Reason

__all__ = ["Own"]


class Own:
    """The modules of its project that a script imports, directly or not.

    Args:
        script: the script.
        path: where they may be.
        apart: whether it runs with packages of its own: those that are not installed here are imported where it runs.
    """

    def __init__(self, script: ast.Module, path: SearchPath, *, apart: bool = False) -> None:
        self._path = path
        reach = Reach(script, path, apart=apart)
        self.places = reach.places
        self.kinds = reach.kinds
        self.lines = reach.lines
        self._reach = reach
        self.is_inside = bool(reach.effects) or reach.lacks_packages
        """Whether a task must import them when it runs, and not before."""
        self.prints = any("print" in each.use.reads for _, each in reach.statements)

    @cached_property
    def reasons(self) -> list[Reason]:
        """Why a function may not use them, or only in a process of its own."""
        return [*self._reach.reasons, *judge(self._reach)]

    def roots(self) -> dict[str, Place]:
        """The module or package that each name begins with."""
        found = {place.root: self._path.find(place.root) for place in self.places.values()}
        return {root: place for root, place in found.items() if place is not None}

    def has(self, module: str) -> bool:
        """Whether a module is one of the project."""
        return self._path.find(module.partition(".")[0]) is not None
