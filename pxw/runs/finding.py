"""Find runs: all of them, the newest first, or the one that a user means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pxw.errors import TargetError, nearest
from pxw.runs.folders import safe
from pxw.runs.history import History, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pxw.settings import Settings

__all__ = ["find", "histories", "meant", "short"]

_LAST = re.compile(r"last(?:~(\d+))?")


def short(run_id: str) -> str:
    """The first digits of an id, which are enough to name a run.

    >>> short("inline-0c8a6b1e-98c1-4f4e-8a3b-1f2e3d4c5b6a"), short("nightly")
    ('0c8a6b1e', 'nightly')
    """
    bare = run_id.removeprefix("inline-")
    return bare[:8] if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bare) else run_id


def histories(settings: Settings, *, called: bool = False) -> Iterator[History]:
    """What the folders of runs tell, the run that did something last first.

    Args:
        settings: they say where the folders are.
        called: also runs that another run called.
    """
    for folder in _folders(settings):
        if called or not (folder / ".caller").exists():
            history = read(folder)
            if history is not None:
                yield history


def _folders(settings: Settings) -> list[Path]:
    used: dict[Path, float] = {}
    for folder in settings.runs.glob("*/"):
        try:
            used[folder] = (folder / "journal.jsonl").stat().st_mtime
        except OSError:  # no run, or collected just now
            continue
    return sorted(used, key=lambda folder: (used[folder], folder.name), reverse=True)


def find(named: str, settings: Settings) -> History:
    """The run of an id, or of the first signs of one; `last` is the newest, `last~1` the one before it.

    Raises:
        TargetError: there is none, or several are meant.
    """
    back = _LAST.fullmatch(named)
    if back:
        return _back(int(back[1] or 0), settings)
    run_id = meant(named, settings)
    found = read(settings.runs / run_id) if run_id == safe(run_id) else None
    if found is not None:
        return found
    known = [folder.name for folder in _folders(settings)]
    near = nearest(named, [*known, *map(short, known)]) if known else ""
    said = f"{near} " if near.startswith("did") else ""
    raise TargetError(f"there is no run {named!r} in {settings.runs}", help=f"{said}`pxw runs ls` lists them")


def meant(named: str, settings: Settings) -> str:
    """The id that begins with these signs; the signs themselves, if none does.

    Raises:
        TargetError: several do.
    """
    known = [folder.name for folder in _folders(settings)]
    found = [run_id for run_id in known if _begins(run_id, named)]
    if named in found or not found:
        return named
    if len(found) > 1:
        shown = ", ".join(found[:8]) + (", ..." if len(found) > 8 else "")
        raise TargetError(f"{named!r} means {len(found)} runs", help=f"write more of its id: {shown}")
    return found[0]


def _begins(run_id: str, signs: str) -> bool:
    return bool(signs) and (run_id.startswith(signs) or run_id.removeprefix("inline-").startswith(signs))


def _back(steps: int, settings: Settings) -> History:
    for number, history in enumerate(histories(settings)):
        if number == steps:
            return history
    raise TargetError(f"there is no run that many back in {settings.runs}", help="`pxw runs ls` lists them")
