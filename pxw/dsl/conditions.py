"""What a condition is: a call of the conditions module, a Python expression, or a text for people."""

from __future__ import annotations

import ast
import builtins
import difflib
from typing import TYPE_CHECKING

from pxw.dsl.diagnostics import shown, span

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pxw.dsl.library import Library
    from pxw.dsl.syntax import File, Word
    from pxw.workflow import ConditionKind, Span

__all__ = ["classify"]

PROSE = 4  # words
CODE = frozenset("()[]<>=!&|+*/")  # what prose has none of


def classify(
    word: Word,
    file: File,
    library: Library,
    variables: Collection[str] = (),
    nodes: Mapping[str, Span | None] | None = None,
) -> ConditionKind:
    """Say what a condition is, and note calls of functions that do not exist.

    `variables` are the names that an expression may use besides `results`; `nodes` those that `results` has.
    """
    words = word.split()
    known = library.conditions
    if words and words[0] in (known or {}):
        _check_call(words, word, file, library)
        return "call"
    tree = _expression(word)
    if tree is not None:
        _check_names(tree, word, file, library, variables)
        _check_nodes(tree, word, file, library, nodes)
        return "expression"
    if not _is_code(word) and _seems_call(words, known or ()) and (known is not None or library.project.conditions):
        _unknown(words[0], word, file, library)
        return "call"
    if not library.alone:
        _undecidable(word, file, library)
    return "text"


def _undecidable(word: Word, file: File, library: Library) -> None:
    why = f"it is not Python: {_reason(word)}" if _is_code(word) else "it is neither Python nor a call"
    remedy = "write an expression over results, or the name of a function in the conditions module"
    if library.project.conditions is None and not _is_code(word):
        remedy += ", which no PYTHON_CONDITIONS of an eexp_config.py names"
    library.report.add("PXW361", f'no run can decide the condition "{word}": {why}', span(file.path, word), remedy)


def _is_code(text: str) -> bool:
    return any(sign in CODE for sign in text)


def _reason(text: str) -> str:
    try:
        statement = ast.parse(text.strip()).body[0]
    except SyntaxError as error:
        return error.msg
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error)
    return "'=' assigns, '==' compares" if isinstance(statement, ast.Assign) else "it is a statement"


def _check_call(words: list[str], word: Word, file: File, library: Library) -> None:
    """Count the arguments: the words behind the function's name, and the results."""
    definition = library.condition_calls.get(words[0])
    if definition is None or definition.decorator_list or library.alone:  # a decorator may take anything
        return
    takes = definition.args
    most = len(takes.posonlyargs) + len(takes.args)
    least, given = most - len(takes.defaults), len(words)
    if given < least or (given > most and takes.vararg is None):
        message = f"{words[0]}({', '.join(map(repr, words[1:]))}{', ' * (given > 1)}results) does not fit its function"
        written = f"def {words[0]}({ast.unparse(takes)}), {shown(str(library.project.conditions))}:{definition.lineno}"
        library.report.add("PXW346", message, span(file.path, word), written)


def _seems_call(words: list[str], known: Collection[str]) -> bool:
    """Does a text that is no Python look like a call of a function that is not there, rather than like prose?"""
    misspelt = bool(difflib.get_close_matches(words[0], known)) if words else False
    return misspelt or (len(words) < PROSE and all(word.isidentifier() for word in words[:1]))


def _check_nodes(
    tree: ast.Expression, word: Word, file: File, library: Library, nodes: Mapping[str, Span | None] | None
) -> None:
    if nodes is None or library.alone:
        return
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Name(id="results"), slice=ast.Constant(value=str(name))) if name not in nodes:
                library.report.unknown("PXW304", f"node '{name}' in a condition", name, span(file.path, word), nodes)


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
    if library.conditions is None and module is not None and module.is_file():
        return  # it is no Python, which is said where it stands
    if library.conditions is None:
        said = f"there is no '{shown(str(module))}'" if module else "eexp_config.py names no PYTHON_CONDITIONS"
        library.report.add("PXW308", f"unknown function '{name}' in a condition", at, said)
        return
    places: dict[str, Span | None] = dict.fromkeys(library.conditions)
    library.report.unknown("PXW308", f"function '{name}' in '{module.name if module else ''}'", name, at, places)
