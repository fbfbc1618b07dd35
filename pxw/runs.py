"""A run's folder below `PXW_HOME`: where its intermediates live, and its journal of what happened.

    runs/<run id>/journal.jsonl          one line an event; written by every process of the run, followed by the CLI
    runs/<run id>/<task>-<task run>/     the outputs of one task run
    runs/<run id>/claims/                which task run writes to which declared place
    runs/<run id>/.lock                  locked (shared) by every process that needs the folder
    runs/<run id>/.caller                of a subflow: the run that called it, which needs the folder, too
    runs/<run id>/.running               locked by the process that runs the flow's function
    runs/<run id>/.stop                  the run was interrupted: its scripts end
    runs/<run id>/earlier.json           what earlier attempts of the run finished

A run's folder is removed by `collect` when it is old, or when all folders together are too large; never while a
process holds its lock, and a process that dies holds none.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from pxw import earlier, journal
from pxw.addresses import is_url
from pxw.errors import OutputError, RunningError
from pxw.settings import load_settings
from pxw.specs import DDM, Remote
from pxw.unseen import none_unseen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pxw.settings import Settings
    from pxw.specs import Placed, Ref

__all__ = ["Run", "active", "collect", "folder_of", "hold_for_process", "open_run", "refuse_running"]

active: ContextVar[Run | None] = ContextVar("pxw_run", default=None)
"""The run that the code at hand belongs to, if it belongs to one."""


@dataclass(frozen=True)
class Run:
    """One run of a flow.

    Args:
        id: the flow run's id in Prefect, or one of our own.
        flow: the flow's name.
        folder: where its intermediates live.
        away: where they live instead if datasets are kept in a DDM or an object store.
    """

    id: str
    flow: str
    folder: Path
    away: DDM | Remote | None = None

    def target(self, task: str, key: str, output: str) -> Path:
        """Where an output without a place goes, but for its suffix: no two task runs share it."""
        return self.folder / f"{_safe(task)}-{key}" / _safe(output)

    def shelf(self, task: str, key: str) -> Placed | None:
        """The folder elsewhere for a task's outputs without a place, if datasets are kept elsewhere.

        In a DDM it is `.../output/<task>`, as in the old system, for the first run of the task; each further run of a
        mapped one has a project of its own below it.
        """
        if not isinstance(self.away, DDM):
            return self.away and self.away.below(f"{_safe(task)}-{key}")
        project = DDM(project=f"{self.away.project}/output/{_safe(task)[:60]}")
        return project if self._taken(project.address, f"{key} ") is None else project.below(key)

    def claim(self, place: Path | str, owner: str, key: str) -> None:
        """Note that a task run writes to a declared place: a path, or an address elsewhere.

        Raises:
            OutputError: another one of this run has done so, and its dataset would be lost.
        """
        real = str(place) if is_url(str(place)) else os.path.realpath(place)  # `out/../x.csv` is `x.csv`
        other = self._taken(real, f"{key} {owner}")
        if other is not None:
            raise OutputError(
                f"two outputs of this run go to {place}: {owner}, after {other.partition(' ')[2]}",
                help="give each its own, as in task.with_options(outputs={name: pxw.Local(...)}), or declare none",
            )

    def _taken(self, place: str, owner: str) -> str | None:
        """Who else has taken a place; `None` if this owner has, or takes it now."""
        claims = self.folder / "claims"
        claims.mkdir(parents=True, exist_ok=True)
        mark = claims / hashlib.sha256(os.fsencode(place)).hexdigest()[:32]
        mine = claims / uuid4().hex
        mine.write_text(owner)
        try:
            mark.hardlink_to(mine)  # appears with what it says, or was there before
        except FileExistsError:
            other = mark.read_text()
            return None if other == owner else other
        finally:
            mine.unlink()
        return None

    def note(self, event: str, **facts: Any) -> None:
        """Append to the journal."""
        journal.note(self.folder, event, facts)

    def note_saved(self, ref: Ref, key: str) -> None:
        """Append what was saved."""
        facts: dict[str, Any] = {"place": ref.place, "rows": ref.rows, "size": ref.size}
        if not ref.place:
            facts["value"] = ref.value
        self.note("saved", task=ref.task, key=key, output=ref.output, **facts)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the folder from being collected, and be the active run, while the block runs."""
        with closing(_Hold(self.folder)):
            caller = active.get()
            if caller is not None and caller != self:
                (self.folder / ".caller").write_text(caller.folder.name)
            token = active.set(self)
            try:
                yield
            finally:
                active.reset(token)

    def stop(self) -> None:
        """Tell all processes of this run that it was interrupted."""
        (self.folder / ".stop").touch()

    def is_stopped(self) -> bool:
        """Whether it was interrupted."""
        return os.path.exists(f"{self.folder}/.stop")  # noqa: PTH110 - asked before each task

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Hold the folder, and write to the journal that the flow started and how it ended.

        What earlier attempts of this run finished is kept for this one; what they left half done is removed.

        Raises:
            RunningError: another process runs it.
        """
        around = active.get()
        with self.held(), self._alone():
            self._begin(around if around is not None and around.id != self.id else None)
            try:
                with none_unseen(self.flow):
                    yield
            except BaseException as error:
                if not isinstance(error, Exception):  # Ctrl-C, SIGTERM, a cancelled coroutine
                    self.stop()
                self.note("flow failed", error=f"{type(error).__name__}: {error}"[:500])
                raise
            self.note("flow finished")

    def _begin(self, caller: Run | None) -> None:
        shutil.rmtree(self.folder / "claims", ignore_errors=True)  # a retry of the flow writes the same places
        (self.folder / ".stop").unlink(missing_ok=True)
        attempts = [self.folder]
        if caller is not None:
            attempts += [caller.folder.parent / _safe(run) for run in _called(caller, self.flow) if run != self.id]
            caller.note("subflow started", flow=self.flow, run=self.id)
        earlier.gather(self.folder, attempts)
        for task, key in earlier.unfinished(self.folder):
            shutil.rmtree(self.target(task, key, "").parent, ignore_errors=True)
        self.note("flow started", flow=self.flow, run=self.id)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.folder / ".running").open("a") as running:
            if not _locks(running):
                raise _running(self.folder)
            yield

    def takes(self, finished: str, key: str) -> bool:
        """Whether a task run may reuse what one of an earlier attempt finished: the first that asks may."""
        caller = _caller(self.folder)  # several runs of one subflow ask for the same
        place = caller or self.folder
        return replace(self, folder=place)._taken(f"finished {finished}", key) is None  # noqa: SLF001 - its own class's


def _called(caller: Run, flow: str) -> list[str]:
    """The runs of a subflow that earlier attempts of its caller started."""
    if not earlier.is_there(caller.folder):
        return []
    events = journal.past(caller.folder)
    begins = max(place for place, event in enumerate(events) if event["event"] == "flow started")
    return [event["run"] for event in events[:begins] if event["event"] == "subflow started" and event["flow"] == flow]


def refuse_running(folder: Path) -> None:
    """Refuse to go on with a run that is going on.

    Raises:
        RunningError: a process runs its flow.
    """
    with suppress(FileNotFoundError), (folder / ".running").open("rb") as running:
        if not _locks(running):
            raise _running(folder)


def _running(folder: Path) -> RunningError:
    return RunningError(
        f"run {folder.name} is going on in another process",
        at=str(folder),
        help="wait for its end, or end that process",
    )


def hold_for_process(run: Run) -> None:
    """Keep a run's folder from being collected as long as this process lives: a worker's part of a run."""
    _HELD[run.folder] = _HELD.pop(run.folder) if run.folder in _HELD else _Hold(run.folder)
    while len(_HELD) > 64:  # a worker lives long; the runs that it served last are those that go on
        _HELD.pop(next(iter(_HELD))).close()


class _Hold:
    """A run's folder in use by this process: locked against being collected, its journal open."""

    def __init__(self, folder: Path) -> None:
        self._lock = _share(folder)
        self._journal = journal.OpenJournal(folder)

    def close(self) -> None:
        """Use it no more."""
        self._journal.close()
        self._lock.close()


