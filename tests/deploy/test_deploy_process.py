"""Deployed flows: a real server, a real worker of a pool of processes, and `serve`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import prefect
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import PrefectHTTPStatusError
from prefect.types.entrypoint import EntrypointType

import pxw.cli
from pxw.importing import find_flow
from tests.conftest import prefect_at
from tests.workers import Worker, end_group

FLOW = """
import pandas as pd
import pxw


@pxw.task(inputs=["people"], outputs=["adults"])
def grown_up(people: pd.DataFrame, age: int) -> pd.DataFrame:
    return people[people["age"] >= age]


@pxw.flow
def adults(
    raw: pxw.Local | pxw.DDM = pxw.Local("data/people.csv"),
    out: pxw.Local | pxw.DDM = pxw.Local("results/adults.csv"),
    age: int = 18,
):
    return pxw.save(grown_up(raw, age), out)


if __name__ == "__main__":
    adults.serve("served")
"""
WORKFLOW = """
workflow Halve {
  START -> Cut -> END;
  task Cut { implementation "cut"; param by = 1; }
  define input data Whole;
  define output data Half;
  configure data Whole { path "data/people.csv"; }
  configure data Half { path "results/half.txt"; }
  Whole --> Cut.whole;
  Cut.half --> Half;
}
"""
SCRIPT = """
import proactive_helper as ph

lines = ph.load_dataset(variables, resultMap, "whole").decode().split()
left = "\\n".join(lines[int(variables["by"]):])
ph.save_dataset(variables, resultMap, "half", left.encode())
"""

pytestmark = pytest.mark.server


def _files(folder: Path) -> None:
    for name, text in {
        "adults.py": FLOW,
        "gone.py": FLOW,
        "pxw.toml": 'home = "own-home"\n',
        "data/people.csv": "age\n7\n40\n",
        "w.xxp": WORKFLOW,
        "tasks/cut/task.py": SCRIPT,
        "eexp_config.py": "TASK_LIBRARY_PATH = 'tasks'\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a flow, a workflow of the old system, their data and their settings."""
    folder = tmp_path_factory.mktemp("project").resolve()
    _files(folder)
    return folder


@pytest.fixture(scope="module")
def runs(project: Path, prefect_server: str, process_worker: Worker) -> Iterator[dict[str, FlowRun]]:
    """Runs of several deployments, all at once: each as it ended, by a name."""
    pool = process_worker.pool
    with prefect_at(prefect_server), contextlib.chdir(project):
        for name in ("adults", "gone"):
            deployed = prefect.flow.from_source(source=str(project), entrypoint=f"{name}.py:adults")
            deployed.deploy(name, work_pool_name=pool, ignore_warnings=True, print_next_steps=False)
        find_flow("adults.py").deploy(
            "module", work_pool_name=pool, entrypoint_type=EntrypointType.MODULE_PATH, ignore_warnings=True
        )
        assert pxw.cli.main(["deploy", "w.xxp", "--name", "dev", "--pool", pool, "-p", "Cut.by=2"]) == 0
        (project / "gone.py").unlink()
        with _serving(project, prefect_server), get_client(sync_client=True) as client:
            yield _ended(client, _started(client, project))


@contextlib.contextmanager
def _serving(project: Path, url: str) -> Iterator[None]:
    environment = {name: value for name, value in os.environ.items() if name != "PXW_HOME"}
    environment |= {"PREFECT_API_URL": url, "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
    with (project / "serve.txt").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "adults.py"],
            cwd=project,
            env=environment,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        yield
    finally:
        end_group(process)


def _started(client: SyncPrefectClient, project: Path) -> dict[str, UUID]:
    absolute = {"path": str(project / "data/people.csv")}
    asked = {
        "plain": ("adults/adults", {"raw": {"path": "data/people.csv"}, "out": {"path": "results/plain.csv"}}, {}),
        "settings": (
            "adults/adults",
            {"out": {"path": "results/other.csv"}},
            {"PXW_HOME": str(project / "other-home")},
        ),
        "missing": ("adults/adults", {"raw": {"path": "data/pepole.csv"}}, {}),
        "gone": ("adults/gone", {}, {}),
        "passing": ("adults/module", {"raw": absolute}, {"PYTHONPATH": str(project)}),
        "xxp": ("Halve/dev", {}, {}),
        "xxp with other values": (
            "Halve/dev",
            {"param": {"Cut.by": 0}, "set": {"Half": {"path": "results/all.txt"}}},
            {},
        ),
        "served": ("adults/served", {"out": {"path": "results/served.csv"}}, None),
    }
    return {
        name: _start(client, deployment, parameters, environment)
        for name, (deployment, parameters, environment) in asked.items()
    }


