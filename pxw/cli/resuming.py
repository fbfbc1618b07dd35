"""What `pxw run` was asked for: kept in the run's folder, so that `--resume` can ask for it again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from pxw.cli.faults import WrongUseError
from pxw.cli.project_options import ProjectOptions  # noqa: TC001 - pydantic reads the annotation
from pxw.errors import TargetError, nearest
from pxw.runs import folder_of, journal, refuse_running
from pxw.runs.finding import meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pxw.settings import Settings

__all__ = ["Asked"]

_NAME = "asked.json"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a command line asks to run; `pxw.cli.run.command` says what each part means."""

    target: str
    param: list[str]
    set: list[str]
    project: ProjectOptions
    inline: bool = False
    folder: str = ""
    resume: str = ""

    def remember(self, folder: Path) -> None:
        """Keep it in a run's folder."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / _NAME
        path.touch(mode=0o600)  # parameters may be nobody else's business
        path.write_text(json.dumps(asdict(replace(self, folder=str(Path.cwd()), resume=""))))

    def resuming(self, run_id: str, settings: Settings) -> Asked:
        """What the run of this id was asked for, with its id; `last` is the newest that did not finish.

        Raises:
            WrongUseError: no such run, or one that was started elsewhere, or something else is asked for now.
            RunningError: it goes on.
        """
        run_id = next(_unfinished(settings), (run_id, ""))[0] if run_id == "last" else meant(run_id, settings)
        folder = folder_of(run_id, settings)
        if not journal.size(folder):
            raise WrongUseError(_unknown(run_id, settings))
        refuse_running(folder)
        if not (folder / _NAME).exists():  # a worker ran it, or Python itself
            return replace(self, resume=run_id)
        first = TypeAdapter(Asked).validate_json((folder / _NAME).read_bytes())
        if self.param or self.set or self.target not in {"", first.target}:
            raise WrongUseError(
                TargetError(
                    f"run {run_id} keeps its target and parameters: {first.words()}",
                    help=f"pxw run --resume {run_id}; for other ones start a new run",
                )
            )
        if not Path.cwd().samefile(first.folder):
            raise WrongUseError(TargetError(f"run {run_id} was started in {first.folder}", help="go there first"))
        return replace(first, resume=run_id)

    def words(self) -> str:
        """Target and parameters as they are typed."""
        return " ".join([self.target, *(f"-p {each}" for each in self.param), *(f"--set {each}" for each in self.set)])


def _unknown(run_id: str, settings: Settings) -> TargetError:
    left = dict(_unfinished(settings))
    known = [f"{run} ({flow})" for run, flow in left.items()]
    said = nearest(run_id, left)
    if not said.startswith("did"):
        said = f"runs that did not finish: {', '.join(known[:8])}" if known else "every run that is kept has finished"
    return TargetError(f"there is no run {run_id!r} in {settings.runs}", help=said)


def _unfinished(settings: Settings) -> Iterator[tuple[str, str]]:
    """The runs that can be resumed, the newest first, and their flows; subflows go with their callers."""
    folders = [folder for folder in settings.runs.glob("*/") if not (folder / ".caller").exists()]
    for folder in sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True):
        if journal.last(folder) not in {"", "flow finished"}:
            yield folder.name, next((event.get("flow", "") for event in journal.past(folder)), "")
