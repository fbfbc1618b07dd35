"""What Prefect offers around a run: schedules, concurrency limits, automations, secrets."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import prefect
import pytest
from prefect.automations import Automation, EventTrigger
from prefect.blocks.system import Secret
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter
from prefect.client.schemas.objects import FlowRun
from prefect.events.actions import RunDeployment

from tests.conftest import prefect_at
from tests.workers import Worker

FLOW = """
import os
import time
import pxw


@pxw.task(outputs=["count"])
def count(seconds: float) -> int:
    time.sleep(seconds)
    return len(os.environ.get("PXW_DDM_TOKEN", ""))


@pxw.flow
def counting(seconds: float = 0, out: pxw.Local = pxw.Local("count.json")):
    return pxw.save(count(seconds), out)
"""

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("triggers").resolve()
    (folder / "counting.py").write_text(FLOW)
    return folder


@pytest.fixture(scope="module")
def ended(project: Path, prefect_server: str, process_worker: Worker) -> Iterator[Callable[[str, int], list[FlowRun]]]:
    """Wait until so many runs of a deployment have ended: each in the order of its start."""
    with prefect_at(prefect_server), contextlib.chdir(project), get_client(sync_client=True) as client:

        def deploy(name: str, **options: object) -> UUID:
            source = prefect.flow.from_source(source=str(project), entrypoint="counting.py:counting")
            options |= {"parameters": {"out": {"path": f"{name}.json"}, **options.get("parameters", {})}}
            return source.deploy(
                name, work_pool_name=process_worker.pool, ignore_warnings=True, print_next_steps=False, **options
            )

        Secret(value="t0ken").save("ddm-token")
        secret = {"PXW_DDM_TOKEN": "{{ prefect.blocks.secret.ddm-token }}"}
        followed = deploy("followed", job_variables={"env": secret})
        # On runs that were asked for: Prefect emits no event when a schedule makes a run, so that automations on the
        # runs of the next minutes wait a quarter of an hour for it.
        trigger = EventTrigger(
            match_related={"prefect.resource.role": "deployment", "prefect.resource.name": "limited"},
            expect={"prefect.flow-run.Completed"},
        )
        follow = Automation(name="follow", trigger=trigger, actions=[RunDeployment(deployment_id=followed)]).create()
        limited = deploy("limited", concurrency_limit=1, parameters={"seconds": 1})
        for _ in range(2):
            client.create_flow_run_from_deployment(limited)
        deploy("scheduled", interval=timedelta(seconds=10))
        try:
            yield lambda name, number: _ended(client, name, number)
        finally:
            follow.delete()
            Secret.delete("ddm-token")
            for name in ("followed", "limited", "scheduled"):
                client.delete_deployment(client.read_deployment_by_name(f"counting/{name}").id)


def _ended(client: SyncPrefectClient, name: str, number: int) -> list[FlowRun]:
    deadline = time.monotonic() + 120
    while True:
        runs = client.read_flow_runs(deployment_filter=DeploymentFilter(name={"any_": [name]}))
        final = [run for run in runs if run.state and run.state.is_final()]
        if len(final) >= number:
            return sorted(final, key=lambda run: run.start_time)
        assert time.monotonic() < deadline, [(run.name, run.state) for run in runs]
        time.sleep(0.3)


def _completed(runs: list[FlowRun]) -> bool:
    return all(run.state and run.state.is_completed() for run in runs)


def test_a_schedule_starts_runs_by_itself(ended: Callable[[str, int], list[FlowRun]], project: Path) -> None:
    run = ended("scheduled", 1)[0]
    assert _completed([run]), run.state
    assert run.auto_scheduled
    assert (project / "scheduled.json").read_text().strip() == "0"


def test_a_limit_of_one_keeps_a_second_run_waiting(ended: Callable[[str, int], list[FlowRun]]) -> None:
    first, second = ended("limited", 2)
    assert _completed([first, second]), (first.state, second.state)
    assert first.end_time <= second.start_time


def test_an_automation_runs_a_deployment_once_another_has_completed(
    ended: Callable[[str, int], list[FlowRun]], project: Path
) -> None:
    followed, limited = ended("followed", 1)[0], ended("limited", 1)[0]
    assert _completed([followed]), followed.state
    assert limited.end_time <= followed.start_time


def test_a_secret_of_prefect_becomes_a_setting_of_the_run_and_is_kept_nowhere(
    ended: Callable[[str, int], list[FlowRun]], project: Path, process_worker: Worker
) -> None:
    run = ended("followed", 1)[0]
    assert (project / "followed.json").read_text().strip() == str(len("t0ken"))
    assert "t0ken" not in f"{run.job_variables} {run.parameters} {process_worker.said()}"
