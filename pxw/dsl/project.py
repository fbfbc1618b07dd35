"""A project folder: what `eexp_config.py` says about it, read and never executed."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from pxw.dsl.configuration import FOLDERS, MODULES, SECRET, assigned, module_path, read_configuration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pxw.dsl.diagnostics import Report

__all__ = ["CONFIG", "Project", "find_project", "functions", "functions_of"]

CONFIG = "eexp_config.py"


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
    return _project(config.parent, config, read_configuration(config, report))


def _project(root: Path, config: Path | None, values: dict[str, Any]) -> Project:
    paths = {name: _folder(root, name, values.get(setting)) for name, setting in FOLDERS.items()}
    modules = {name: module_path(root, values[setting]) for name, setting in MODULES.items() if values.get(setting)}
    used = {*FOLDERS.values(), *MODULES.values()}
    rest = {name: value for name, value in values.items() if name.isupper() and name not in used}
    secrets = {name: SecretStr(str(rest.pop(name))) for name in list(rest) if any(word in name for word in SECRET)}
    return Project(root=root, config=config, settings=rest, secrets=secrets, **paths, **modules)


def _folder(root: Path, name: str, stated: object) -> Path:
    if isinstance(stated, str | PurePath) and str(stated):
        return root / stated
    return root / name if (root / name).is_dir() else root


def functions(module: Path | None) -> dict[str, int] | None:
    """List the functions that a module defines, with their lines; None if there is no such module to read."""
    try:
        tree = ast.parse(module.read_text(encoding="utf-8-sig")) if module else None
    except (OSError, ValueError, SyntaxError):
        return None
    return functions_of(tree) if tree is not None else None


def functions_of(tree: ast.Module) -> dict[str, int]:
    """List the functions, and other names, that a module defines."""
    found: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[node.name] = node.lineno
        elif isinstance(node, ast.ImportFrom | ast.Import):
            found |= {(alias.asname or alias.name): node.lineno for alias in node.names}
        else:
            found |= {name: node.lineno for name, _ in assigned(node)}
    return found
