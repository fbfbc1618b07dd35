"""How errors look: what happened, where in the user's own files, what to change."""

from __future__ import annotations

import linecache
import sysconfig
import traceback
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from pxw.cli.console import err, shown_path
from pxw.errors import PxwError, SettingsError, TargetError

if TYPE_CHECKING:
    from cyclopts import CycloptsError
    from rich.console import Console

__all__ = ["WrongUseError", "as_json", "exit_code", "show", "show_wrong_use", "user_frames"]


class WrongUseError(Exception):
    """The words on the command line do not fit what they name.

    Args:
        error: what is wrong with them.
    """

    def __init__(self, error: PxwError) -> None:
        super().__init__(error)
        self.error = error


def exit_code(error: BaseException) -> int:
    """2 where the command was used wrongly, 1 where what it runs failed."""
    return 2 if isinstance(error, SettingsError | TargetError | WrongUseError) else 1


def show(error: BaseException, *, console: Console | None = None, full: bool = False) -> None:
    """Print an error: pxw's own with what they know, those of the user's code with the user's frames."""
    console = console or err()
    error = error.error if isinstance(error, WrongUseError) else error
    if full:
        console.print(Text("".join(traceback.format_exception(error)).rstrip(), style="dim"))
    console.print(_worded(error))


def show_wrong_use(error: CycloptsError) -> None:
    """Print what is wrong with a command's arguments."""
    command = " ".join(error.command_chain or ())
    lines = Text.assemble(("error", "bold red"), ": ", (str(error).strip(), "bold"))
    _note(lines, "help", f"pxw {command} --help".replace("  ", " "), "green")
    err().print(lines)


def as_json(error: BaseException) -> dict[str, Any]:
    """An error for other programs; an error of the user's own code has no code."""
    frames = user_frames(error)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{error.filename}:{error.lineno}"
    if isinstance(error, PxwError):
        return {
            "code": error.code,
            "message": error.message,
            "at": error.at or where,
            "details": list(error.details),
            "help": error.help,
        }
    message = "".join(traceback.format_exception_only(error)).strip()
    return {"code": None, "message": message, "at": where, "details": [], "help": ""}


def _of_pxw(error: PxwError) -> Text:
    lines = Text.assemble((f"error[{error.code}]", "bold red"), ": ", (error.message, "bold"))
    frames = user_frames(error)
    if frames:
        _snippet(lines, frames[-1])
    if error.at:
        _note(lines, "at", error.at, "cyan")
    for detail in error.details:
        for line in detail.splitlines():
            lines.append(f"\n   | {line}")
    cause = error.__cause__
    if cause is not None and not isinstance(cause, PxwError) and user_frames(cause):
        lines.append("\n").append_text(_worded(cause, "caused by"))
    if error.help:
        _note(lines, "help", error.help, "green")
    _note(lines, "see", f"reference/errors/#{error.code.lower()}", "dim")
    return lines


def _worded(error: BaseException, label: str = "error") -> Text:
    return _of_pxw(error) if isinstance(error, PxwError) else _of_user(error, label)


def _of_user(error: BaseException, label: str) -> Text:
    message = "".join(traceback.format_exception_only(error)).strip()
    lines = Text.assemble((label, "bold red"), ": ", (message, "bold"))
    for frame in user_frames(error):
        _snippet(lines, frame)
    if not user_frames(error) and not isinstance(error, SyntaxError):
        _note(lines, "note", "no line of your own files took part; --traceback shows what did", "dim")
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and user_frames(cause):
        lines.append("\n").append_text(_worded(cause, "caused by"))
    for member in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        lines.append("\n").append_text(_worded(member))
    return lines


def _note(lines: Text, label: str, words: str, style: str) -> None:
    indented = words.replace("\n", "\n" + " " * (len(label) + 7))
    lines.append(f"\n   = {label}: ", style=style).append(indented, style="dim" if style == "dim" else "")


def _snippet(lines: Text, frame: traceback.FrameSummary) -> None:
    """The line of source that a frame stands on, with its file and number."""
    name = "" if frame.name == "<module>" else f", in {frame.name}"
    lines.append("\n  --> ", style="blue").append(f"{shown_path(frame.filename)}:{frame.lineno}{name}")
    source = linecache.getline(frame.filename, frame.lineno or 0).rstrip()
    if source.strip():
        lines.append(f"\n {frame.lineno} | ", style="blue").append(source.strip())


def user_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames of an error that stand in the user's own files: not in pxw, Prefect, another package, or Python."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename:
        return []  # its message names the place
    return [frame for frame in frames if _is_users(frame.filename)]


def _is_users(filename: str) -> bool:
    # Compiled packages name source files that are not there.
    return not filename.startswith(_foreign()) and Path(filename).is_file()


@cache
def _foreign() -> tuple[str, ...]:
    """The folders of packages and of Python itself."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = {sysconfig.get_path(kind) for kind in kinds} | {str(Path(__file__).parents[1])}
    return tuple(f"{folder}/" for folder in sorted(folders))
