"""What imported names stand for, and where they are used."""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "SUPPLIED",
    "Import",
    "aliases_of",
    "full_name",
    "imports_of",
    "is_installed",
    "is_type_checking",
    "references",
]

SUPPLIED = frozenset({"eexp_engine_utils", "local_helper", "proactive_helper"})
"""What every script finds: the modules in `modules/`."""


@dataclass(frozen=True)
class Import:
    """One name of an import statement.

    Args:
        line: where it stands.
        column: the same, from 1 on.
        module: the module, by its whole name; empty where a relative import leads out of all packages.
        member: what is imported from it, `*` for all; empty for the module itself.
        is_optional: whether the code goes on without it, or only a type checker reads it.
    """

    line: int
    column: int
    module: str
    member: str
    is_optional: bool


def imports_of(node: ast.AST, package: str = "", *, is_optional: bool = False) -> Iterator[Import]:
    """All imports in a node, those inside of its functions, too.

    Args:
        node: where to look.
        package: what relative imports start from.
        is_optional: whether the code around it goes on without them.
    """
    if isinstance(node, ast.Import):
        yield from (Import(node.lineno, node.col_offset + 1, each.name, "", is_optional) for each in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = _absolute(node, package)
        yield from (Import(node.lineno, node.col_offset + 1, module, each.name, is_optional) for each in node.names)
    elif isinstance(node, ast.Try | ast.If) and (_catches(node) or is_type_checking(node)):
        for each in node.body:
            yield from imports_of(each, package, is_optional=True)
        rest = [*getattr(node, "handlers", ()), *node.orelse, *getattr(node, "finalbody", ())]
        for other in rest:
            yield from imports_of(other, package, is_optional=is_optional)
    else:
        for child in ast.iter_child_nodes(node):
            yield from imports_of(child, package, is_optional=is_optional)


def aliases_of(tree: ast.AST, package: str = "") -> dict[str, str]:
    """What imported names stand for: `{"pd": "pandas", "dumps": "json.dumps"}`."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                root = each.name.partition(".")[0]
                found[each.asname or root] = each.name if each.asname else root
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, package)
            found |= {each.asname or each.name: f"{module}.{each.name}" for each in node.names}
    return found


def full_name(node: ast.expr, aliases: Mapping[str, str]) -> str:
    """What something is called where it comes from: `pandas.read_csv`."""
    root, dot, rest = ast.unparse(node).partition(".")
    return f"{aliases.get(root, root)}{dot}{rest}"


def is_installed(root: str) -> bool:
    """Whether a package can be imported here."""
    try:
        return bool(root) and importlib.util.find_spec(root) is not None
    except (ImportError, ValueError):
        return False


def references(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Each name in a node with the attributes behind it, as far as they are written out: `cleaning.drop`."""
    found = _dotted(node)
    if found and isinstance(node, ast.expr):
        yield node, found
        return
    for child in ast.iter_child_nodes(node):
        yield from references(child)


def is_type_checking(node: ast.AST) -> bool:
    """Whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    above = _dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{above}.{node.attr}" if above and isinstance(node, ast.Attribute) else ""


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    kept = parts[: len(parts) - node.level + 1] if package else []
    return ".".join([*kept, *([node.module] if node.module else [])]) if kept else ""


_MISSING = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def _catches(node: ast.AST) -> bool:
    """Whether a `try` goes on if a module is missing."""
    handlers = node.handlers if isinstance(node, ast.Try) else []
    caught = [each.type for each in handlers]
    names = [name for each in caught if each for name in (each.elts if isinstance(each, ast.Tuple) else [each])]
    return None in caught or any(ast.unparse(each) in _MISSING for each in names)
