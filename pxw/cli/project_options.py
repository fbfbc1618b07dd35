"""The options of a `.xxp` file, the same for each command that runs it or has it run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cyclopts import Parameter

__all__ = ["ProjectOptions"]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ProjectOptions:
    """Which workflow or experiment of a `.xxp` file is meant, and how its spaces are run.

    Parameters
    ----------
    config
        Of a `.xxp` file: the project's `eexp_config.py`; by default the next one upwards.
    workflow
        Of a `.xxp` file: the workflow to run, where it has several.
    experiment
        Of a `.xxp` file: the experiment to run.
    range
        Of a `.xxp` experiment: whether `range(a, b)` includes b, as documented, or not, as in the old engine.
    seed
        Of a `.xxp` experiment: what its random searches draw with.
    parallel
        Of a `.xxp` experiment: how many runs of each space go on at a time; by default what `eexp_config.py` says
        under `MAX_WORKFLOWS_IN_PARALLEL_PER_NODE`, or 1.
    """

    config: str | None = None
    workflow: str | None = None
    experiment: str | None = None
    range: Literal["inclusive", "exclusive"] = "inclusive"
    seed: int = 0
    parallel: int | None = None
