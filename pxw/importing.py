"""Import a user's file with Prefect's decorators, or with the inline ones."""

from __future__ import annotations

import importlib.util
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxw.errors import TargetError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

__all__ = ["find_flow", "import_file", "is_inline"]

_INLINE: ContextVar[bool] = ContextVar("pxw_inline", default=False)


def is_inline() -> bool:
    """Whether a file is being imported for a run without Prefect."""
    return _INLINE.get()


@contextmanager
def inline() -> Iterator[None]:
    """While this block imports, `pxw.task` and `pxw.flow` are the inline ones."""
    token = _INLINE.set(True)
    try:
        yield
    finally:
        _INLINE.reset(token)


def import_file(path: Path) -> ModuleType:
    """Import a file as a module of its own name, with its folder importable, as `python file.py` would have it.

    A file in a package, which has an `__init__.py` beside it, is the package's module, so that `from .other import it`
    works in it.
    """
    if not path.is_file():
        if path.is_dir():
            raise TargetError(f"{path} is a folder", help="name a .py file, or a .xxp file")
        known = [other.name for other in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise TargetError(f"there is no file {path}", help=nearest(path.name, known))
    _make_importable(path.parent.absolute())
    before = set(sys.modules)
    name = _name_in_package(path.absolute()) or path.stem
    if name in sys.modules and name not in before:
        return sys.modules[name]  # the package's `__init__.py` has just imported it
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path} is not a Python file", help="name a .py file, or a .xxp file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _name_in_package(path: Path) -> str:
    """What a file is called in its package, which is imported; empty if it is in none that goes by that name."""
    folder, package = path.parent, ""
    while (folder / "__init__.py").is_file():
        folder, package = folder.parent, f"{folder.name}.{package}"
    if not package:
        return ""
    _make_importable(folder)
    found = importlib.import_module(package.rstrip("."))
    is_ours = Path(found.__file__ or "").absolute() == path.with_name("__init__.py")
    return package + path.stem if is_ours else ""  # else the folder has the name of another package: `code`, `types`


def _make_importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def find_flow(target: str) -> Any:
    """The flow that `file.py` or `file.py:flow` names.

    Raises:
        TargetError: no such file or flow, or several flows and none of them named.
    """
    file, _, name = target.rpartition(":") if ".py:" in target else (target, "", "")
    module = import_file(Path(file))
    flows = {
        key: value for key, value in vars(module).items() if _is_flow(value) and value.__module__ == module.__name__
    }
    if name:
        if name not in flows:
            raise TargetError(f"{file} has no flow {name!r}", help=nearest(name, flows))
        return flows[name]
    if len(flows) == 1:
        return next(iter(flows.values()))
    if not flows:
        raise TargetError(f"{file} has no flow", help="decorate a function with @pxw.flow")
    raise TargetError(f"{file} has {len(flows)} flows", help=f"name one: {', '.join(f'{file}:{key}' for key in flows)}")


def _is_flow(value: Any) -> bool:
    """Whether this is a flow: one of ours, or Prefect's own."""
    kinds = [("pxw.engines.inline", "InlineFlow"), ("prefect", "Flow")]
    classes = [getattr(sys.modules.get(module), name, None) for module, name in kinds]
    return any(isinstance(kind, type) and isinstance(value, kind) for kind in classes)
