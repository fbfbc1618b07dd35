"""Run a script as `python script.py` would, with `variables` and `resultMap` among its globals."""

from __future__ import annotations

import ast
import atexit
import contextlib
import importlib
import os
import sys
import types
from typing import TYPE_CHECKING, Any

from . import task as tasks
from .watch import end_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main"]

_OURS = (os.path.dirname(os.path.dirname(os.path.abspath(__file__))), contextlib.__file__)

# What scripts of the old system use without importing it.
_FALLBACKS = {
    "BytesIO": "io.BytesIO",
    "StringIO": "io.StringIO",
    "io": "io",
    "json": "json",
    "os": "os",
    "pickle": "pickle",
    "sys": "sys",
}


def main() -> None:
    """Run the script of the manifest that the command line names."""
    manifest, *folders, pipe = sys.argv[1:]
    end_with_parent(int(pipe))
    task = tasks.start(manifest)
    sys.path[1:1] = folders
    atexit.register(_end, task)
    for script in task.scripts:
        run(task, script)


def run(task: tasks.Task, script: str) -> None:
    """Run a script of the task; an exception is shown as the script's own, and ends the process."""
    sys.argv[:] = [script]
    module = types.ModuleType("__main__")
    module.__file__ = script
    sys.modules["__main__"] = module
    try:
        code, names = _compiled(script)
        vars(module).update(_supplied(names), variables=task.variables, resultMap=task.result_map)
        exec(code, vars(module))  # this is what the process is for
    except SystemExit as stop:
        if stop.code not in (None, 0):
            task.fail(kind="exit", text=str(stop.code), **_place(stop, script))
            raise
    except BaseException as error:
        import traceback

        if isinstance(error, SyntaxError) and error.filename == script:
            error.__traceback__ = None  # no frame of the script took part
        _prune(error, set())
        traceback.print_exception(type(error), error, error.__traceback__)
        text = traceback.format_exception_only(type(error), error)[-1].strip()
        task.fail(kind="exception", text=text, input=getattr(error, "refused", ""), **_place(error, script))
        sys.exit(1)


def _end(task: tasks.Task) -> None:
    """After the last thread has ended."""
    if not task.is_here:
        return
    try:
        task.hand_on()
    except Exception as error:
        task.fail(kind="exception", text=f"{type(error).__name__}: {error}")
    task.tell({"ended": True})


def _compiled(path: str) -> Any:
    """The script's code, and the names that it uses and nowhere binds as a global."""
    with open(path, "rb") as file:
        tree = ast.parse(file.read(), path)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return compile(tree, path, "exec", dont_inherit=True), used - set(_bound(tree))


def _bound(tree: ast.AST) -> Iterator[str]:
    """Names that a module's own statements bind; those inside of its functions and classes are theirs."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        yield from _bound(node)


def _supplied(names: set[str]) -> dict[str, Any]:
    return {name: _import(_FALLBACKS[name]) for name in names & set(_FALLBACKS)}


def _import(name: str) -> Any:
    module, _, attribute = name.partition(".")
    found = importlib.import_module(module)
    return getattr(found, attribute) if attribute else found


def _place(error: BaseException, script: str) -> dict[str, Any]:
    """Where in the script it happened."""
    import traceback

    if isinstance(error, SyntaxError) and error.filename == script:
        return {"file": script, "line": error.lineno}
    found: dict[str, Any] = {}
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == script:
            found = {"file": script, "line": frame.lineno, "function": frame.name}
    return found


def _prune(error: BaseException | None, seen: set[int]) -> None:
    """Leave our own frames out of a traceback."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    frames = []
    trace = error.__traceback__
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(_OURS):
            frames.append(trace)
        trace = trace.tb_next
    kept = None
    for frame in reversed(frames):
        kept = types.TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    error.__traceback__ = kept
    _prune(error.__cause__, seen)
    _prune(error.__context__, seen)
