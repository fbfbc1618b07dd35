"""The folder that a Prefect worker makes for one flow run, and removes after it: no place for an output."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path
from tempfile import gettempdir

from pxw.errors import PlaceError

__all__ = ["refuse_passing"]


def refuse_passing(path: Path) -> None:
    """Refuse to write an output to a place that is gone when the run has ended.

    Raises:
        PlaceError: the path is below such a folder.
    """
    if "PREFECT__FLOW_RUN_ID" not in os.environ:  # no worker started this process
        return
    passing = next((folder for folder in path.parents if _is_passing(folder)), None)
    if passing is not None:
        raise PlaceError(
            f"{path} would be removed when the run ends: {passing} is the folder that the worker made for it",
            at=f"the working directory {Path.cwd()}",
            help="give the output an absolute path; or let the deployment run in a folder that stays, with the "
            "pull step set_working_directory or the job variable working_dir",
        )


def _is_passing(folder: Path) -> bool:
    """Whether this is a process worker's temporary directory, or where `serve` downloads code to."""
    named = folder.parent == Path(gettempdir()).resolve() and fnmatch(folder.name, "tmp*prefect")
    return named or str(folder) == os.environ.get("PREFECT__STORAGE_BASE_PATH")
