"""A module of the project, as it was read."""

from __future__ import annotations

import ast
from functools import cached_property

from pxw.compat.imports import aliases_of, imports_of
from pxw.convert.scripts.kinds import Kinds, Others
from pxw.convert.scripts.scopes import Statement, use_of
from pxw.convert.scripts.text import Reason

__all__ = ["Module"]


class Module:
    """The statements of a module, or of a script.

    Args:
        tree: what was read.
        name: what it is imported by; empty for a script.
        package: what its relative imports start from.
        file: its path.
        functions: finds those of other modules.
    """

    def __init__(
        self, tree: ast.Module, name: str = "", package: str = "", file: str = "", functions: Others = lambda _: None
    ) -> None:
        self.name, self.package, self.file = name, package, file
        self.statements = [Statement(node, use_of(node)) for node in tree.body if not _is_guard(node)]
        self.stars = [each.module for each in imports_of(tree, package) if each.member == "*"]
        self.aliases = aliases_of(tree, package)
        self._tree, self._functions = tree, functions

    @cached_property
    def kinds(self) -> Kinds:
        """The kinds of its expressions."""
        return Kinds(self._tree.body, self.aliases, self._functions)

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """What each node stands in."""
        return {child: parent for parent in ast.walk(self._tree) for child in ast.iter_child_nodes(parent)}

    def binding(self, name: str) -> list[Statement]:
        """The statements that bind a name."""
        return self._binding.get(name, [])

    def reason(self, line: int, message: str, *, is_shared: bool = False) -> Reason:
        """Why it cannot be used as it is; of a module it is told which one."""
        told = f"imports '{self.name}', which {message}" if self.name else message
        return Reason(line, told, self.file, is_shared)

    @cached_property
    def _binding(self) -> dict[str, list[Statement]]:
        found: dict[str, list[Statement]] = {}
        for each in self.statements:
            for name in each.use.binds | each.use.inner:
                found.setdefault(name, []).append(each)
        return found


def _is_guard(node: ast.stmt) -> bool:
    """Whether this is `if __name__ == "__main__":`, which no import runs."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'" and not node.orelse
