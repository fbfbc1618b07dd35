"""What an old script says of itself, read without running it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Spoken", "read_script"]


@dataclass(frozen=True)
class Spoken:
    """What a script speaks of.

    Args:
        texts: every constant in it: a metric that it never names it cannot put.
        put: the keys that it always puts into `resultMap`, in order.
        perhaps: those that it puts only in a branch, a loop or a function.
        asks_results: whether it calls `get_experiment_results`.
        may_parse: whether it uses the module whose inputs the project's `EXECUTIONWARE` decides on.
    """

    texts: frozenset[str] = frozenset()
    put: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    asks_results: bool = False
    may_parse: bool = False


@cache
def read_script(path: Path | None) -> Spoken:
    """Read a script; of one that is no Python, nothing is known."""
    try:
        text = path.read_text("utf-8-sig") if path else ""
        tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError):
        return Spoken()
    sure = dict.fromkeys(key for node in _always(tree.body) for key in _keys(node))
    every = dict.fromkeys(key for node in ast.walk(tree) for key in _keys(node))
    return Spoken(
        texts=frozenset(str(each.value) for each in ast.walk(tree) if isinstance(each, ast.Constant)),
        put=tuple(sure),
        perhaps=tuple(key for key in every if key not in sure),
        asks_results="get_experiment_results" in text,
        may_parse="eexp_engine_utils" in text,
    )


def _always(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """The statements that run whenever the script does."""
    for node in body:
        if isinstance(node, ast.With):
            yield from _always(node.body)
        elif isinstance(node, ast.Expr):
            yield node.value
        elif isinstance(node, ast.Assign):
            yield from node.targets


def _keys(node: ast.AST) -> Iterator[str]:
    """The key of `resultMap.put("key", ...)` and of `resultMap["key"] = ...`."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="resultMap"), attr="put"), args=[ast.Constant(value=key), _]
        ):
            yield str(key)
        case ast.Subscript(value=ast.Name(id="resultMap"), slice=ast.Constant(value=key), ctx=ast.Store()):
            yield str(key)
