"""A function in the making: the script's text with its changes, and the names that are taken."""

from __future__ import annotations

import ast
import keyword
from dataclasses import dataclass, field
from itertools import chain, count
from typing import TYPE_CHECKING

from pxw.convert.scripts.scopes import PYTHONS
from pxw.convert.scripts.text import Reason

if TYPE_CHECKING:
    from pxw.convert.scripts.given import Given
    from pxw.convert.scripts.kinds import Kind
    from pxw.convert.scripts.script import Script

__all__ = ["Draft"]

_HINTS: dict[Kind, str] = {
    "dict": "dict[Any, Any]",
    "list": "list[Any]",
    "files": "dict[str, bytes]",
    "many": "list[bytes]",
    "any": "Any",
}


@dataclass
class Draft:
    """What is to become of a script in one workflow."""

    script: Script
    given: Given
    reasons: list[Reason] = field(default_factory=list)
    dropped: set[int] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        nodes = list(ast.walk(self.script.text.tree))
        self.taken |= {node.id for node in nodes if isinstance(node, ast.Name)} | {"pxw", "Any", "NamedTuple"}
        self.taken |= {node.arg for node in nodes if isinstance(node, ast.arg)} | set(self.script.binds)

    def refuse(self, node: ast.expr | ast.stmt, message: str) -> None:
        """Note why it must stay a script."""
        self.reasons.append(Reason(node.lineno, message))

    def new(self, *wishes: str) -> str:
        """The first of the wishes that is a free name; else the last with a number."""
        last = "".join(sign if sign.isidentifier() or sign.isdigit() else "_" for sign in wishes[-1])
        last = f"n_{last}" if not last.isidentifier() else last
        numbered = (f"{last}_{number}" for number in count(2))
        found = next(each for each in chain(wishes, [f"{last}_"], numbered) if self._is_free(each))
        self.taken.add(found)
        return found

    def _is_free(self, name: str) -> bool:
        is_name = name.isidentifier() and not keyword.iskeyword(name) and name not in PYTHONS
        return is_name and name not in self.taken and not keyword.issoftkeyword(name)

    def module(self, name: str, alias: str) -> str:
        """What the script calls a module; it is imported if the script does not."""
        for known, full in self.script.modules.items():
            if full == name:
                return known
        imported = f"import {name}" if alias == name else f"import {name} as {alias}"
        if "." in name:
            imported = f"from {name.rpartition('.')[0]} import {alias}"
        if imported not in self.imports and alias in self.taken - set(name.split(".")):
            self.reasons.append(Reason(1, f"uses the name '{alias}' for something of its own"))
        self.imports.add(imported)
        self.taken.add(alias)
        return alias

    def hint(self, kind: Kind) -> str:
        """How a kind is annotated."""
        if kind == "frame":
            return f"{self.module('pandas', 'pd')}.DataFrame"
        if kind == "array":
            return f"{self.module('numpy', 'np')}.ndarray"
        found = _HINTS.get(kind, kind)
        if "Any" in found:
            self.imports.add("from typing import Any")
        return found

    def statement_of(self, node: ast.AST) -> int:
        """The place of the top-level statement that a node is in."""
        line = getattr(node, "lineno", 1)
        places = [n for n, each in enumerate(self.script.statements) if any(x is node for x in ast.walk(each.node))]
        if not places:
            raise AssertionError(f"no statement has line {line}")
        return places[0]

    def assigned(self, node: ast.expr) -> tuple[int, list[str]] | None:
        """The statement, and the names, if a top-level statement binds nothing but names to this very value."""
        place = self.statement_of(node)
        found = self.script.statements[place].node
        if self.script.roles[place] != "body" or not isinstance(found, ast.Assign) or found.value is not node:
            return None
        target = found.targets[0]
        targets = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
        names = [each.id for each in targets if isinstance(each, ast.Name)]
        return (place, names) if len(found.targets) == 1 and len(names) == len(targets) == len(set(names)) else None