_HELD: dict[Path, _Hold] = {}


def _share(folder: Path) -> IO[str]:
    """Lock a run's folder against being collected, until what is returned is closed."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            lock = (folder / ".lock").open("a+")  # on NFS, a shared lock asks for permission to read
            fcntl.flock(lock, fcntl.LOCK_SH)
            if os.fstat(lock.fileno()).st_nlink:  # it was not collected before it was locked
                return lock
            lock.close()


@lru_cache(4096)
def _safe(name: str) -> str:
    """A name as a file's: what may not stand there, or leads elsewhere, becomes `_`."""
    return "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in name).lstrip(".")[:100] or "_"


def folder_of(run_id: str, settings: Settings) -> Path:
    """The folder of a run."""
    return settings.runs / _safe(run_id)


def open_run(run_id: str, flow: str, deployment: Callable[[], str] = lambda: "run") -> Run:
    """The run of this id, in whichever process this is; only where a DDM manages datasets is `deployment` asked for."""
    current = active.get()
    if current is not None and current.id == run_id:
        return current
    settings = load_settings()
    return Run(run_id, flow, folder_of(run_id, settings), _away(settings, flow, deployment, _safe(run_id)))


def _away(settings: Settings, flow: str, deployment: Callable[[], str], run: str) -> DDM | Remote | None:
    if settings.dataset_management == "DDM":
        return DDM(project=f"{_safe(flow)[:60]}/{_safe(deployment())[:60]}/{run}")
    return Remote(f"{settings.store_url}/runs/{run}/") if settings.store_url else None


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
        if (too_old or too_much) and _remove(folder, dry_run):
            kept -= size
            removed.append((folder.name, size))
    return removed + _collect_away(settings, now, dry_run)


def _collect_away(settings: Settings, now: float, dry_run: bool) -> list[tuple[str, int]]:
    if not settings.store_url:
        return []
    from pxw.stores import objects  # noqa: PLC0415 - brings obstore

    place = f"{settings.store_url}/runs/"
    before = datetime.fromtimestamp(now - settings.keep_days * 86400, UTC)
    needed = [folder.name for folder in settings.runs.glob("*/") if not _remove(folder, dry_run=True)]
    return [(f"{place}{run}", size) for run, size in objects.collect(place, before, needed, dry_run=dry_run)]


def _can_be_resumed(folder: Path) -> bool:
    """Whether a run, or one that called it, began and did not finish."""
    caller = _caller(folder)
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


def _remove(folder: Path, dry_run: bool) -> bool:
    """Remove a folder, unless some process needs it."""
    with suppress(FileNotFoundError), (folder / ".lock").open("a+") as lock:  # or another process removes it just now
        if not _locks(lock) or _caller_is_needed(folder):
            return False
        if not dry_run:
            shutil.rmtree(folder)
        return True
    return False


def _caller_is_needed(folder: Path) -> bool:
    """Whether a process needs the run that called this one: what a subflow made belongs to its caller, too."""
    with suppress(FileNotFoundError):
        if caller := _caller(folder):
            with (caller / ".lock").open("r+b") as lock:
                return not _locks(lock) or _caller_is_needed(caller)
    return False


def _caller(folder: Path) -> Path | None:
    """The folder of the run that called this one."""
    with suppress(FileNotFoundError):
        return folder.parent / (folder / ".caller").read_text()
    return None


def _locks(lock: IO[Any]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
