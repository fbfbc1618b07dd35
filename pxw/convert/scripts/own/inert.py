"""Which statements of a module do nothing when it is imported but bind names to what stays as it is."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

from pxw.compat.imports import full_name, is_type_checking

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["changing", "is_inert", "is_nested", "remembers"]

_Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_DISPLAYS = (ast.List, ast.Dict, ast.Set)
_WRITTEN = (
    ast.Constant, ast.Name, ast.Attribute, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.JoinedStr,
    ast.FormattedValue, ast.Tuple, ast.Subscript, ast.Slice, ast.Lambda, ast.Starred, *_DISPLAYS,
)  # fmt: skip
_MAKERS = {
    "collections.namedtuple", "dataclasses.field", "datetime.date", "datetime.datetime", "datetime.timedelta",
    "decimal.Decimal", "enum.auto", "float", "frozenset", "functools.partial", "int", "logging.getLogger",
    "operator.attrgetter", "operator.itemgetter", "pydantic.ConfigDict", "pydantic.Field", "range", "re.compile", "str",
    "tuple", "typing.NewType", "typing.TypeVar",
}  # fmt: skip
"""What gives values that stay as they are, and does nothing else."""
_COLLECTIONS = {"dict", "list", "set", "sorted"}
_DECORATORS = {
    "abc.abstractmethod", "classmethod", "contextlib.contextmanager", "dataclasses.dataclass", "enum.unique",
    "functools.cached_property", "functools.total_ordering", "functools.wraps", "property", "staticmethod",
    "typing.final", "typing.overload",
}  # fmt: skip
_MEMORIES = {"functools.cache", "functools.lru_cache"}


def is_inert(node: ast.stmt, aliases: Mapping[str, str]) -> bool:
    """Whether a statement of a module, or of a class, does nothing but bind names.

    Args:
        node: the statement.
        aliases: what imported names stand for.
    """
    found = False
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(value=ast.Constant()):
            found = True
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            is_plain = _decorators(node, aliases) <= _DECORATORS | _MEMORIES
            found = is_plain and (not isinstance(node, ast.ClassDef) or _all_inert(node.body, aliases))
        case ast.Assign(targets=targets, value=value):
            found = all(isinstance(each, ast.Name | ast.Tuple) for each in targets) and _is_written(value, aliases)
        case ast.AnnAssign(target=ast.Name(), value=given):
            found = given is None or _is_written(given, aliases)
        case ast.Try(body=body, handlers=handlers, orelse=[], finalbody=[]):
            inner = [*body, *(inner for each in handlers for inner in each.body)]
            found = _all_inert(inner, aliases) and not any(changing(each, aliases) for each in inner)
        case ast.If(orelse=[]):
            found = is_type_checking(node)
    return found


def remembers(node: ast.FunctionDef | ast.AsyncFunctionDef, aliases: Mapping[str, str]) -> bool:
    """Whether a function gives again what it gave before."""
    return bool(_decorators(node, aliases) & _MEMORIES)


def _all_inert(body: Iterable[ast.stmt], aliases: Mapping[str, str]) -> bool:
    return all(is_inert(each, aliases) for each in body)


def _decorators(node: _Definition, aliases: Mapping[str, str]) -> set[str]:
    called = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
    return {full_name(each, aliases) for each in called}


def _is_written(node: ast.expr, aliases: Mapping[str, str]) -> bool:
    """Whether a value is written out, with no call but of what is known to do nothing else."""
    if isinstance(node, ast.Lambda):
        return not node.args.defaults and not any(node.args.kw_defaults)
    if isinstance(node, ast.Call):
        known = full_name(node.func, aliases) in _MAKERS | _COLLECTIONS
        given = [*node.args, *(each.value for each in node.keywords)]
        return known and all(_is_written(each, aliases) for each in given)
    inner = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)]
    return isinstance(node, _WRITTEN) and all(_is_written(each, aliases) for each in inner)


# ---------------------------------------------------------------------------------------------------- what may change


def changing(node: ast.stmt, aliases: Mapping[str, str]) -> list[ast.expr]:
    """The values that a definition leaves behind, and that somebody could change: lists, dicts, what calls give."""
    inner: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        inner = [node.value]
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        inner = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
    elif isinstance(node, ast.ClassDef):
        return [each for statement in node.body for each in changing(statement, aliases)]
    return [each for each in inner if _may_change(each, aliases)]


def _may_change(node: ast.expr | ast.keyword, aliases: Mapping[str, str]) -> bool:
    is_maker = isinstance(node, ast.Call) and full_name(node.func, aliases) in _MAKERS
    if is_maker or isinstance(node, ast.Tuple | ast.IfExp | ast.BoolOp | ast.BinOp | ast.keyword):
        inner = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr | ast.keyword)]
        return any(_may_change(each, aliases) for each in inner)
    return isinstance(node, (*_DISPLAYS, ast.Call, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp))


def is_nested(node: ast.expr) -> bool:
    """Whether a list or dict holds more than texts, numbers and names."""
    items = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)]
    return not all(isinstance(each, ast.Constant | ast.Name | ast.UnaryOp | ast.Attribute) for each in items)
