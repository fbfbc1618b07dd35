"""`pxw deploy`: a workflow or experiment of the old system as a deployment of Prefect."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.runner.storage import LocalStorage
from rich.text import Text

from pxw.cli import DONE, FOUND_ERRORS, deployed
from pxw.cli.console import err, out
from pxw.cli.project_options import ProjectOptions
from pxw.cli.resuming import Asked
from pxw.cli.server import server_url
from pxw.cli.target import is_xxp
from pxw.cli.xxp import Chosen
from pxw.engines.prefect import launching
from pxw.errors import TargetError, nearest
from pxw.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["command"]


def command(
    target: str,
    /,
    *,
    name: str = "local",
    pool: str = "local",
    param: Annotated[list[str], Parameter(name=["--param", "-p"])] = [],  # noqa: B006 - cyclopts copies it
    set: list[str] = [],  # noqa: A002, B006 - the option's name; cyclopts copies it
    project: ProjectOptions = ProjectOptions(),  # noqa: B008 - it is frozen
) -> int:
    """Deploy a workflow or experiment of the old system. (A flow in Python deploys with `prefect deploy`.)

    A worker of the pool runs it in the folder where this command is called. What is said here are defaults: a run can
    be given other parameters.

    Parameters
    ----------
    target
        `file.xxp`, or `file.xxp:Name`.
    name
        The deployment's name.
    pool
        The work pool whose workers run it.
    param
        `Task.parameter=value`, for a workflow.
    set
        `Dataset=place`: read, or write, a dataset elsewhere.
    project
        The other options.
    """
    if not is_xxp(target):
        raise TargetError(
            f"{target} is not a .xxp file", help=f"Prefect deploys flows: prefect deploy {target} -n {name} -p {pool}"
        )
    chosen = Chosen.of(target, Asked(target=target, param=param, set=set, project=project), err())
    if chosen is None:
        return FOUND_ERRORS
    parameters = asdict(project) | {"target": target, "param": _pairs(param), "set": _places(set)}
    given = {key: value for key, value in parameters.items() if value not in (None, {})}
    url = server_url(err(), load_settings().home)
    with launching.at_server(url):
        _deploy(chosen.graph.name, name, pool, given)
    out().print(Text(f"{chosen.graph.name}/{name} is deployed to the work pool {pool!r}; run it with"))
    out().print(Text(f"  export PREFECT_API_URL={shlex.quote(url)}"), soft_wrap=True)
    out().print(Text(f"  prefect worker start --pool {shlex.quote(pool)}"))
    out().print(Text(f"  prefect deployment run {shlex.quote(f'{chosen.graph.name}/{name}')} --watch"))
    return DONE


def _deploy(flow: str, name: str, pool: str, parameters: dict[str, Any]) -> None:
    _refuse_unknown(pool)
    deployment = getattr(deployed, flow).to_deployment(name, parameters=parameters)
    deployment.entrypoint = f"{deployed.__name__}.{flow}"
    deployment.storage = LocalStorage(str(Path.cwd()))  # its runs start in this folder
    deployment.apply(work_pool_name=pool)


def _refuse_unknown(pool: str) -> None:
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(pool)
        except ObjectNotFound:
            known = [each.name for each in client.read_work_pools()]
            make = f"make it with `prefect work-pool create {shlex.quote(pool)} --type process`"
            raise TargetError(
                f"there is no work pool {pool!r}", help=f"{nearest(pool, known)}; {make}" if known else make
            ) from None


def _pairs(texts: Iterable[str]) -> dict[str, str]:
    """`name=value` by name."""
    return {name.strip(): value for name, _, value in (text.partition("=") for text in texts)}


def _places(texts: Iterable[str]) -> dict[str, Any]:
    """Specs, as JSON has them, by dataset."""
    return {
        name: json.loads(place) if place.startswith("{") else {"path": place} for name, place in _pairs(texts).items()
    }
