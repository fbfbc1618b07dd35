"""What stands around the body of a converted module: docstring, imports, constants, the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxw.convert.places import folder
from pxw.convert.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pxw.convert.conditions import Tests
    from pxw.convert.parameters import Argument
    from pxw.convert.wiring import Wiring

__all__ = ["MOST", "framed", "write_constants", "write_main", "write_stubs"]

MOST = 5  # arguments that one may give by position


def framed(docstring: str, body: Source, own: Iterable[str] = ()) -> Source:
    """A whole module: its imports are known when the rest is written.

    Args:
        docstring: of the module.
        body: everything below the imports.
        own: imports of modules that stand beside it.
    """
    top, text = Source(), body.text()
    top.docstring(docstring)
    top.blank(1)
    standard = ["from pathlib import Path"] if "PROJECT = " in text else []
    typing = [name for name, mark in _TYPING.items() if mark in text]
    standard += [f"from typing import {', '.join(typing)}"] if typing else []
    models = [name for name, mark in {"BaseModel": "(BaseModel", "Field": "Field("}.items() if mark in text]
    third = [f"from pydantic import {', '.join(models)}"] if models else []
    own = sorted(own, key=lambda line: (line.startswith("from"), line.split()[1].lower()))
    for group in (standard, ["import pxw", *third], own):
        if group:
            for line in "\n".join(group).splitlines():
                top.add(line)
            top.blank(1)
    top.lines.pop()
    top.append(body)
    return top


_TYPING = {"Annotated": "Annotated[", "Any": "Any]", "Literal": "Literal["}


def write_constants(body: Source, wirings: Iterable[Wiring], root: Path, out: Path, *, below: bool = False) -> None:
    """Write the places of datasets, and the project's folder if they are below it, or what follows is."""
    constants = [
        (name, spec, wiring.workflow.dataset(data).at)
        for wiring in wirings
        for data, (name, spec) in wiring.constants.items()
    ]
    if not constants and not below:
        return
    body.blank(1)
    if below or any("PROJECT" in spec for _, spec, _ in constants):
        body.add(f"PROJECT = {folder(root, out)}")
    for name, spec, at in constants:
        body.add(f"{name} = {spec}", at)


def write_stubs(body: Source, tests: Tests) -> None:
    """Write the functions that a person has to fill in."""
    for name, text in tests.stubs.items():
        body.blank(2)
        body.add(f"def {name}(results: dict[str, Any]) -> bool:")
        body.depth += 1
        body.docstring(f"Decide: {text}")
        body.add('raise NotImplementedError(f"a person decides, given {results}")')
        body.depth -= 1


def write_main(body: Source, flow: str, arguments: Iterable[Argument]) -> None:
    """Write what `python module.py` does, if the flow can be called without arguments."""
    if any(each.default is None for each in arguments):
        return
    body.blank(2)
    body.add('if __name__ == "__main__":')
    body.depth += 1
    body.add(f"{flow}()")
    body.depth -= 1
