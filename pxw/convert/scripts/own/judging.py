"""What other tasks would notice of the modules that a script imports: in a process of its own, it does no harm."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

from pxw.compat.imports import full_name
from pxw.convert.scripts.hazards import hazards, hazards_of_uses
from pxw.convert.scripts.own.inert import changing, is_nested, remembers
from pxw.convert.scripts.own.looking import FUNCTIONS, is_change, is_safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pxw.convert.scripts.own.module import Module
    from pxw.convert.scripts.own.reach import Reach, Use
    from pxw.convert.scripts.text import Reason

__all__ = ["judge"]

_KEEPING = {"add", "append", "appendleft", "insert", "put", "send", "setdefault"}
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def judge(reach: Reach) -> Iterator[Reason]:
    """Why a function may not use its modules, or only in a process of its own."""
    yield from _Judge(reach).reasons()


class _Judge:
    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        classes = [each.node for _, each in reach.statements if isinstance(each.node, ast.ClassDef)]
        methods = {each.name for node in classes for each in node.body if isinstance(each, ast.FunctionDef)}
        self._keeping = _KEEPING | methods
        self._asked: set[tuple[_Function, str]] = set()
        self._spared: dict[tuple[_Function, str, bool], bool] = {}
        self._uses: dict[tuple[Module, str], list[Use]] = {}
        for use in reach.uses:
            self._uses.setdefault((use.module, use.name), []).append(use)

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
            if isinstance(inner, ast.Attribute) and _changes_class(inner):
                text = f"changes its class by '{ast.unparse(inner)}', which all tasks of a process share"
                yield module.reason(inner.lineno, text, is_shared=True)
            if isinstance(inner, ast.Global):
                text = f"changes its '{inner.names[0]}' from within a function"
                yield module.reason(inner.lineno, text, is_shared=True)

    def _of_definition(self, module: Module, node: ast.stmt) -> Iterator[Reason]:
        values = changing(node, module.aliases)
        if isinstance(node, ast.ClassDef) and values:
            text = f"keeps values in the class '{node.name}', which all tasks of a process share"
            yield module.reason(values[0].lineno, text, is_shared=True)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if remembers(node, module.aliases):
                yield module.reason(node.lineno, f"remembers what '{node.name}' gave", is_shared=True)
            kept = {name: value for name, value in _defaults(node).items() if value in values}
            if not all(self._is_spared(module, node, name, is_nested(value)) for name, value in kept.items()):
                text = f"keeps a default of '{node.name}' from one call to the next"
                yield module.reason(node.lineno, text, is_shared=True)

    def _of_values(self) -> Iterator[Reason]:
        """Of names that are bound to lists, dicts and the like."""
        for module, each in self._reach.statements:
            values = changing(each.node, module.aliases) if isinstance(each.node, ast.Assign | ast.AnnAssign) else []
            nested = any(map(is_nested, values))
            for name in each.use.binds if values else ():
                uses = self._uses.get((module, name), ())
                if not all(self._is_safe(use.user, use.node, nested) for use in uses):
                    text = f"shares '{name}' with all tasks of a process, and may change it"
                    yield module.reason(each.node.lineno, text, is_shared=True)

    def _is_safe(self, user: Module, node: ast.expr, nested: bool) -> bool:
        """Whether a use of a value only looks at it."""

        def may_keep(call: ast.Call, given: ast.AST) -> bool:
            return self._may_keep(user, call, given, nested)

        return not is_change(node, user.parents) and is_safe(node, user.parents, may_keep, is_nested=nested)

    def _may_keep(self, user: Module, call: ast.Call, given: ast.AST, nested: bool) -> bool:
        """Whether a call may change one of its arguments, or keep it."""
        called = self._function(user, call.func)
        if called is not None:
            name = _parameter(called[1], call, given)
            return not name or not self._is_spared(*called, name, nested)
        root = ast.unparse(call.func).partition(".")[0]
        if root in user.aliases:
            return self._reach.is_own(user.aliases[root])
        if isinstance(call.func, ast.Name):
            return bool(user.binding(root)) or root not in FUNCTIONS
        return not isinstance(call.func, ast.Attribute) or call.func.attr in self._keeping

    def _function(self, user: Module, function: ast.expr) -> tuple[Module, _Function] | None:
        """The function of the project, or of the script, that is called."""
        match [each.node for each in user.binding(ast.unparse(function))]:
            case [ast.FunctionDef() as node]:
                return user, node
        return self._reach.function(full_name(function, user.aliases))

    def _is_spared(self, module: Module, function: _Function, name: str, nested: bool) -> bool:
        """Whether a function only looks at what it is given."""
        if (function, name) in self._asked:
            return True  # where it calls itself
        known = self._spared.get((function, name, nested))
        if known is not None:
            return known
        self._asked.add((function, name))
        found = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == name]
        spared = not function.decorator_list and all(self._is_safe(module, each, nested) for each in found)
        self._asked.discard((function, name))
        if not (spared and self._asked):  # that it is may only be assumed as yet
            self._spared[function, name, nested] = spared
        return spared


def _changes_class(node: ast.Attribute) -> bool:
    is_set = isinstance(node.ctx, ast.Store | ast.Del)
    return is_set and ast.unparse(node.value) in {"cls", "type(self)", "self.__class__"}


def _parameter(function: _Function, call: ast.Call, given: ast.AST) -> str:
    """The parameter that gets an argument; empty if nobody can tell."""
    if isinstance(given, ast.keyword):
        return given.arg or ""
    args = [*function.args.posonlyargs, *function.args.args]
    place = call.args.index(given) if given in call.args and isinstance(given, ast.expr) else len(args)
    is_plain = not any(isinstance(each, ast.Starred) for each in call.args[:place])
    return args[place].arg if is_plain and place < len(args) else ""


def _defaults(node: _Function) -> dict[str, ast.expr]:
    args = node.args
    by_place = zip(reversed([*args.posonlyargs, *args.args]), reversed(args.defaults), strict=False)
    by_name = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    return {arg.arg: value for arg, value in [*by_place, *by_name] if value is not None}
