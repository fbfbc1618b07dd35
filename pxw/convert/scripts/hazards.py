"""What a script may do in a process of its own, and a function among others may not."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from pxw.compat.imports import full_name
from pxw.convert.scripts.text import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["hazards", "hazards_of_script", "hazards_of_uses", "is_search_path"]

_FILES = "works with files of its own folder"
_DRAWS = "draws with pyplot, whose figures belong to the whole process"
_SEEDS = "seeds a generator that all tasks of a process share"
_SHARED = {_DRAWS, _SEEDS}
_NAMES = {
    **dict.fromkeys(["exec", "eval", "compile", "globals", "locals", "vars", "__import__"], "looks into its own names"),
    **dict.fromkeys(["__file__", "__name__", "__doc__"], "asks where or as what it runs"),
    **dict.fromkeys(["exit", "quit"], "ends the process"),
    **dict.fromkeys(["open", "Path"], _FILES),
    "input": "asks a person",
}
_ATTRIBUTES = [
    (r"sys\.(exit|_exit)|os\._exit|os\.abort", "ends the process"),
    (
        r"sys\.(argv|stdin|stdout|stderr|modules|path|settrace)|os\.(environ|putenv|getenv|fork\w*|kill)",
        "reaches for its process",
    ),
    (r"os\.(?!path\.(join|basename|splitext)|path$|cpu_count|linesep|sep|urandom|getpid)\w+.*", _FILES),
    (r"(shutil|glob|pathlib|tempfile)\..*", _FILES),
    (r"(importlib|pkgutil|runpy)\.(?!metadata\b).*", "imports or reads what only a run can find"),
    (r".*\.(plot|hist|boxplot)", _DRAWS),
    (r"(\w+\.)*(seed|set_seed|manual_seed|set_random_seed)", _SEEDS),
]
_MODULES = {
    **dict.fromkeys(["matplotlib.pyplot", "seaborn", "pylab"], _DRAWS),
    "multiprocessing": "starts processes",
    "subprocess": "starts processes",
    "signal": "reaches for its process",
    "glob": _FILES,
    "shutil": _FILES,
}
_BY_PATH = re.compile(
    r"(read|to|write|load|save)_(csv|json|excel|parquet|pickle|feather|hdf|orc|stata|xml|table|fwf|html|file|model)"
    r"|savefig|save|savez|savez_compressed|savetxt|loadtxt|genfromtxt|load_model|imread|imwrite|dump|load"
)


def hazards(
    tree: ast.AST,
    aliases: Mapping[str, str],
    is_pythons: Callable[[str], bool],
    is_text: Callable[[ast.expr], bool],
) -> Iterator[Reason]:
    """What code does that it may do only in a process of its own, or nowhere but in its folder.

    Args:
        tree: the code.
        aliases: what imported names stand for.
        is_pythons: whether a name is not bound there: its own `input` is not Python's.
        is_text: whether an expression is a text for sure.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _goes_by_path(node, is_text):
            yield _reason(node.lineno, _FILES)
        if isinstance(node, ast.Name) and node.id in _NAMES and is_pythons(node.id):
            yield _reason(node.lineno, _NAMES[node.id])
        elif isinstance(node, ast.Name | ast.Attribute):
            for name in {ast.unparse(node), full_name(node, aliases)} - {getattr(node, "id", "")}:
                yield from [_reason(node.lineno, why) for pattern, why in _ATTRIBUTES if re.fullmatch(pattern, name)][
                    :1
                ]


def hazards_of_script(tree: ast.Module) -> Iterator[Reason]:
    """What keeps a script, as a whole, from being the body of a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield Reason(node.lineno, "changes variables of the script from within a function")
        elif isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            text = f"imports all of '{node.module}', so that nobody can tell whose names are whose"
            yield Reason(node.lineno, text)
        if isinstance(node, ast.Import):
            yield from (_reason(node.lineno, _MODULES[each.name]) for each in node.names if each.name in _MODULES)
        elif isinstance(node, ast.ImportFrom):
            names = {node.module or "", *(f"{node.module}.{each.name}" for each in node.names)}
            yield from (_reason(node.lineno, _MODULES[name]) for name in names & _MODULES.keys())


def hazards_of_uses(tree: ast.AST, aliases: Mapping[str, str]) -> Iterator[Reason]:
    """What code uses of modules that a script may not even import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            why = _MODULES.get(full_name(node, aliases))
            if why:
                yield _reason(node.lineno, why)


def _reason(line: int, message: str) -> Reason:
    return Reason(line, message, is_shared=message in _SHARED)


def _goes_by_path(node: ast.Call, is_text: Callable[[ast.expr], bool]) -> bool:
    """Whether a call reads or writes a file that it names."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
    if not _BY_PATH.fullmatch(name):
        return False
    given = [*node.args[:2], *(each.value for each in node.keywords if each.arg in {"path", "fname", "path_or_buf"})]
    return any(is_text(each) or ast.unparse(each).startswith("os.path.") for each in given if not _is_address(each))


def _is_address(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).startswith(("http://", "https://"))


def is_search_path(node: ast.stmt) -> bool:
    """Whether a statement only puts `dependent_modules_folders` on `sys.path`: the first line of most scripts."""
    if isinstance(node, ast.For) and not node.orelse:
        body, source = [ast.unparse(each) for each in node.body], ast.unparse(node.iter)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.ListComp):
        body, source = [ast.unparse(node.value.elt)], ast.unparse(node.value.generators[0].iter)
    else:
        return False
    is_path = all(re.fullmatch(r"sys\.path\.(append|insert)\([^;]*\)", each) for each in body)
    return is_path and bool(re.match(r"variables(\.get\(|\[)'dependent_modules_folders'", source))
