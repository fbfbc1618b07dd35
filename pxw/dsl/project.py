"""A project folder: what `eexp_config.py` says about it, read and never executed."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from pxw.workflow import Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pxw.dsl.diagnostics import Report

__all__ = ["CONFIG", "Project", "find_project", "functions"]

CONFIG = "eexp_config.py"
SECRET = ("PASSWORD", "TOKEN", "SECRET", "USERNAME")
FOLDERS = {
    "experiments": "EXPERIMENT_LIBRARY_PATH",
    "workflows": "WORKFLOW_LIBRARY_PATH",
    "tasks": "TASK_LIBRARY_PATH",
    "datasets": "DATASET_LIBRARY_RELATIVE_PATH",
    "dependencies": "PYTHON_DEPENDENCIES_RELATIVE_PATH",
}
MODULES = {"conditions": "PYTHON_CONDITIONS", "configurations": "PYTHON_CONFIGURATIONS"}


@dataclass(frozen=True)
class Project:
    """Where the parts of a project are, and its other settings; the secrets among them apart."""

    root: Path
    experiments: Path
    workflows: Path
    tasks: Path
    datasets: Path
    dependencies: Path
    conditions: Path | None = None
    configurations: Path | None = None
    config: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, SecretStr] = field(default_factory=dict)

    @classmethod
    def around(cls, target: Path) -> Project:
        """Lay the usual folders around a file that has no configuration."""
        folder = target.absolute().parent
        return _project(folder.parent if folder.name in FOLDERS else folder, None, {})


def find_project(target: Path, report: Report, config: Path | None = None) -> Project:
    """Find the project that a file belongs to: the given configuration, the next one upwards, or the usual folders."""
    folder = target.absolute().parent
    config = config or next((each / CONFIG for each in (folder, *folder.parents) if (each / CONFIG).is_file()), None)
    if config is None:
        return Project.around(target)
    config = config.absolute()
    return _project(config.parent, config, _read(config, report))


def _project(root: Path, config: Path | None, values: dict[str, Any]) -> Project:
    paths = {name: _folder(root, name, values.get(setting)) for name, setting in FOLDERS.items()}
    modules = {name: _module(root, values[setting]) for name, setting in MODULES.items() if values.get(setting)}
    used = {*FOLDERS.values(), *MODULES.values()}
    rest = {name: value for name, value in values.items() if name.isupper() and name not in used}
    secrets = {name: SecretStr(str(rest.pop(name))) for name in list(rest) if any(word in name for word in SECRET)}
    return Project(root=root, config=config, settings=rest, secrets=secrets, **paths, **modules)


def _folder(root: Path, name: str, stated: object) -> Path:
    if isinstance(stated, str | PurePath) and str(stated):
        return root / stated
    return root / name if (root / name).is_dir() else root


def _module(root: Path, stated: object) -> Path:
    text = str(stated)
    return root / text if text.endswith(".py") else root / f"{text.replace('.', '/')}.py"


def _read(config: Path, report: Report) -> dict[str, Any]:
    try:
        text = config.read_text(encoding="utf-8-sig")
        report.source(config, text)
        module = ast.parse(text)
    except (OSError, UnicodeDecodeError) as error:
        report.add("PXW350", f"cannot read '{config}': {error}", Span(str(config), 1, 1, 2))
        return {}
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line, column = getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1
        report.add("PXW350", f"not Python: {getattr(error, 'msg', error)}", Span(str(config), line, column, column + 1))
        return {}
    values: dict[str, Any] = {"__file__": str(config)}
    for node in module.body:
        for name, value in _assigned(node):
            try:
                values[name] = _plain(value, values)
            except (_NotPlainError, TypeError, ValueError):
                values.pop(name, None)
                _warn(config, name, value, report)
    return values


class _NotPlainError(Exception):
    """What only running the file could tell."""


def _assigned(node: ast.stmt) -> list[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            return [(target.id, value) for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            return [(name, value)]
    return []


def _warn(config: Path, name: str, value: ast.expr, report: Report) -> None:
    if name in {*FOLDERS.values(), *MODULES.values(), "EXECUTIONWARE", "DATASET_MANAGEMENT"}:
        at = Span(str(config), value.lineno, value.col_offset + 1, value.col_offset + 2)
        report.add("PXW351", f"'{name}' is not a plain value, and is left out", at, "the file is read, not executed")


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


def functions(module: Path | None) -> dict[str, int] | None:
    """List the functions that a module defines, with their lines; None if there is no such module to read."""
    try:
        tree = ast.parse(module.read_text(encoding="utf-8-sig")) if module else None
    except (OSError, ValueError, SyntaxError):
        return None
    if tree is None:
        return None
    found: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[node.name] = node.lineno
        elif isinstance(node, ast.ImportFrom | ast.Import):
            found |= {(alias.asname or alias.name): node.lineno for alias in node.names}
        else:
            found |= {name: node.lineno for name, _ in _assigned(node)}
    return found
