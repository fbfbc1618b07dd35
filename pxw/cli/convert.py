"""`pxw convert`: write the workflows and experiments of `.xxp` files as Python, or as canonical DSL."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from rich.text import Text

from pxw.cli import DONE, FOUND_ERRORS
from pxw.cli.console import err, print_json, shown_path
from pxw.cli.console import out as console
from pxw.cli.projects import counted, resolved
from pxw.convert import convert
from pxw.dsl.emit_xxp import print_project
from pxw.dsl.rendering import render_rich
from pxw.errors import DSLError

__all__ = ["command"]


def command(
    target: Path,
    /,
    *,
    out: Path = Path("flows"),
    to: Literal["python", "xxp"] = "python",
    tasks: bool = False,
    frames: bool = False,
    range: Literal["inclusive", "exclusive"] = "inclusive",  # noqa: A002 - the option's name
    config: Path | None = None,
    force: bool = False,
    json: bool = False,
) -> int:
    """Write `.xxp` files as Python, with a report of what was decided, dropped or needs a person.

    Parameters
    ----------
    target
        A `.xxp` file, or the folder of a whole project.
    out
        The folder for the modules, the report and the map of lines.
    to
        `xxp` prints one file as canonical DSL instead.
    tasks
        Make typed functions of the scripts, too; one that cannot become one safely stays a script, and the report says
        why.
    frames
        As --tasks; and what a function only parses, as with `pd.read_csv` or `json.loads`, comes to it parsed. pxw may
        read a cell of a table otherwise: `007` stays text. The report names each.
    range
        Whether `range(a, b)` includes b, as documented, or not, as in the old engine.
    config
        The project's `eexp_config.py`, where it is not found from the file upwards.
    force
        Overwrite files that a person changed since the last conversion.
    json
        Print one JSON object: `files` and `entries`.
    """
    try:
        if to == "xxp":
            sys.stdout.write(_as_xxp(target, config))
            return DONE
        made = convert(target, out, config, tasks=tasks, frames=frames, inclusive=range == "inclusive")
        paths = made.write(force=force)
    except DSLError as error:
        if not error.diagnostics:
            raise
        told = err()
        told.print(render_rich(error.diagnostics, told.width))
        told.print(counted(error.diagnostics))
        return FOUND_ERRORS
    if json:
        print_json({"files": [str(path) for path in paths], "entries": [vars(each) for each in made.entries]})
        return DONE
    for path in paths:
        console().print(Text(shown_path(path)))
    people = sum(each.kind == "person" for each in made.entries)
    if people:
        noun = "thing needs" if people == 1 else "things need"
        console().print(Text(f"{people} {noun} a person: see {shown_path(made.out / 'conversion.md')}", style="yellow"))
    return DONE


def _as_xxp(target: Path, config: Path | None) -> str:
    found = resolved(target, str(config) if config else None).raise_errors()
    return print_project(found.workflows.values(), found.experiments.values(), found.project)
