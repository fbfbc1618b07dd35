"""What other tasks would notice of the modules that a script imports: in a process of its own, it does no harm."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from pxw.convert.scripts.hazards import hazards, hazards_of_uses
from pxw.convert.scripts.own.inert import changing, is_nested
from pxw.convert.scripts.own.looking import FUNCTIONS, is_change, only_looks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pxw.convert.scripts.own.module import Module
    from pxw.convert.scripts.own.reach import Reach
    from pxw.convert.scripts.text import Reason

__all__ = ["judge"]

_KEEPING = {"add", "append", "appendleft", "insert", "put", "send", "setdefault"}
_Values = list[ast.expr]


def judge(reach: Reach) -> Iterator[Reason]:
    """Why a function may not use its modules, or only in a process of its own."""
    yield from _Judge(reach).reasons()


class _Judge:
    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        classes = [each.node for _, each in reach.statements if isinstance(each.node, ast.ClassDef)]
        methods = {each.name for node in classes for each in node.body if isinstance(each, ast.FunctionDef)}
        self._keeping = _KEEPING | methods

    def reasons(self) -> Iterator[Reason]:
        """All there are."""
        for module, node in self._reach.effects:
            yield module.reason(node.lineno, "runs code when it is imported", is_shared=True)
        for module, statement in self._reach.statements:
            yield from self._of_code(module, statement.node, statement.use.reads)
            yield from self._of_definition(module, statement.node)
        for use in self._reach.uses:
            if is_change(use.node, use.user.parents):
                whose = f"'{use.name}' of '{use.module.name}'" if use.name else f"'{use.module.name}'"
                yield use.user.reason(use.node.lineno, f"changes {whose}, which other tasks see", is_shared=True)
        yield from self._of_values()

    @staticmethod
    def _of_code(module: Module, node: ast.stmt, reads: frozenset[str]) -> Iterator[Reason]:
        def is_pythons(name: str) -> bool:
            return name in reads and name not in {"__name__", "__doc__"} and not module.binding(name)

        found = hazards(node, module.aliases, is_pythons, lambda each: module.kinds.of(each) == "str")
        for each in {*found, *hazards_of_uses(node, module.aliases)}:
            yield module.reason(each.line, each.message, is_shared=each.is_shared)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Global):
                text = f"changes its '{inner.names[0]}' from within a function"
                yield module.reason(inner.lineno, text, is_shared=True)

    def _of_definition(self, module: Module, node: ast.stmt) -> Iterator[Reason]:
        values = changing(node, module.aliases)
        if isinstance(node, ast.ClassDef) and values:
            text = f"keeps values in the class '{node.name}', which all tasks of a process share"
            yield module.reason(values[0].lineno, text, is_shared=True)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and values:
            risky = {name: value for name, value in _defaults(node).items() if value in values}
            names = [each for each in ast.walk(node) if isinstance(each, ast.Name) and each.id in risky]
            if not all(self._is_looked_at(module, each, [risky[each.id]]) for each in names):
                text = f"keeps a default of '{node.name}' from one call to the next"
                yield module.reason(node.lineno, text, is_shared=True)

    def _of_values(self) -> Iterator[Reason]:
        """Of names that are bound to lists, dicts and the like."""
        for module, each in self._reach.statements:
            values = changing(each.node, module.aliases) if isinstance(each.node, ast.Assign | ast.AnnAssign) else []
            for name in each.use.binds if values else ():
                uses = [use for use in self._reach.uses if (use.module, use.name) == (module, name)]
                if not all(self._is_looked_at(use.user, use.node, values) for use in uses):
                    text = f"has a '{name}' that all tasks of a process share, and that may change"
                    yield module.reason(each.node.lineno, text, is_shared=True)

    def _is_looked_at(self, user: Module, node: ast.expr, values: _Values) -> bool:
        is_read = isinstance(getattr(node, "ctx", None), ast.Load) and not is_change(node, user.parents)
        nested = any(map(is_nested, values))
        return is_read and only_looks(node, user.parents, lambda each: self._may_keep(user, each), is_nested=nested)

    def _may_keep(self, user: Module, function: ast.expr) -> bool:
        """Whether a function may change what it is given, or keep it: one of the project's, as far as one can tell."""
        root = ast.unparse(function).partition(".")[0]
        if root in user.aliases:
            return self._reach.is_own(user.aliases[root])
        if isinstance(function, ast.Name):
            return bool(user.binding(root)) or root not in FUNCTIONS
        return not isinstance(function, ast.Attribute) or function.attr in self._keeping


def _defaults(node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, ast.expr]:
    args = node.args
    by_place = zip(reversed([*args.posonlyargs, *args.args]), reversed(args.defaults), strict=False)
    by_name = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    return {arg.arg: value for arg, value in [*by_place, *by_name] if value is not None}
