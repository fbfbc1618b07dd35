"""What a deployment of a DSL file runs: the same as `pxw run x.xxp`, in the deployment's own flow run.

`pxw.cli.deployed.<Name>` is the flow under the name of a workflow or an experiment: the entrypoint of its deployments.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pxw.cli.console import err
from pxw.cli.faults import WrongUseError
from pxw.cli.project_options import ProjectOptions
from pxw.cli.resuming import Asked
from pxw.cli.xxp import Chosen
from pxw.engines.prefect.flows import Flow, flow
from pxw.engines.prefect.pausing import pause
from pxw.errors import TargetError
from pxw.specs import Spec  # noqa: TC001 - Prefect reads the annotation when a run starts


@flow
def project(
    *,
    target: str,
    workflow: str | None = None,
    experiment: str | None = None,
    param: dict[str, str | int | float | bool] | None = None,
    set: dict[str, Spec] | None = None,  # noqa: A002 - the option's name
    range: Literal["inclusive", "exclusive"] = "inclusive",  # noqa: A002 - the option's name
    seed: int = 0,
    parallel: int | None = None,
    config: str | None = None,
) -> Any:
    """Run a workflow or an experiment of a DSL file.

    Args:
        target: `file.xxp`, or `file.xxp:Name` where it has several.
        workflow: the workflow to run, where the file has several.
        experiment: the experiment to run.
        param: values for parameters of tasks: `{"Train.epochs": 3}`.
        set: other places for datasets of the workflow: `{"Titanic": {"path": "other.csv"}}`.
        range: whether `range(a, b)` includes b, as documented, or not, as in the old engine.
        seed: what random searches draw with.
        parallel: how many runs of a space go on at a time; by default what the project says.
        config: the project's `eexp_config.py`; by default the next one upwards.
    """
    asked = Asked(
        target=target,
        project=ProjectOptions(
            config=config, workflow=workflow, experiment=experiment, range=range, seed=seed, parallel=parallel
        ),
        param=[
            f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in (param or {}).items()
        ],
        set=[f"{name}={spec.model_dump_json(exclude_unset=True, by_alias=True)}" for name, spec in (set or {}).items()],
    )
    try:
        chosen = Chosen.of(target, asked, err())
    except WrongUseError as wrong:
        raise wrong.error from None
    if chosen is None:
        raise TargetError(f"{target} has errors", help=f"`pxw check {target}` tells them")
    missing = chosen.missing_inputs()
    if missing:
        raise missing[0] if len(missing) == 1 else ExceptionGroup(f"{len(missing)} inputs are missing", missing)
    return chosen.flow(inline_only=False, ask=pause).fn()  # its tasks, in this flow run


def __getattr__(name: str) -> Flow[..., Any]:
    if name.startswith("_"):
        raise AttributeError(name)
    return project.with_options(name=name)
