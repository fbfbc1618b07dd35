"""A deployment's run whose process is killed is found dead, and goes on from its finished tasks."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import prefect
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State

from tests.bench.killing import PROJECT, SCRIPT, descendants
from tests.workers import Worker

pytestmark = pytest.mark.server


def test_a_killed_run_is_found_dead_and_ends_completed_after_a_retry(
    tmp_path: Path, prefect_server: str, process_worker: Worker
) -> None:
    (tmp_path / "project.py").write_text(PROJECT)
    (tmp_path / "script.py").write_text(SCRIPT)
    deployed = prefect.flow.from_source(source=str(tmp_path), entrypoint="project.py:project")
    deployment = deployed.deploy("killed", work_pool_name=process_worker.pool, ignore_warnings=True)
    with get_client(sync_client=True) as client:
        variables = {"env": {"PXW_HOME": str(tmp_path / "home")}}
        run = client.create_flow_run_from_deployment(deployment, job_variables=variables).id
        journal = tmp_path / f"home/runs/{run}/journal.jsonl"
        _wait(lambda: journal.exists() and b'"measure"' in journal.read_bytes())
        for pid in descendants(process_worker.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert _end(client, run).name == "Crashed"
        # Prefect tells of the death twice; the second time would end a run that goes on already.
        _wait(lambda: "flow_runs.worker - Check whether the flow run exceeded" in process_worker.said())
        subprocess.run([sys.executable, "-m", "prefect", "flow-run", "retry", str(run)], check=True)
        assert _end(client, run).name == "Completed", process_worker.said()
    events = [json.loads(line[line.rfind('{"at"') :]) for line in journal.read_text().splitlines()]
    finished = Counter((event["task"], event["call"]) for event in events if event["event"] == "finished")
    assert set(finished.values()) == {1}
    assert sum(event["event"] == "reused" for event in events) >= 7
    assert not [path for path in tmp_path.rglob("*") if "pxw-tmp" in path.name]


def _end(client: SyncPrefectClient, run: UUID) -> State:
    deadline = time.monotonic() + 120
    while not (state := client.read_flow_run(run).state).is_final():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return state


def _wait(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
