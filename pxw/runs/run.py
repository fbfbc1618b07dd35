"""One run of a flow: what its tasks claim, and what it writes to its journal."""

from __future__ import annotations

import os
import shutil
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pxw.addresses import is_url
from pxw.errors import OutputError
from pxw.runs import about, claims, earlier, journal
from pxw.runs.folders import Hold, alone, caller_of, folder_of, safe
from pxw.runs.unseen import none_unseen
from pxw.settings import load_settings
from pxw.specs import DDM, Remote
from pxw.threads import on_its_own

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pxw.settings import Settings
    from pxw.specs import Placed, Ref

__all__ = ["Run", "active", "open_run"]

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
        return self.folder / f"{safe(task)}-{key}" / safe(output)

    def shelf(self, task: str, key: str) -> Placed | None:
        """The folder elsewhere for a task's outputs without a place, if datasets are kept elsewhere.

        In a DDM it is `.../output/<task>`, as in the old system, for the first run of the task; each further run of a
        mapped one has a project of its own below it.
        """
        if not isinstance(self.away, DDM):
            return self.away and self.away.below(f"{safe(task)}-{key}")
        project = DDM(project=f"{self.away.project}/output/{safe(task)[:60]}")
        return project if self._taken(project.address, f"{key} ") is None else project.below(key)

    def claim(self, place: Path | str, owner: str, key: str) -> None:
        """Note that a task run writes to a declared place: a path, or an address elsewhere.

        Raises:
            OutputError: another one of this run has done so, and its dataset would be lost.
        """
        real = str(place) if is_url(str(place)) else os.path.realpath(place)  # `out/../x.csv` is `x.csv`
        mine = f"{key} {owner}"
        other = self._taken(real, mine)
        if other is None and self._claims_away:
            other = claims.taken_away(self._claims_away, real, mine)
        if other is not None:
            raise OutputError(
                f"two outputs of this run go to {place}: {owner}, after {other.partition(' ')[2]}",
                help="give each its own, as in task.with_options(outputs={name: pxw.Local(...)}), or declare none",
            )

    def _taken(self, place: str, owner: str) -> str | None:
        return claims.taken(self.folder / "claims", place, owner)

    @property
    def _claims_away(self) -> Remote | None:
        return self.away.below("claims") if isinstance(self.away, Remote) else None

    def note(self, event: str, **facts: Any) -> None:
        """Append to the journal."""
        journal.note(self.folder, event, facts)

    def note_saved(self, ref: Ref, key: str) -> None:
        """Append what was saved."""
        facts: dict[str, Any] = {"place": ref.place, "rows": ref.rows, "size": ref.size, "digest": ref.digest}
        if ref.place:
            facts |= {"format": ref.format_as_json, "compression": ref.compression, "columns": ref.columns}
        else:
            facts["value"] = ref.value
        if ref.run and ref.run != self.id:
            facts["run"] = ref.run
        self.note("saved", task=ref.task, key=key, output=ref.output, **facts)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the folder from being collected, and be the active run, while the block runs."""
        with closing(Hold(self.folder)), on_its_own():
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
    def noted(self, engine: str = "inline", parameters: Mapping[str, Any] = MappingProxyType({})) -> Iterator[None]:
        """Hold the folder, and write to the journal that the flow started and how it ended.

        What earlier attempts of this run finished is kept for this one; what they left half done is removed.

        Raises:
            RunningError: another process runs it.
        """
        around = active.get()
        with self.held(), alone(self.folder):
            self._begin(around if around is not None and around.id != self.id else None)
            about.write(self.folder, engine, parameters)
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
        if self._claims_away:
            claims.withdraw_away(self._claims_away)
        (self.folder / ".stop").unlink(missing_ok=True)
        attempts = [self.folder]
        if caller is not None:
            attempts += [caller.folder.parent / safe(run) for run in _called(caller, self.flow) if run != self.id]
            caller.note("subflow started", flow=self.flow, run=self.id)
        earlier.gather(self.folder, attempts)
        for task, key in earlier.unfinished(self.folder):
            shutil.rmtree(self.target(task, key, "").parent, ignore_errors=True)
        self.note("flow started", flow=self.flow, run=self.id)

    def takes(self, finished: str, key: str) -> bool:
        """Whether a task run may reuse what one of an earlier attempt finished: the first that asks may."""
        caller = caller_of(self.folder)  # several runs of one subflow ask for the same
        place = caller or self.folder
        return replace(self, folder=place)._taken(f"finished {finished}", key) is None  # noqa: SLF001 - its own class's


def _called(caller: Run, flow: str) -> list[str]:
    """The runs of a subflow that earlier attempts of its caller started."""
    if not earlier.is_there(caller.folder):
        return []
    events = journal.past(caller.folder)
    begins = max(place for place, event in enumerate(events) if event["event"] == "flow started")
    return [event["run"] for event in events[:begins] if event["event"] == "subflow started" and event["flow"] == flow]


def open_run(run_id: str, flow: str, deployment: Callable[[], str] = lambda: "run") -> Run:
    """The run of this id, in whichever process this is; only where a DDM manages datasets is `deployment` asked for."""
    current = active.get()
    if current is not None and current.id == run_id:
        return current
    settings = load_settings()
    return Run(run_id, flow, folder_of(run_id, settings), _away(settings, flow, deployment, safe(run_id)))


def _away(settings: Settings, flow: str, deployment: Callable[[], str], run: str) -> DDM | Remote | None:
    if settings.dataset_management == "DDM":
        return DDM(project=f"{safe(flow)[:60]}/{safe(deployment())[:60]}/{run}")
    return Remote(f"{settings.store_url}/runs/{run}/") if settings.store_url else None
