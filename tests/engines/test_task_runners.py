"""The same flow on threads, processes, Dask and Ray: `on_each_runner.py` tells what it found there."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from prefect.context import SettingsContext, SyncClientContext, get_settings_context, serialize_context
from prefect.settings import PREFECT_API_KEY, temporary_settings

import pxw
from pxw import errors
from pxw.engines.prefect.sent_contexts import settings_dumped_once

FLOW = Path(__file__).with_name("on_each_runner.py")
NEEDS = {"threads": "prefect", "processes": "prefect", "dask": "prefect_dask", "ray": "prefect_ray"}


FOUND = {
    "doubled": [[2], [4], [6]],
    "sums": [2, 4, 6],
    "parts": [10, 7],
    "errors": [
        [
            "EdgeError",
            "PXW402",
            "task 'make', output 'people' gives what task 'named', input 'town' does not take (Town)",
            ["column 'name': there is no such column: there are: age"],
        ],
        [
            "SchemaError",
            "PXW106",
            "1 fault in a table that should fit 'Person'",
            ["column 'age': 2 of 2 values (large_string) are no int64: row 0: 'old', row 1: 'older'"],
        ],
    ],
    "taken": ["OutputError", "PXW403", "two outputs of this run go to same.csv"],
    "redirected": [3],
    "later": [4],
    "flaky": [2],
    "script": 1,
    "settings": [True, 3.0],
    "one run": True,
    "finished": {
        "make": 4,
        "doubled": 3,
        "split": 1,
        "total": 2,
        "placed": 2,
        "later": 1,
        "flaky": 1,
        "count": 1,
        "where": 1,
    },
}


@pytest.mark.parametrize("runner", NEEDS)
def test_a_flow_does_the_same_on_each_task_runner(runner: str, tmp_path: Path, prefect_server: str) -> None:
    if find_spec(NEEDS[runner]) is None:
        pytest.skip(f"{NEEDS[runner]} is not installed: pip install 'pxw[{runner}]'")
    done = subprocess.run(
        [sys.executable, str(FLOW), runner],
        env=os.environ | {"PXW_KEEP_DAYS": "3"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads((tmp_path / "found.json").read_text())
    # Processes of their own do the work, and keep the run's folder from being collected.
    assert found.pop("other processes") == found.pop("holds") == (runner != "threads")
    assert found == FOUND


def test_every_error_arrives_from_another_process_with_all_it_says() -> None:
    for name in errors.__all__:
        cls = getattr(errors, name)
        if isinstance(cls, type):
            sent = cls("what", at="where", help="how", details=["one", "two"])
            arrived = pickle.loads(pickle.dumps(sent))
            assert type(arrived) is cls
            assert [arrived.message, arrived.at, arrived.help] == ["what", "where", "how"]
            assert list(arrived.details) == ["one", "two"]
            assert str(arrived) == str(sent)


def _sent() -> Any:
    return pickle.loads(pickle.dumps(serialize_context()["settings_context"]))


def test_settings_that_are_dumped_once_arrive_as_they_are(prefect_server: str) -> None:
    with temporary_settings({PREFECT_API_KEY: "secret"}), settings_dumped_once():
        first, second = _sent(), _sent()
        assert first["settings"] is second["settings"]  # a worker rebuilds them once
        assert first["settings"].model_dump() == get_settings_context().settings.model_dump()
    with temporary_settings({PREFECT_API_KEY: "other"}), settings_dumped_once():
        assert _sent()["settings"].api.key.get_secret_value() == "other"


def test_a_worker_keeps_one_client_though_each_task_has_a_context_of_its_own(prefect_server: str) -> None:
    with settings_dumped_once():
        sent = pickle.dumps(serialize_context()["settings_context"])

    def task() -> SyncClientContext | None:
        with SettingsContext(**pickle.loads(sent)):
            return SyncClientContext.get()

    def worker() -> list[SyncClientContext | None]:
        clients = [copy_context().run(task) for _ in range(2)]  # as Dask does
        clients[0].client.__exit__(None, None, None)
        return clients

    with ThreadPoolExecutor(1) as thread:
        first, second = thread.submit(worker).result()
    assert first is second


def test_a_flow_hands_its_settings_on_in_this_way(prefect_server: str) -> None:
    @pxw.flow
    def main() -> tuple[int, bool]:
        with temporary_settings({PREFECT_API_KEY: "other"}):
            changed = _sent()["settings"]["api"]["key"]
        return len(pickle.dumps(serialize_context()["settings_context"])), changed == "other"

    size, changed = main()
    assert changed
    assert size < 3000


def test_the_function_of_a_flow_stays_where_it_is(prefect_server: str) -> None:
    cannot_travel = threading.Lock()

    @pxw.flow(version="7")
    def main() -> tuple[int, str, str]:
        assert not cannot_travel.locked()
        sent = cloudpickle.dumps(serialize_context())
        flow = pickle.loads(sent)["flow_run_context"]["flow"]
        with pytest.raises(RuntimeError, match="not its flow"):
            flow.fn()
        return len(sent), flow.name, flow.version

    size, *told = main()
    assert told == ["main", "7"]
    assert size < 8000
