"""`pxw init`: a small project that runs at once."""

from __future__ import annotations

import shutil
from pathlib import Path

from rich.text import Text

from pxw.cli.console import out, shown_path
from pxw.errors import TargetError

__all__ = ["command"]

_STARTER = Path(__file__).with_name("starter")
_SUFFIX = ".template"  # so that no tool takes them for code of pxw


def command(folder: Path = Path(), /) -> None:
    """Start a small project that runs at once: a flow of typed tasks, its data, a test, a README.

    Parameters
    ----------
    folder
        Where to; it is made if it is not there, and nothing in it is overwritten.
    """
    files = {_target(folder, source): source for source in sorted(_STARTER.rglob("*")) if source.is_file()}
    there = [target for target in files if target.exists()]
    if there:
        raise TargetError(
            f"{', '.join(map(shown_path, there))} would be overwritten",
            help="name another folder: pxw init my-project",
        )
    for target, source in files.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        out().print(Text.assemble(("+ ", "green"), shown_path(target)))
    enter = "" if folder.resolve() == Path.cwd() else f"cd {shown_path(folder)} && "
    out().print(Text.assemble("\nrun it:  ", (f"{enter}pxw run irises.py", "bold")))
    out().print(Text.assemble("test it: ", (f"{enter}pytest", "bold")))


def _target(folder: Path, source: Path) -> Path:
    relative = source.relative_to(_STARTER)
    return folder / relative.with_name(relative.name.removesuffix(_SUFFIX))
