"""Tables that a function parses itself as parameters that are frames: on request, for pxw may read a cell otherwise."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pxw.convert.scripts.headers import formatted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pxw.convert.scripts.given import Source
    from pxw.convert.scripts.writing import TaskCode

__all__ = ["with_frames"]

_PARSED = re.compile(r"(\w+)\.read_(?:csv|parquet)\((?:io\.)?BytesIO\((\w+)\)\)")
_KNOWN = {".csv", ".parquet"}


def with_frames(code: TaskCode, sources: Mapping[str, Source]) -> TaskCode:
    """The same task, given frames of the files that all it does with is `table = pd.read_csv(BytesIO(table_bytes))`.

    Args:
        code: the task.
        sources: what feeds each input.
    """
    for key, source in sources.items():
        if source.is_external and source.suffix in _KNOWN and key in code.inputs:
            code = _lifted(code, key)
    return code


def _lifted(code: TaskCode, key: str) -> TaskCode:
    given = code.inputs[key]
    tree = ast.parse(code.text)
    task = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == code.function)
    taken = {each.arg for each in (*task.args.args, *task.args.kwonlyargs)}
    names = [node.id for each in task.body for node in ast.walk(each) if isinstance(node, ast.Name)]
    for node in task.body:
        said = _PARSED.fullmatch(ast.unparse(node.value)) if isinstance(node, ast.Assign) else None
        if said is None or said[2] != given or not isinstance(node, ast.Assign) or names.count(given) != 1:
            continue
        name = ast.unparse(node.targets[0])
        is_new = len(node.targets) == 1 < len(task.body) and name.isidentifier() and name not in taken
        if is_new and names.index(name) >= _count(task.body[: task.body.index(node)]):
            text = _rewritten(code.text, task, node, (given, name, said[1]))
            return replace(code, text=formatted(text), inputs={**code.inputs, key: name})
    return code


def _count(statements: list[ast.stmt]) -> int:
    return sum(isinstance(each, ast.Name) for statement in statements for each in ast.walk(statement))


def _rewritten(text: str, task: ast.FunctionDef, node: ast.stmt, words: tuple[str, str, str]) -> str:
    """The module with another parameter, and without the statement and the comment on it."""
    given, name, pandas = words
    lines = text.split("\n")
    first, last = node.lineno - 1, node.end_lineno or node.lineno
    while lines[first - 1].lstrip().startswith("#"):
        first -= 1
    top = min(each.lineno for each in task.decorator_list) - 1
    start = min(task.body[0].lineno - 1, first)
    head = "\n".join(lines[top:start])
    head = re.sub(rf"\b{given}: bytes\b", f"{name}: {pandas}.DataFrame", head, count=1)
    head = re.sub(r"inputs=\[[^\]]*\]", lambda found: found[0].replace(f'"{given}"', f'"{name}"'), head, count=1)
    rest = "\n".join([*lines[:top], head, *lines[start:first], *lines[last:]])
    if rest.count("BytesIO") > 1:
        return rest
    return re.sub(r"BytesIO, |, BytesIO\b", "", rest.replace("from io import BytesIO\n", ""))
