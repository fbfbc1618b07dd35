"""Which names of its module a statement reads and binds: Python's own compiler knows."""

from __future__ import annotations

import ast
import builtins
import dis
from dataclasses import dataclass
from types import CodeType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PYTHONS", "Statement", "Use", "use_of"]

PYTHONS = frozenset(dir(builtins)) - {"_"}
"""The names that are Python's own; an interpreter that echoes what is typed adds `_`."""


@dataclass(frozen=True)
class Use:
    """The names that a statement has to do with.

    Args:
        reads: those that it reads, in the functions inside of it, too.
        binds: those that it binds, or deletes.
        inner: those that functions inside of it bind, or delete, by `global`.
    """

    reads: frozenset[str]
    binds: frozenset[str]
    inner: frozenset[str]


@dataclass(frozen=True)
class Statement:
    """A top-level statement, and the names that it reads and binds."""

    node: ast.stmt
    use: Use


def use_of(*statements: ast.stmt) -> Use:
    """What statements of a module read and bind.

    >>> use = use_of(*ast.parse("total = sum(len(row) for row in rows)").body)
    >>> sorted(use.reads), sorted(use.binds)
    (['len', 'rows', 'sum'], ['total'])
    """
    code = compile(ast.Module([*statements], []), "script", "exec", dont_inherit=True)
    steps = list(_steps(code, "module"))
    reads = {name for op, name, _ in steps if op.startswith("LOAD")}
    changes = [(name, place) for op, name, place in steps if op.startswith(("STORE", "DELETE"))]
    binds = {name for name, place in changes if place == "module"}
    return Use(frozenset(reads), frozenset(binds), frozenset({name for name, place in changes if place == "function"}))


def _steps(code: CodeType, place: str) -> Iterator[tuple[str, str, str]]:
    """Each access to a name of the module: what is done, the name, and whether by the module or a function."""
    is_class = place == "class"
    for step in dis.get_instructions(code):
        by_name = step.opname.endswith("_NAME") and not (is_class and step.opname.startswith(("STORE", "DELETE")))
        if (by_name and step.opname != "IMPORT_NAME") or "GLOBAL" in step.opname:
            yield step.opname, str(step.argval), "function" if "GLOBAL" in step.opname else place
    for inner in filter(lambda each: isinstance(each, CodeType), code.co_consts):
        yield from _steps(inner, "function" if inner.co_flags & 2 else "class")  # 2: its names are local
