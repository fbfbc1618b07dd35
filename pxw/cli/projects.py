"""`pxw check x.xxp`: what is wrong with a project of the old system."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from pxw.cli import DONE, FOUND_ERRORS
from pxw.cli.console import out
from pxw.dsl.rendering import render_gcc, render_json, render_rich
from pxw.dsl.resolve import check_syntax, files_of, merged, resolve
from pxw.errors import TargetError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pxw.dsl.diagnostics import Diagnostic
    from pxw.dsl.resolve import Resolution

__all__ = ["check", "counted", "resolved", "split"]


def check(targets: Sequence[str], *, config: str | None, syntax: bool, json: bool, gcc: bool) -> int:
    """Judge DSL files, each with its whole project, or by their syntax alone; 3 if there are errors."""
    files = [file for target in targets for file in files_of(split(target)[0], tasks=syntax)]
    found = check_syntax(files) if syntax else merged([resolved(file, config) for file in files])
    if json:
        sys.stdout.write(render_json(found) + "\n")
    elif gcc:
        if found:
            sys.stdout.write(render_gcc(found) + "\n")
    else:
        console = out()
        if found:
            console.print(render_rich(found, console.width))
        console.print(counted(found))
    return FOUND_ERRORS if any(each.severity == "error" for each in found) else DONE


def counted(found: Sequence[Diagnostic]) -> Text:
    """How many problems of which kind there are."""
    counts = {kind: sum(each.severity == kind for each in found) for kind in ("error", "warning")}
    words = [f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in counts.items() if count]
    style = "bold red" if counts["error"] else "bold yellow" if found else "bold green"
    return Text(", ".join(words) or "no errors", style=style)


def split(target: str) -> tuple[Path, str]:
    """File and name of a target.

    >>> split("w.xxp:Train"), split("w.xxp")
    ((PosixPath('w.xxp'), 'Train'), (PosixPath('w.xxp'), ''))
    """
    file, _, name = target.rpartition(":") if ".xxp:" in target else (target, "", "")
    return Path(file), name


def resolved(file: Path, config: str | None) -> Resolution:
    """Read a file with its project.

    Raises:
        TargetError: there is no such file, or no such configuration.
    """
    for path in (file, Path(config)) if config else (file,):
        if path.is_dir():
            raise TargetError(f"{path} is a folder", help=f"name a {path.suffix} file" if path.suffix else "")
        if not path.is_file():
            known = [other.name for other in path.parent.glob(f"*{path.suffix}")] if path.parent.is_dir() else []
            remedy = nearest(path.name, known) if known else f"there is no *{path.suffix} in {path.parent.absolute()}"
            raise TargetError(f"there is no file {path}", help=remedy)
    return resolve(file, config)
