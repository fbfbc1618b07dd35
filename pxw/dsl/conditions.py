"""What a condition is: a call of the conditions module, a Python expression, or a text for people."""

from __future__ import annotations

import ast
import builtins
import difflib
from typing import TYPE_CHECKING

from pxw.dsl.diagnostics import shown, span

if TYPE_CHECKING:
    from collections.abc import Collection

    from pxw.dsl.library import Library
    from pxw.dsl.syntax import File, Word
    from pxw.workflow import ConditionKind, Span

__all__ = ["classify"]

PROSE = 4  # words


def classify(word: Word, file: File, library: Library, variables: Collection[str] = ()) -> ConditionKind:
    """Say what a condition is, and note calls of functions that do not exist.

    `variables` are the names that an expression may use besides `results`.
    """
    words = word.split()
    known = library.conditions
    if words and words[0] in (known or {}):
        return "call"
    tree = _expression(word)
    if tree is not None:
        _check_names(tree, word, file, library, variables)
        return "expression"
    if known is not None and _seems_call(words, known):
        _unknown(words[0], word, file, library)
        return "call"
    if not library.alone:
        message = f'no run can decide the condition "{word}": it is neither Python nor a call'
        remedy = "write an expression over results, or the name of a function in the conditions module"
        library.report.add("PXW361", message, span(file.path, word), remedy)
    return "text"


def _seems_call(words: list[str], known: Collection[str]) -> bool:
    """Does a text that is no Python look like a call of a function that is not there, rather than like prose?"""
    misspelt = bool(difflib.get_close_matches(words[0], known)) if words else False
    return misspelt or (len(words) < PROSE and all(word.isidentifier() for word in words[:1]))


def _expression(text: str) -> ast.Expression | None:
    try:
        return ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _check_names(tree: ast.Expression, word: Word, file: File, library: Library, variables: Collection[str]) -> None:
    if library.alone:
        return
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    if isinstance(tree.body, ast.Name) and tree.body.id not in variables:
        called.add(tree.body.id)  # a single name is a function's, or a variable's
    known = {*(library.conditions or {}), *dir(builtins), "results"}
    for name in sorted(called - known):
        _unknown(name, word, file, library)


def _unknown(name: str, word: Word, file: File, library: Library) -> None:
    at = span(file.path, word)
    module = library.project.conditions
    if library.conditions is None:
        said = f"'{shown(str(module))}' cannot be read" if module else "eexp_config.py names no PYTHON_CONDITIONS"
        library.report.add("PXW308", f"unknown function '{name}' in a condition", at, said)
        return
    places: dict[str, Span | None] = dict.fromkeys(library.conditions)
    library.report.unknown("PXW308", f"function '{name}' in '{module.name if module else ''}'", name, at, places)
