"""What is removed of old runs: their folders, and what they left in an object store."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pxw.runs import journal
from pxw.runs.folders import caller_of, remove

if TYPE_CHECKING:
    from pathlib import Path

    from pxw.settings import Settings

__all__ = ["collect"]


def collect(settings: Settings, *, now: float | None = None, dry_run: bool = False) -> list[tuple[str, int]]:
    """Remove the folders of runs that are older than `keep_days`, and the oldest beyond `keep_gb`.

    Size is no reason to remove a run that did not finish, and can be resumed.

    In an object store, which others may share, only age counts.

    Returns:
        The id and the bytes of each run removed; of each that would be, in a `dry_run`.
    """
    now = time.time() if now is None else now
    used = {folder: _last_used(folder) for folder in settings.runs.glob("*/")}
    kept = 0
    removed: list[tuple[str, int]] = []
    for folder in sorted(used, key=used.__getitem__, reverse=True):
        size = sum(map(_size, folder.rglob("*")))
        kept += size
        too_old = now - used[folder] > settings.keep_days * 86400
        too_much = kept > settings.keep_gb * 1e9 and not _can_be_resumed(folder)
        if (too_old or too_much) and remove(folder, dry_run):
            kept -= size
            removed.append((folder.name, size))
    return removed + _collect_away(settings, now, dry_run)


def _collect_away(settings: Settings, now: float, dry_run: bool) -> list[tuple[str, int]]:
    if not settings.store_url:
        return []
    from pxw.stores import objects  # noqa: PLC0415 - brings obstore

    place = f"{settings.store_url}/runs/"
    before = datetime.fromtimestamp(now - settings.keep_days * 86400, UTC)
    needed = [folder.name for folder in settings.runs.glob("*/") if not remove(folder, dry_run=True)]
    return [(f"{place}{run}", size) for run, size in objects.collect(place, before, needed, dry_run=dry_run)]


def _can_be_resumed(folder: Path) -> bool:
    """Whether a run, or one that called it, began and did not finish."""
    caller = caller_of(folder)
    is_finished = journal.last(folder) in {"", "flow finished"}
    return not is_finished or (caller is not None and _can_be_resumed(caller))


def _last_used(folder: Path) -> float:
    for path in (folder / "journal.jsonl", folder):
        with suppress(FileNotFoundError):
            return path.stat().st_mtime
    return 0  # another process has just removed it


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size if path.is_file() else 0
    return 0
