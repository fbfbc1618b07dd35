"""A deployed flow on workers that share nothing but an object store: no disk, no folder of code, no network."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import prefect
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun

import pxw
from tests import isolation
from tests.conftest import prefect_at
from tests.s3 import S3Server, s3_server
from tests.workers import Worker, worker

FLOWS = """
from pathlib import Path

import pandas as pd
from prefect.deployments import run_deployment

import pxw


@pxw.task(outputs=["numbers"])
def count(n: int) -> pd.DataFrame:
    return pd.DataFrame({"numbers": range(n)})


@pxw.task(inputs=["parts"], outputs=["whole"])
def join(parts: list[pd.DataFrame], times: int = 1) -> pd.DataFrame:
    return pd.concat(parts) * times


@pxw.task(inputs=["left", "right"], outputs=["both"])
def both(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([left, right])


@pxw.flow
def first(out: pxw.Remote, other: str) -> pxw.Ref:
    print(f"sees {Path(other).name}: {Path(other, 'flows.py').exists()}", flush=True)
    parts = count.map([10_000, 20_000]).result()
    whole = join(parts)
    parameters = {"whole": whole, "parts": parts, "out": out}
    run = run_deployment("second/two", parameters=parameters, timeout=300, poll_interval=0.5)
    assert run.state.is_completed(), run.state
    return pxw.save(both(out, whole), pxw.Remote("s3://lab/out/first.parquet"))


@pxw.flow
def second(whole: pxw.Ref, parts: list[pxw.Ref], out: pxw.Remote) -> pxw.Ref:
    twice = [join.submit([whole, *parts], times) for times in (1, 2)]  # both read the same
    return pxw.save(join(twice), out)
"""

pytestmark = pytest.mark.server


@dataclass(frozen=True)
class Outcome:
    """What came of a run of `first`, which calls `second` on another worker."""

    run: FlowRun
    said: dict[str, str]
    gets: dict[str, int]
    store: S3Server


@pytest.fixture(scope="module")
def outcome(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """Each worker has a folder with a copy of the code, and all its homes; neither sees the other's."""
    parent = tmp_path_factory.mktemp("isolated").resolve()
    with s3_server(parent) as store, prefect_at(prefect_server), contextlib.ExitStack() as stack:
        store.make_bucket("lab")
        folders = {"one": parent / "one", "two": parent / "two"}
        for folder in folders.values():
            folder.mkdir()
            (folder / "flows.py").write_text(FLOWS)
        workers = _workers(stack, folders, store, prefect_server)
        for name, flow in (("one", "first"), ("two", "second")):
            deployed = prefect.flow.from_source(source=str(folders[name]), entrypoint=f"flows.py:{flow}")
            deployed.deploy(name, work_pool_name=name, ignore_warnings=True, print_next_steps=False)
        run = _ended("first/one", {"out": {"url": "s3://lab/out/second.parquet"}, "other": str(folders["two"])})
        said = {name: each.said() for name, each in workers.items()}
        yield Outcome(run, said, dict(store.asked("GET")), store)


def _workers(
    stack: contextlib.ExitStack, folders: dict[str, Path], store: S3Server, prefect_server: str
) -> dict[str, Worker]:
    ports = [urlsplit(url).port or 0 for url in (store.url, prefect_server)]
    bridge = None if isolation.why_not() else stack.enter_context(isolation.bridge(ports))
    workers = {}
    for name, folder in folders.items():
        environment = store.environment | {
            "PREFECT_API_URL": prefect_server,
            "PREFECT_HOME": f"{folder}/prefect",
            "PXW_HOME": f"{folder}/home",
            "PXW_STORE": "s3://lab/runs-of-all",
        }
        hidden = [other for other in folders.values() if other != folder]
        within = isolation.inside(bridge, ports, hidden) if bridge else []
        workers[name] = stack.enter_context(worker(name, folder, environment, within=within))
    return workers


def _ended(deployment: str, parameters: dict[str, object]) -> FlowRun:
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(deployment)
        run = client.create_flow_run_from_deployment(found.id, parameters=parameters)
        deadline = time.monotonic() + 300
        while not (run.state and run.state.is_final()):
            assert time.monotonic() < deadline
            time.sleep(0.3)
            run = client.read_flow_run(run.id)
    return run


def test_a_flow_calls_a_deployment_on_a_worker_that_shares_only_a_store(
    outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outcome.run.state
    assert outcome.run.state.name == "Completed", "\n".join(outcome.said.values())
    for name, value in outcome.store.environment.items():
        monkeypatch.setenv(name, value)
    parts = [*range(10_000), *range(20_000)]
    second = sum(parts) * 6  # of twice the parts, once and doubled
    assert pxw.load(pxw.Remote("s3://lab/out/second.parquet"), pd.DataFrame).numbers.sum() == second
    assert pxw.load(pxw.Remote("s3://lab/out/first.parquet"), pd.DataFrame).numbers.sum() == second + sum(parts)


def test_each_worker_downloads_each_byte_at_most_once(outcome: Outcome) -> None:
    # Every object is made by one worker, and wanted by the other: several times by tasks of `second`.
    objects = {path: count for path, count in outcome.gets.items() if path.startswith("/lab/") and path != "/lab/"}
    assert len([path for path in objects if "/count-" in path or path.endswith("second.parquet")]) == 3
    assert set(objects.values()) == {1}


def test_the_workers_share_neither_network_nor_disk(outcome: Outcome) -> None:
    if why := isolation.why_not():
        pytest.skip(f"the two workers had only homes and folders of their own: no namespaces can be made here: {why}")
    assert "sees two: False" in outcome.said["one"]
