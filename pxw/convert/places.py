"""Where the datasets of a project are, as specs in Python."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from pxw.convert.source import quoted
from pxw.workflow import DDMPlace, LocalPlace

if TYPE_CHECKING:
    from pxw.workflow import Place

__all__ = ["folder", "relative", "spec"]


def spec(place: Place | None, root: Path, run: str = "") -> str | None:
    """A place as a spec, below the folder PROJECT; None if the DSL names no place.

    Args:
        place: where the dataset is.
        root: the project's folder.
        run: a folder of its own for one run of a space, in which `{number}` may stand.
    """
    match place:
        case LocalPlace(path, "directory"):
            return f"pxw.Local(f{_quoted('{PROJECT}', relative(path, root), run, '')})"
        case LocalPlace(path):
            below = PurePath(relative(path, root))
            text = _quoted(below.parent.as_posix() if run and below.parent.name else "", run, below.name)
            return f"pxw.Local(PROJECT / {_formatted(text)})" if run else f"pxw.Local(PROJECT / {quoted(str(below))})"
        case DDMPlace(str(project), name):
            where = _formatted(_quoted(project, run)) if run else quoted(project)
            return f"pxw.DDM(project={where}{f', name={quoted(name)}' if name is not None else ''})"
    return None


def _quoted(*parts: str) -> str:
    """Parts of a path in one text; those of the DSL keep their braces where it is formatted."""
    formatted = any("{" in part for part in parts)
    kept = ("{PROJECT}", "{number}")
    shown = [part if any(each in part for each in kept) or not formatted else _escaped(part) for part in parts]
    return quoted("/".join(part for index, part in enumerate(shown) if part or index == len(parts) - 1))


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _formatted(text: str) -> str:
    return f"f{text}" if "{number}" in text else text


def folder(root: Path, out: Path) -> str:
    """The project's folder, seen from a module in `out`."""
    steps = relative(root, out)
    if steps == ".":
        return "Path(__file__).parent"
    if set(steps) <= {".", "/"}:
        return f"Path(__file__).parents[{steps.count('..')}]"
    return f"Path(__file__).parent / {quoted(steps)}"


def relative(path: Path | str, start: Path) -> str:
    """A path from a folder, with slashes."""
    return Path(os.path.relpath(path, start)).as_posix()
