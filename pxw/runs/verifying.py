"""Read intermediates again, and tell those that are not what was written."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pxw.errors import PxwError
from pxw.runs.finding import histories
from pxw.runs.folders import locks
from pxw.specs import Local
from pxw.stores import digests, local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pxw.runs.history import History, Saved
    from pxw.settings import Settings

__all__ = ["Looked", "intermediates", "remove"]


@dataclass(frozen=True)
class Looked:
    """An intermediate that was read again.

    Args:
        run: whose it is.
        name: `task.output`.
        saved: what was noted when it was written.
        verdict: `unknown` where an earlier pxw noted no digest.
    """

    run: History
    name: str
    saved: Saved
    verdict: Literal["whole", "damaged", "missing", "unknown"]


def intermediates(settings: Settings) -> Iterator[Looked]:
    """Read all intermediates of this machine again that finished tasks of any run left."""
    for run in histories(settings, called=True):
        own = run.folder.resolve()
        found = {
            saved.place: (f"{name}.{saved.output}", saved)
            for name, task in run.named.items()
            if task.state in {"done", "reused"}  # others may have been removed before they were tried again
            for saved in task.saved.values()
            if Path(saved.place).resolve().is_relative_to(own)  # a journal may be anybody's: what is removed is not
        }
        for name, saved in found.values():
            verdict = _verdict(saved)
            if run.folder.exists():  # else it was collected meanwhile
                yield Looked(run, name, saved, verdict)


def _verdict(saved: Saved) -> Literal["whole", "damaged", "missing", "unknown"]:
    try:
        found = local.find(Local(saved.place))
        if not saved.digest:
            return "unknown"
        digest = digests.digest(found.path) if found.files is None else digests.digest_of_folder(found)
    except (PxwError, OSError):
        return "damaged" if Path(saved.place).exists() else "missing"
    return "whole" if digest == saved.digest else "damaged"


def remove(looked: Looked) -> bool:
    """Remove a damaged intermediate, so that its task runs again; not while a process needs the run."""
    with suppress(FileNotFoundError), (looked.run.folder / ".lock").open("a+") as lock:
        if not locks(lock):
            return False
        path = Path(looked.saved.place)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return True
