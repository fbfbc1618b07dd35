"""`if __name__ == "__main__":` and a `main()` that is the whole script, taken out of their wrapping."""

from __future__ import annotations

import ast
from types import CodeType
from typing import TypeGuard

from pxw.convert.scripts.scopes import use_of
from pxw.convert.scripts.text import first_line, moved

__all__ = ["unfolded"]


def unfolded(source: str) -> str:
    """The script with what always runs at its top level; every line keeps its number.

    >>> print(unfolded('if __name__ == "__main__":\\n    print(1)'))
    <BLANKLINE>
    print(1)
    """
    for node in ast.parse(source).body:
        if _is_guard(node):
            source = _without(source, node, node.body)
    tree = ast.parse(source)
    main = _main_of(tree)
    if main is None:
        return source
    function, call = main
    lines = _without(source, function, function.body).split("\n")
    lines[call.lineno - 1] = ""
    return "\n".join(lines)


def _is_guard(node: ast.stmt) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'" and not node.orelse


def _without(source: str, node: ast.stmt, body: list[ast.stmt]) -> str:
    """The source with the lines in front of a block gone, and the block moved to the left."""
    lines, start, end = source.split("\n"), first_line(body[0]), node.end_lineno or 0
    if start == node.lineno:  # a guard, all on one line
        lines[start - 1] = lines[start - 1][body[0].col_offset :]
        return "\n".join(lines)
    head = start - 1
    while head > node.lineno and lines[head - 1].strip().startswith("#"):
        head -= 1
    depth = len(lines[start - 1]) - len(lines[start - 1].lstrip())
    lines[head:end] = moved(lines[head:end], source, head + 1, depth)
    lines[node.lineno - 1 : head] = [""] * (head - node.lineno + 1)
    return "\n".join(lines)


def _main_of(tree: ast.Module) -> tuple[ast.FunctionDef, ast.Expr] | None:
    """A function without arguments that the last statement calls, and nobody else; it ends at its end."""
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr) or not isinstance(last.value, ast.Call) or last.value.args + last.value.keywords:
        return None
    name = ast.unparse(last.value.func)
    found = [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == name]
    uses = [each for each in ast.walk(tree) if isinstance(each, ast.Name) and each.id == name]
    if len(found) != 1 or len(uses) != 1 or found[0].decorator_list or ast.unparse(found[0].args):
        return None
    after = tree.body[tree.body.index(found[0]) + 1 : -1]
    others = [each for each in tree.body if each not in {found[0], last}]
    is_alone = not any(first_line(last) <= (each.end_lineno or 0) for each in tree.body[:-1])
    is_block = first_line(found[0].body[0]) > found[0].lineno
    if not (is_alone and is_block) or _locals(found[0]) & _names(others):
        return None
    is_plain = all(isinstance(each, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom) for each in after)
    odd = (ast.Return, ast.Yield, ast.YieldFrom, ast.Global, ast.Await)
    inner = [each for each in _own_nodes(found[0]) if isinstance(each, odd)]
    return (found[0], last) if is_plain and not inner else None


def _locals(function: ast.FunctionDef) -> set[str]:
    """The variables of a function, which are nobody else's."""
    code = compile(ast.Module([function], []), "script", "exec", dont_inherit=True)
    inner = next(each for each in code.co_consts if isinstance(each, CodeType))
    return {*inner.co_varnames, *inner.co_cellvars}


def _names(statements: list[ast.stmt]) -> set[str]:
    """The names of the module that statements read or bind."""
    use = use_of(*statements)
    return {*use.reads, *use.binds, *use.inner}


def _own_nodes(function: ast.FunctionDef) -> list[ast.AST]:
    """The nodes of a function, without those of functions inside of it."""
    left: list[ast.AST] = list(function.body)
    found = []
    while left:
        node = left.pop()
        found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            left += ast.iter_child_nodes(node)
    return found
