"""What can be said of scripts without running them: whether they are Python, and find what they import."""

from __future__ import annotations

import ast
import sys
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

from pxw.compat import Script
from pxw.compat.imports import SUPPLIED, imports_of, is_installed
from pxw.workflow import Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pxw.compat.imports import Import
    from pxw.dsl.diagnostics import Report
    from pxw.workflow import TaskNode

__all__ = ["check_scripts"]


def check_scripts(tasks: Iterable[TaskNode], report: Report) -> None:
    """Note scripts that are no Python, and packages that they import and that are not installed here."""
    alike = {
        (task.script, task.pre_script, task.dependencies, task.requirements, task.python_version): task
        for task in tasks
    }
    for task in alike.values():
        if task.script is None or task.python_version:
            continue  # another Python may read it
        script = Script(path=task.script, dependencies=task.dependencies, pre_script=task.pre_script)
        for path in script.paths:
            text = _text(path, report)
            tree = _parsed(text, path, report) if text else None
            if tree is not None and task.requirements is None and not _looks_elsewhere(text):
                _check_imports(tree, path, script, report)


def _text(path: Path, report: Report) -> str:
    try:
        with tokenize.open(path) as file:
            text = file.read()
    except OSError:
        return ""  # a missing file is told by whoever names it
    except (SyntaxError, UnicodeDecodeError) as error:
        report.add("PXW352", f"a script that cannot be read: {error}", Span(str(path), 1, 1, 2))
        return ""
    report.source(path, text)
    return text


def _parsed(text: str, path: Path, report: Report) -> ast.Module | None:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        start = error.offset or 1
        end = error.end_offset if error.end_lineno == error.lineno and (error.end_offset or 0) > start else start + 1
        at = Span(str(path), error.lineno or 1, start, end or start + 1)
        report.add("PXW352", f"this script is no Python: {error.msg}", at)
    except ValueError as error:  # a null byte
        report.add("PXW352", f"this script is no Python: {error}", Span(str(path), 1, 1, 2))
    return None


def _check_imports(tree: ast.Module, path: Path, script: Script, report: Report) -> None:
    nodes: dict[str, Import] = {}
    for each in imports_of(tree):
        if each.module and not each.is_optional:
            nodes.setdefault(each.module.partition(".")[0], each)
    for root, node in nodes.items():
        if not _is_found(root, script):
            report.add(
                "PXW353",
                f"'{root}' is imported, and neither installed here nor a module of the project",
                Span(str(path), node.line, node.column, node.column + len("import")),
                'install it, or name what the script needs: dependency "folder/**"; venv "requirements.txt";',
            )


def _looks_elsewhere(text: str) -> bool:
    """Whether a script puts folders of its own on `sys.path`."""
    return "sys.path" in text and "dependent_modules_folders" not in text


def _is_found(root: str, script: Script) -> bool:
    if root in sys.stdlib_module_names or root in SUPPLIED:
        return True
    folders = map(Path, script.search_path)
    return any((each / root).is_dir() or (each / f"{root}.py").is_file() for each in folders) or is_installed(root)
