"""`pxw.Env`: the Python that a task asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pxw.errors import DeclarationError, nearest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Env"]

_VERSION = re.compile(r"3\.(\d+)(\.\d+)?")


@dataclass(frozen=True)
class Env:
    """A Python of its own for a task: made once for each content of its requirements file, and kept.

    Args:
        requirements: a requirements file, as pip reads it; a relative path starts at the file that holds the task.
            Without one, the task runs in a process of its own, with the packages that are installed anyway.
        python: its version, such as `"3.12"`; by default that of the caller.

    Examples:
        >>> Env(python="3.9")
        Traceback (most recent call last):
        pxw.errors.DeclarationError: Env(python='3.9'): pxw needs Python 3.11 or later [PXW401]
          help: pxw.script(..., python_version=...) runs a script with any Python
    """

    requirements: str | Path | None = None
    python: str | None = None

    def __post_init__(self) -> None:
        if self.python is None:
            return
        found = _VERSION.fullmatch(str(self.python))
        if not found:
            raise DeclarationError(f"Env(python={self.python!r}) is no version of Python", help="write it as '3.12'")
        if int(found[1]) < 11:
            raise DeclarationError(
                f"Env(python={self.python!r}): pxw needs Python 3.11 or later",
                help="pxw.script(..., python_version=...) runs a script with any Python",
            )

    def beside(self, folder: Path) -> Path | None:
        """The requirements file of a task in a folder.

        Raises:
            DeclarationError: there is no such file.
        """
        if self.requirements is None:
            return None
        file = folder / self.requirements
        if not file.is_file():
            known = [other.name for other in file.parent.glob("*.txt")] if file.parent.is_dir() else []
            raise DeclarationError(f"there is no requirements file {file}", help=nearest(file.name, known))
        return file