def _start(client: SyncPrefectClient, deployment: str, parameters: dict, environment: dict[str, str] | None) -> UUID:
    deadline = time.monotonic() + 120
    while True:  # until `serve` has made its deployment
        try:
            found = client.read_deployment_by_name(deployment)
            break
        except prefect.exceptions.ObjectNotFound:
            assert time.monotonic() < deadline, deployment
            time.sleep(0.2)
    variables = None if environment is None else {"env": environment}
    return client.create_flow_run_from_deployment(found.id, parameters=parameters, job_variables=variables).id


def _ended(client: SyncPrefectClient, started: dict[str, UUID]) -> dict[str, FlowRun]:
    ended: dict[str, FlowRun] = {}
    deadline = time.monotonic() + 500
    while len(ended) < len(started):
        assert time.monotonic() < deadline, f"not ended: {started.keys() - ended.keys()}"
        time.sleep(0.3)
        for name in started.keys() - ended.keys():
            run = client.read_flow_run(started[name])
            if run.state and run.state.is_final():
                ended[name] = run
    return ended


def _state(run: FlowRun) -> tuple[str, str]:
    assert run.state
    return run.state.name, run.state.message or ""


def test_relative_paths_start_at_the_folder_that_a_flow_was_deployed_from(
    runs: dict[str, FlowRun], project: Path
) -> None:
    assert _state(runs["plain"])[0] == "Completed", runs["plain"].state
    assert (project / "results/plain.csv").read_text() == "age\n40\n"


def test_so_does_pxw_toml_and_the_environment_of_a_run_wins(runs: dict[str, FlowRun], project: Path) -> None:
    assert _state(runs["settings"])[0] == "Completed", runs["settings"].state
    assert (project / "own-home/runs" / str(runs["plain"].id)).is_dir()
    assert (project / "other-home/runs" / str(runs["settings"].id)).is_dir()


def test_a_missing_file_is_an_error_that_tells_where_it_was_looked_for(runs: dict[str, FlowRun], project: Path) -> None:
    name, message = _state(runs["missing"])
    assert name == "Failed"
    assert f"there is no {project}/data/pepole.csv [PXW103]" in message
    assert f"'data/pepole.csv' from the working directory {project}" in message
    assert "did you mean 'people.csv'?" in message


def test_a_missing_flow_file_is_named(runs: dict[str, FlowRun], process_worker: Worker) -> None:
    name, message = _state(runs["gone"])
    assert name in {"Failed", "Crashed"}
    assert "gone.py" in message + process_worker.said()


def test_an_output_that_would_be_removed_with_the_worker_s_folder_is_an_error(runs: dict[str, FlowRun]) -> None:
    name, message = _state(runs["passing"])
    assert name == "Failed"
    assert "results/adults.csv would be removed when the run ends" in message
    assert "give the output an absolute path" in message


def test_a_served_flow_runs_in_the_folder_of_its_process(runs: dict[str, FlowRun], project: Path) -> None:
    assert _state(runs["served"])[0] == "Completed", (project / "serve.txt").read_text()
    assert (project / "results/served.csv").read_text() == "age\n40\n"


def test_a_workflow_of_the_old_system_runs_as_a_deployment(runs: dict[str, FlowRun], project: Path) -> None:
    assert _state(runs["xxp"])[0] == "Completed", runs["xxp"].state
    assert (project / "results/half.txt").read_text() == "40"
    assert _state(runs["xxp with other values"])[0] == "Completed", runs["xxp with other values"].state
    assert (project / "results/all.txt").read_text() == "age\n7\n40"


def test_a_wrong_spec_is_refused_before_there_is_a_run(runs: dict[str, FlowRun], prefect_server: str) -> None:
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("adults/adults")
        with pytest.raises(PrefectHTTPStatusError, match=r"raw.*pth"):
            client.create_flow_run_from_deployment(deployment.id, parameters={"raw": {"pth": "data/people.csv"}})


def test_the_schema_of_a_deployment_tells_what_a_spec_is(runs: dict[str, FlowRun], prefect_server: str) -> None:
    with get_client(sync_client=True) as client:
        schema = client.read_deployment_by_name("adults/adults").parameter_openapi_schema
    assert schema
    kinds = [each["$ref"].rpartition("/")[2] for each in schema["properties"]["raw"]["anyOf"]]
    assert kinds == ["Local", "DDM"]
    assert schema["definitions"]["Local"]["required"] == ["path"]
    assert schema["definitions"]["Local"]["properties"]["path"]["description"].startswith("Path of a file")
