"""What a script may do in a process of its own, and a function among others may not."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from typing import TYPE_CHECKING

from pxw.convert.scripts.calls import HELPERS
from pxw.convert.scripts.text import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

__all__ = ["SHARED", "hazards", "is_installed", "is_search_path"]

_FILES = "works with files of its own folder"
_DRAWS = "draws with pyplot, whose figures belong to the whole process"
_SEEDS = "seeds a generator that all tasks of a process share"
SHARED = frozenset({_DRAWS, _SEEDS})
"""What does no harm in a process of its own."""
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
        r"sys\.(argv|stdin|stdout|stderr|modules|path|settrace)|os\.(environ|putenv|fork\w*|kill)",
        "reaches for its process",
    ),
    (r"os\.(?!path\.(join|basename|splitext)|cpu_count|linesep|sep|urandom|getpid)\w+.*", _FILES),
    (r"(shutil|glob|pathlib|tempfile)\..*", _FILES),
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
    tree: ast.Module,
    binds: Collection[str],
    folders: Iterable[Path],
    is_text: Callable[[ast.expr], bool],
    *,
    apart: bool = False,
) -> Iterator[Reason]:
    """What keeps a script from becoming a function.

    Args:
        tree: the script.
        binds: the names that it binds: its own `input` is not Python's.
        folders: where modules of its project may be.
        is_text: whether an expression is a text for sure.
        apart: whether it has packages of its own.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _goes_by_path(node, is_text):
            yield Reason(node.lineno, _FILES)
        if not (isinstance(node, ast.Name) and node.id in binds):
            yield from (Reason(getattr(node, "lineno", 1), why) for why in _of_node(node))
    for line, name in _imports(tree):
        if name in _MODULES:
            yield Reason(line, _MODULES[name])
        root = name.partition(".")[0]
        if not root:
            yield Reason(line, "imports from a package that it is not in")
            continue
        if root in sys.stdlib_module_names or root in HELPERS:
            continue
        if any((folder / root).is_dir() or (folder / f"{root}.py").is_file() for folder in folders):
            yield Reason(line, f"imports '{name}' of its project: it must first be made importable from everywhere")
        elif not apart and not is_installed(root):
            yield Reason(line, f"imports '{name}', which is not installed here")


def _of_node(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and node.id in _NAMES:
        yield _NAMES[node.id]
    elif isinstance(node, ast.Attribute):
        said = ast.unparse(node)
        yield from [why for pattern, why in _ATTRIBUTES if re.fullmatch(pattern, said)][:1]
    elif isinstance(node, ast.Global | ast.Nonlocal):
        yield "changes variables of the script from within a function"
    elif isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
        yield f"imports all of '{node.module}', so that nobody can tell whose names are whose"


def _goes_by_path(node: ast.Call, is_text: Callable[[ast.expr], bool]) -> bool:
    """Whether a call reads or writes a file that it names."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
    if not _BY_PATH.fullmatch(name):
        return False
    given = [*node.args[:2], *(each.value for each in node.keywords if each.arg in {"path", "fname", "path_or_buf"})]
    return any(is_text(each) or ast.unparse(each).startswith("os.path.") for each in given if not _is_address(each))


def _is_address(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).startswith(("http://", "https://"))


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module if node.module and not node.level else "."
            yield from (
                (node.lineno, f"{node.module}.{alias.name}") for alias in node.names if node.module == "matplotlib"
            )


def is_installed(root: str) -> bool:
    """Whether a package can be imported here."""
    try:
        return bool(root) and importlib.util.find_spec(root) is not None
    except (ImportError, ValueError):
        return False


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
