"""A script as it was read: its statements, what they are for, and which of them may stand outside of a function."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

from pxw.compat.imports import aliases_of, is_installed
from pxw.convert.scripts.calls import Calls, find_calls, is_helper_import
from pxw.convert.scripts.hazards import hazards, hazards_of_script, is_search_path
from pxw.convert.scripts.kinds import Kinds
from pxw.convert.scripts.own import Own, SearchPath
from pxw.convert.scripts.own.stars import spelled_out
from pxw.convert.scripts.scopes import PYTHONS, Statement, use_of
from pxw.convert.scripts.text import Reason, Text
from pxw.convert.scripts.unfolding import unfolded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pxw.convert.scripts.given import Given

__all__ = ["FALLBACKS", "Role", "Script"]

Role: TypeAlias = Literal["docstring", "dropped", "import", "outside", "body"]

FALLBACKS = {
    "BytesIO": "from io import BytesIO",
    "StringIO": "from io import StringIO",
    "io": "import io",
    "json": "import json",
    "os": "import os",
    "pickle": "import pickle",
    "sys": "import sys",
}
"""What scripts of the old system use without importing it; pxw.compat supplies the same."""


class Script:
    """Reads a script.

    Args:
        source: its text.
        apart: whether it runs with packages of its own: those that are not installed here are imported where it runs.
        path: where modules of its project are.

    Raises:
        SyntaxError: it is no Python.
    """

    def __init__(self, source: str, *, apart: bool = False, path: SearchPath | None = None) -> None:
        self.apart = apart
        path = path or SearchPath()
        self.text = Text(spelled_out(unfolded(source), path))
        self.statements = [Statement(node, use_of(node)) for node in self.text.tree.body]
        self.search_path = {id(each.node) for each in self.statements if is_search_path(each.node)}
        kept = [each.node for each in self.statements if id(each.node) not in self.search_path]
        self.tree = ast.Module(kept, [])
        self.binds = frozenset().union(*(each.use.binds | each.use.inner for each in self.statements))
        self.reads = frozenset().union(*(use_of(node).reads for node in kept))
        self.modules = aliases_of(self.tree)
        self.own = Own(self.tree, path, apart=apart)
        self.calls: Calls = find_calls(self.tree, self._literals())
        self.kinds = Kinds(kept, self.modules, self.own.kinds)

    def bindings(self, name: str) -> list[int]:
        """The places of the statements that bind a name."""
        return [place for place, each in enumerate(self.statements) if name in each.use.binds | each.use.inner]

    def _literals(self) -> dict[str, ast.expr]:
        """The names that are bound once, to a literal."""
        found: dict[str, ast.expr] = {}
        for each in self.statements:
            node = each.node
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                found |= {name: node.value for name in names if len(self.bindings(name)) == 1}
        return found

    # ------------------------------------------------------------------------------------------ who stands where

    @cached_property
    def roles(self) -> list[Role]:
        """What each statement is for."""
        roles = [self._role(place, each) for place, each in enumerate(self.statements)]
        inside = self._names_of(roles, "body") | {"variables", "resultMap"} | self._helpers
        while sinking := [
            place for place, role in enumerate(roles) if role == "outside" and self._sinks(place, inside)
        ]:
            for place in sinking:
                roles[place] = "body"
                inside |= self.statements[place].use.binds
        return roles

    @property
    def _helpers(self) -> set[str]:
        return {name for each in self.statements if is_helper_import(each.node) for name in each.use.binds}

    def _names_of(self, roles: list[Role], wanted: Role) -> set[str]:
        return {
            name for each, role in zip(self.statements, roles, strict=True) if role == wanted for name in each.use.binds
        }

    def names_of(self, role: Role) -> set[str]:
        """The names that the statements of a role bind."""
        return self._names_of(self.roles, role)

    def _sinks(self, place: int, inside: set[str]) -> bool:
        use = self.statements[place].use
        return bool(use.reads & inside) or any(len(self.bindings(name)) > 1 for name in use.binds)

    def _role(self, place: int, each: Statement) -> Role:
        node = each.node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return "docstring" if place == 0 else "dropped"
        if id(node) in self.search_path or is_helper_import(node) or isinstance(node, ast.Pass):
            return "dropped"
        if isinstance(node, ast.Import | ast.ImportFrom):
            return "body" if self._is_late(node) else "import"
        is_function = isinstance(node, ast.FunctionDef | ast.ClassDef) and not _has_state(node)
        return "outside" if is_function or _is_constant(node) else "body"

    def _is_late(self, node: ast.Import | ast.ImportFrom) -> bool:
        """Whether what a statement imports is there, or may be imported, only where the script runs."""
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        if any(map(self.own.has, names)):
            return self.own.is_inside
        return self.apart and not all(is_installed(name.partition(".")[0]) for name in names)

    # ------------------------------------------------------------------------------------------ what cannot be

    def reasons(self, given: Given) -> Iterator[Reason]:
        """Why it cannot become a function, as far as it alone tells."""
        yield from self.calls.reasons
        yield from (each for each in self._hazards() if not (given.env and each.is_shared))
        yield from self._mixed_lines()
        moved = self.names_of("import") | self.names_of("outside")
        for name in sorted(moved & self.names_of("body")):
            yield self._reason(name, f"binds '{name}' anew, which is imported or defined elsewhere")
        for name in sorted(self.names_of("import")):
            if len({self._imported(place, name) for place in self.bindings(name)}) > 1:
                yield self._reason(name, f"imports '{name}' from several modules")
        for name in sorted(self.names_of("body") & PYTHONS):
            if self._is_read_first(name):
                yield self._reason(name, f"binds '{name}', and uses Python's own '{name}'")
        known = self.binds | PYTHONS | set(FALLBACKS) | {"variables", "resultMap", "__doc__"}
        for name in sorted(self.reads - known):
            line = next(n.lineno for n in ast.walk(self.tree) if isinstance(n, ast.Name) and n.id == name)
            yield Reason(line, f"uses '{name}', which nobody defines")
        if self.binds & {"pxw", "variables", "resultMap"}:
            yield Reason(1, "binds a name that the system gives")

    def _hazards(self) -> Iterator[Reason]:
        """What it, or a module of its project, does that a function may not do, or only in a process of its own."""
        yield from hazards(
            self.tree, self.modules, lambda name: name not in self.binds, lambda node: self.kinds.of(node) == "str"
        )
        yield from hazards_of_script(self.tree)
        yield from self.own.reasons

    def _mixed_lines(self) -> Iterator[Reason]:
        roles = {id(each.node): role for each, role in zip(self.statements, self.roles, strict=True)}
        for chunk in self.text.chunks():
            if len({roles[id(node)] for node in chunk.nodes}) > 1:
                yield Reason(chunk.start, "has statements of several kinds on one line")

    def _reason(self, name: str, message: str) -> Reason:
        return Reason(self.statements[self.bindings(name)[-1]].node.lineno, message)

    def _imported(self, place: int, name: str) -> str:
        node = self.statements[place].node
        module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
        names = node.names if isinstance(node, ast.Import | ast.ImportFrom) else []
        return next((module + each.name for each in names if (each.asname or each.name) == name), module)

    def _is_read_first(self, name: str) -> bool:
        """Whether a name of Python's own is read before, or while, the script binds it."""
        first = self.bindings(name)[0]
        node = self.statements[first].node
        plain = isinstance(node, ast.Assign | ast.FunctionDef | ast.ClassDef)
        return not plain or any(name in each.use.reads for each in self.statements[: first + 1])


_FIXED = (str, bytes, int, float, bool, type(None), complex)


def _is_constant(node: ast.stmt) -> bool:
    """Whether this is `NAME = 3`, which nobody can change."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
        return False
    values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
    return node.targets[0].id.isupper() and all(
        isinstance(x, ast.Constant) and isinstance(x.value, _FIXED) for x in values
    )


def _has_state(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """Whether a function, or class, may remember something from one run of the task to the next."""
    changing = (ast.List, ast.Dict, ast.Set, ast.Call, ast.ListComp, ast.DictComp)
    if isinstance(node, ast.ClassDef):
        values = [each.value for each in node.body if isinstance(each, ast.Assign | ast.AnnAssign)]
        functions = [each for each in node.body if isinstance(each, ast.FunctionDef)]
        return any(isinstance(each, changing) for each in values) or any(map(_has_default_state, functions))
    return bool(node.decorator_list) or _has_default_state(node)


def _has_default_state(node: ast.FunctionDef) -> bool:
    given = [*node.args.defaults, *node.args.kw_defaults]
    return any(isinstance(each, ast.List | ast.Dict | ast.Set | ast.Call) for each in given)
