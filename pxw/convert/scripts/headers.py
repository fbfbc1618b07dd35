"""The imports of a module, as ruff would sort them."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pxw.convert.source import WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["formatted", "header", "is_standard", "single_imports"]


def header(imports: Iterable[str], is_own: Callable[[str], bool] = lambda _: False) -> str:
    """Write imports, the standard library's first, the project's last; what one module gives is imported by one line.

    Args:
        imports: each of them.
        is_own: whether a module is one of the project.

    >>> print(header(["import pxw", "from io import StringIO", "from io import BytesIO", "import os"]))
    import os
    from io import BytesIO, StringIO
    <BLANKLINE>
    import pxw
    """
    plain: set[str] = set()
    members: dict[str, set[str]] = {}
    for node in ast.parse("\n".join(imports)).body:
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            members.setdefault(module, set()).update(map(_written, node.names))
        elif isinstance(node, ast.Import):
            plain |= set(map(_written, node.names))
    groups: list[str] = []

    def group(module: str) -> str:
        return "own" if is_own(module.partition(" ")[0]) else _group(module)

    for wanted in ("__future__", "standard", "other", "own"):
        lines = [f"import {name}" for name in sorted(plain, key=_natural) if group(name) == wanted]
        modules = [module for module in sorted(members, key=_natural) if group(module) == wanted]
        lines += [f"from {module} import {', '.join(sorted(members[module], key=_rank))}" for module in modules]
        groups += ["\n".join(lines)] if lines else []
    return "\n\n".join(groups)


def single_imports(node: ast.stmt) -> list[tuple[str, str, str]]:
    """What a statement imports: the name that it binds, the package, and the import alone."""
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        root = module.partition(".")[0]
        return [(each.asname or each.name, root, f"from {module} import {ast.unparse(each)}") for each in node.names]
    found = node.names if isinstance(node, ast.Import) else []
    roots = [(each, each.name.partition(".")[0]) for each in found]
    return [(each.asname or root, root, f"import {ast.unparse(each)}") for each, root in roots]


def _written(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name


def _group(module: str) -> str:
    root = re.split(r"[. ]", module)[0]
    return root if root == "__future__" else "standard" if root in sys.stdlib_module_names else "other"


def _natural(name: str) -> tuple[str, str]:
    return name.lower(), name


def _rank(name: str) -> tuple[int, str, str]:
    """Constants, then classes, then functions."""
    is_constant = name.isupper() and len(name) > 1
    return (0 if is_constant else 1 if name[:1].isupper() else 2, *_natural(name))


def is_standard(module: str) -> bool:
    """Whether a module is of the standard library."""
    return _group(module) != "other"


def formatted(text: str) -> str:
    """The text as ruff leaves it, where ruff is installed; else as it is."""
    ruff = shutil.which("ruff", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if ruff is None:
        return text
    done = subprocess.run(  # noqa: S603 - our own words
        [ruff, "format", "--isolated", "--line-length", str(WIDTH), "-"],
        input=text,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return done.stdout if not done.returncode else text
