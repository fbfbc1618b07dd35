"""What `eexp_config.py` says: its assignments, computed without running anything, and what is odd about them."""

from __future__ import annotations

import ast
import difflib
import re
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from pxw.errors import nearest
from pxw.workflow import Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pxw.dsl.diagnostics import Report

__all__ = ["FOLDERS", "MODULES", "SECRET", "assigned", "module_path", "read_configuration", "read_module"]

FOLDERS = {
    "experiments": "EXPERIMENT_LIBRARY_PATH",
    "workflows": "WORKFLOW_LIBRARY_PATH",
    "tasks": "TASK_LIBRARY_PATH",
    "datasets": "DATASET_LIBRARY_RELATIVE_PATH",
    "dependencies": "PYTHON_DEPENDENCIES_RELATIVE_PATH",
}
MODULES = {"conditions": "PYTHON_CONDITIONS", "configurations": "PYTHON_CONFIGURATIONS"}
PATHS = frozenset({*FOLDERS.values(), *MODULES.values()})
LIBRARIES = frozenset({"EXPERIMENT_LIBRARY_PATH", "WORKFLOW_LIBRARY_PATH", "TASK_LIBRARY_PATH"})
PARALLEL = "MAX_WORKFLOWS_IN_PARALLEL_PER_NODE"
CHOICES = {"DATASET_MANAGEMENT": ("LOCAL", "DDM")}
OTHERS = ("EXECUTIONWARE", "DDM_URL", "DATASET_MANAGEMENT_URL", "PORTAL_USERNAME", "PORTAL_PASSWORD")
KNOWN = frozenset({*PATHS, *CHOICES, *OTHERS, PARALLEL})
SECRET = ("PASSWORD", "TOKEN", "SECRET", "USERNAME")
SECRETS = re.compile(rf"(\b\w*(?:{'|'.join(SECRET)})\w*\s*[=:]\s*).*", re.IGNORECASE)
LIKE = 0.85  # so near is a misspelt name; other settings of a project are its own affair


def read_configuration(config: Path, report: Report) -> dict[str, Any]:
    """Read the assignments of a configuration."""
    module = read_module(config, report)
    return _Configuration(config, module, report).values if module else {}


