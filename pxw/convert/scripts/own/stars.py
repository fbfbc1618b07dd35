"""`from common.cleaning import *` in a script, as the names that it uses."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from pxw.convert.scripts.headers import single_imports
from pxw.convert.scripts.own.module import Module
from pxw.convert.scripts.scopes import PYTHONS, use_of
from pxw.convert.scripts.text import decoded

if TYPE_CHECKING:
    from pxw.convert.scripts.own.places import SearchPath

__all__ = ["spelled_out"]


def spelled_out(source: str, path: SearchPath) -> str:
    """The script with the names that it uses in the place of stars; every line keeps its number.

    A star stays where nobody can tell what it gives, or where the script binds one of its names itself.
    """
    tree, lines = ast.parse(source), source.split("\n")
    stars = [each for each in tree.body if isinstance(each, ast.ImportFrom) and each.names[0].name == "*"]
    if not stars:
        return source
    use = use_of(*(each for each in tree.body if each not in stars))
    left = set(use.reads)
    for node in reversed(stars):  # the last one binds a name for good
        given = _given(node.module or "", path, set()) if not node.level else None
        is_line = ast.get_source_segment(source, node) == lines[node.lineno - 1].partition("#")[0].strip()
        if given is None or not is_line or given.keys() & (use.binds | use.inner | (PYTHONS & left)):
            return source
        lines[node.lineno - 1] = _written(node.module or "", {name: given[name] for name in given.keys() & left})
        left -= given.keys()
    return "\n".join(lines)


def _given(name: str, path: SearchPath, seen: set[str]) -> dict[str, str] | None:
    """What a star gives: each name, and how it is imported if it is another package's; None if nobody can tell."""
    place = path.find(name)
    if place is None or place.file is None or name in seen:
        return None
    seen.add(name)
    try:
        tree = ast.parse(decoded(place.file.read_bytes()))
        module = Module(tree, name, place.package)
    except (SyntaxError, ValueError):
        return None
    foreign = _foreign(tree, path)
    found = {each: foreign.get(each, "") for one in module.statements for each in one.use.binds | one.use.inner}
    for star in module.stars:
        found = {**(_given(star, path, seen) or {}), **found}
    listed = _listed(module)
    if listed is not None:
        return {each: found.get(each, "") for each in listed}
    return None if "__all__" in found else {each: text for each, text in found.items() if not each.startswith("_")}


def _listed(module: Module) -> list[str] | None:
    """What `__all__` says, if it is written out."""
    match [each.node for each in module.binding("__all__")]:
        case [ast.Assign(value=ast.List(elts=items) | ast.Tuple(elts=items))]:
            texts = [each.value for each in items if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            return texts if len(texts) == len(items) else None
    return None


def _foreign(tree: ast.Module, path: SearchPath) -> dict[str, str]:
    """The imports of installed packages, by the names that they bind."""
    imports = [each for node in tree.body for each in single_imports(node)]
    return {name: text for name, root, text in imports if root and path.find(root) is None}


def _written(module: str, names: dict[str, str]) -> str:
    own = sorted(name for name, text in names.items() if not text)
    first = f"from {module} import {', '.join(own)}" if own else f"import {module}"
    return "; ".join([first, *sorted({text for text in names.values() if text})])
