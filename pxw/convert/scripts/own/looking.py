"""Whether a use of a list, or of another value that may change, only looks at it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FUNCTIONS", "is_change", "is_safe"]

FUNCTIONS = {
    "all", "any", "bool", "dict", "enumerate", "frozenset", "isinstance", "len", "list", "max", "min", "print", "range",
    "repr", "reversed", "set", "sorted", "str", "sum", "tuple", "type", "zip",
}  # fmt: skip
Keeping: TypeAlias = "Callable[[ast.Call, ast.AST], bool]"
"""Whether a call may change one of its arguments, or keep it."""
_SHOWING = {"bool", "isinstance", "len", "print", "repr", "str", "type"}
"""What gives no part of a value away."""
_METHODS = {"copy", "count", "get", "index", "items", "issubset", "issuperset", "keys", "union", "values"}
_OF_NESTED = {"count", "index", "keys"}


def is_change(node: ast.expr, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Whether something behind a name is set: `config.LIMIT = 3`, `table["a"] += 1`, `del f.cache`."""
    while isinstance(above := parents.get(node), ast.Attribute | ast.Subscript) and above.value is node:
        node = above
    return isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del)


def is_safe(
    node: ast.expr,
    parents: Mapping[ast.AST, ast.AST],
    may_keep: Keeping,
    *,
    is_nested: bool,
) -> bool:
    """Whether what an expression stands in neither changes its value nor keeps it for later.

    Args:
        node: the expression: a name, or a part of what it stands for.
        parents: what each node stands in.
        may_keep: whether a call may change one of its arguments, or keep it.
        is_nested: whether parts of the value may change, too: then nobody may get hold of one.
    """
    above, found = parents.get(node), False
    if isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
        return isinstance(node, ast.Name) and not isinstance(above, ast.AugAssign)
    match above:
        case ast.Subscript(value=value) if value is node:
            found = isinstance(above.ctx, ast.Load)
            found = found and (not is_nested or is_safe(above, parents, may_keep, is_nested=True))
        case ast.Subscript() | ast.FormattedValue() | ast.UnaryOp():
            found = True  # a key, a text
        case ast.Compare() | ast.Starred() | ast.BinOp():
            found = not is_nested
        case ast.Attribute(attr=name) if isinstance(call := parents.get(above), ast.Call) and call.func is above:
            found = name in (_OF_NESTED if is_nested else _METHODS)
        case ast.keyword() if isinstance(call := parents.get(above), ast.Call):
            found = _is_safe_call(call, above, may_keep, is_nested=is_nested)
        case ast.Call(func=function):
            found = function is not node and _is_safe_call(above, node, may_keep, is_nested=is_nested)
        case ast.For(iter=source) | ast.comprehension(iter=source):
            found = source is node and not is_nested
        case ast.If(test=test) | ast.While(test=test) | ast.Assert(test=test) | ast.IfExp(test=test):
            found = test is node
    return found


def _is_safe_call(call: ast.Call, given: ast.AST, may_keep: Keeping, *, is_nested: bool) -> bool:
    if may_keep(call, given):
        return False
    is_pythons = isinstance(call.func, ast.Name) and call.func.id in FUNCTIONS
    return not (is_pythons and is_nested) or ast.unparse(call.func) in _SHOWING