def read_module(path: Path, report: Report) -> ast.Module | None:
    """Read a Python file of the project; None, and a diagnostic at its line, if it is none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        report.source(path, _masked(text))
        return ast.parse(text)
    except (OSError, UnicodeDecodeError) as error:
        report.add("PXW350", f"cannot read '{path}': {error}", Span(str(path), 1, 1, 2))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line, column = getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1
        report.add("PXW350", f"not Python: {getattr(error, 'msg', error)}", Span(str(path), line, column, column + 1))
    return None


def _masked(text: str) -> str:
    """Hide what may be a secret: the line of a problem is shown."""
    return "\n".join(SECRETS.sub(r"\1...", line) for line in text.split("\n"))


class _Configuration:
    """Computes the values of one configuration, and judges those that pxw reads."""

    def __init__(self, config: Path, module: ast.Module, report: Report) -> None:
        self.config, self.report = config, report
        self.values: dict[str, Any] = {"__file__": str(config)}
        top = [(name, value) for node in module.body for name, value in assigned(node)]
        for name, value in top:
            try:
                self.values[name] = _plain(value, self.values)
                self._judge(name, value)
            except (_NotPlainError, TypeError, ValueError):
                self.values.pop(name, None)
                self._left_out(name, value, "is not a plain value, and is left out")
        self._inside(module, {id(value) for _, value in top})

    def _say(self, code: str, message: str, node: ast.expr, remedy: str = "") -> None:
        end = node.end_col_offset if node.end_lineno == node.lineno else None
        at = Span(str(self.config), node.lineno, node.col_offset + 1, (end or node.col_offset + 1) + 1)
        self.report.add(code, message, at, remedy)

    def _left_out(self, name: str, value: ast.expr, why: str) -> None:
        if name in KNOWN:
            self._say("PXW351", f"'{name}' {why}", value, "the file is read, not executed")

    def _inside(self, module: ast.Module, known: set[int]) -> None:
        """Note settings inside of an `if` or a function, where only running the file would set them."""
        for node in ast.walk(module):
            for name, value in assigned(node) if isinstance(node, ast.stmt) else ():
                if id(value) not in known and name not in self.values:
                    self._left_out(name, value, "is not set at the top of the file, and is left out")

    def _judge(self, name: str, node: ast.expr) -> None:
        value = self.values[name]
        if name in PATHS and value is not None:
            self._path(name, value, node)
        elif name in CHOICES and value not in CHOICES[name]:
            remedy = nearest(str(value), CHOICES[name])
            self._say("PXW333", f"'{name}' is {value!r}", node, remedy)
        elif name == PARALLEL and (type(value) is not int or value < 1):
            self._say("PXW333", f"'{name}' is {value!r}", node, "it must be a whole number from 1 on")
        elif name.isupper() and name not in KNOWN:
            self._misspelt(name, node)

    def _misspelt(self, name: str, node: ast.expr) -> None:
        close = difflib.get_close_matches(name, KNOWN, n=1, cutoff=LIKE)
        if close:
            self._say("PXW354", f"nothing reads the setting '{name}'", node, f"did you mean '{close[0]}'?")

    def _path(self, name: str, value: object, node: ast.expr) -> None:
        if not isinstance(value, str | PurePath):
            self._say("PXW332", f"'{name}' is {value!r}, and should be a path", node)
        elif name in MODULES.values() and str(value):
            path = module_path(self.config.parent, value)
            self._there(path.is_file(), name, path, node, path.parent.glob("*.py"))
        elif name in LIBRARIES and str(value):
            path = self.config.parent / value
            self._there(path.is_dir(), name, path, node, (each for each in path.parent.glob("*") if each.is_dir()))

    def _there(self, is_there: bool, name: str, path: Path, node: ast.expr, others: Iterable[Path]) -> None:
        if not is_there:
            present = [each.name for each in others if each != self.config and not each.name.startswith((".", "__"))]
            self._say(
                "PXW354", f"'{name}' leads to '{path.name}', which is not there", node, nearest(path.name, present)
            )


def module_path(root: Path, stated: object) -> Path:
    """Find the file of a module that a setting names."""
    text = str(stated)
    return root / text if text.endswith(".py") else root / f"{text.replace('.', '/')}.py"


class _NotPlainError(Exception):
    """What only running the file could tell."""


def assigned(node: ast.stmt) -> list[tuple[str, ast.expr]]:
    """List the names that a statement assigns to, with what."""
    match node:
        case ast.Assign(targets=targets, value=value):
            return [(target.id, value) for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            return [(name, value)]
    return []


def _plain(node: ast.expr, known: dict[str, Any]) -> Any:  # noqa: C901, PLR0911 - one case for each kind of expression
    """Compute what needs no running: constants, names, joined strings and paths."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name) if name in known:
            return known[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_plain(operand, known)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _plain(left, known) + _plain(right, known)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return Path(_plain(left, known)) / _plain(right, known)
        case ast.JoinedStr(values=parts):
            return "".join(str(_plain(part, known)) for part in parts)
        case ast.FormattedValue(value=value, format_spec=None, conversion=-1):
            return _plain(value, known)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_plain(element, known) for element in elements]
        case ast.Dict(keys=keys, values=values) if all(keys):
            return {_plain(key, known): _plain(each, known) for key, each in zip(keys, values, strict=True) if key}
        case ast.Attribute(value=value, attr="parent"):
            return Path(_plain(value, known)).parent
        case ast.Call(func=function, args=arguments, keywords=[]):
            return _call(ast.unparse(function), [_plain(each, known) for each in arguments], known)
    raise _NotPlainError


def _call(function: str, arguments: list[Any], known: dict[str, Any]) -> Any:
    here = Path(known["__file__"])
    match function.removeprefix("pathlib."), arguments:
        case "os.path.join", [_, *_]:
            return str(Path(*arguments))
        case "os.path.dirname", [path]:
            return str(Path(path).parent)
        case (("os.path.abspath" | "os.path.realpath"), [path]):
            return str(here.parent / path)
        case (("os.getcwd" | "Path.cwd"), []):
            return str(here.parent)
        case (("Path" | "str"), [value]):
            return str(value)
    raise _NotPlainError
