"""What all tests share: isolation from the machine, and one Prefect server a session for those that ask for it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.workers import Worker, server, worker

_PREFECT_HOME = tempfile.TemporaryDirectory(prefix="pxw-tests-", ignore_cleanup_errors=True)


def _isolate_environment() -> None:
    for name in [name for name in os.environ if name.startswith(("PXW_", "PREFECT_"))]:
        del os.environ[name]
    os.environ |= {
        "PREFECT_HOME": _PREFECT_HOME.name,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "NO_COLOR": "1",
    }
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each process that a test starts would compile all of pxw


# At import: Prefect reads its settings when it is imported, which a test module may do at its top.
_isolate_environment()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that ask for the server run in one worker of pytest-xdist, so that only one server is started."""
    for item in items:
        if "prefect_server" in getattr(item, "fixturenames", ()):
            item.add_marker("server")
            item.add_marker(pytest.mark.xdist_group("server"))


@pytest.fixture(autouse=True)
def isolated(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test has a home and a working directory of its own, and no settings but the defaults."""
    for name in [name for name in os.environ if name.startswith("PXW_") or name == "COLUMNS"]:  # pytest-xdist sets it
        monkeypatch.delenv(name)
    monkeypatch.setenv("PXW_HOME", str(tmp_path / "pxw-home"))
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        if "prefect_server" in request.fixturenames:
            url = request.getfixturevalue("prefect_server")
            stack.enter_context(prefect_at(url))
            monkeypatch.setenv("PREFECT_API_URL", url)  # for the processes that the test starts
        yield


@pytest.fixture(scope="session")
def process_worker(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """The session's worker of a pool of processes; a test that ends its worker starts one of its own."""
    with worker("processes", tmp_path_factory.mktemp("worker"), {"PREFECT_API_URL": prefect_server}) as started:
        yield started


@contextmanager
def prefect_at(url: str) -> Iterator[None]:
    """Prefect's settings are read once, at its import, and are kept per context; its threads see the global ones."""
    from prefect.context import _temporary_global_settings_context, get_settings_context
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: url}), _temporary_global_settings_context(get_settings_context()):
        yield


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API URL of the session's Prefect server; a test that asks for it has its Prefect pointed there.

    `TESTS_PREFECT_SERVER` names one that runs already, for whoever runs a few tests again and again.
    """
    if running := os.environ.get("TESTS_PREFECT_SERVER"):
        yield running
        drain_prefect()
        return
    with server(tmp_path_factory.mktemp("prefect-server")) as url:
        yield url
        drain_prefect()


def drain_prefect() -> None:
    """Let this process's Prefect send what it has to say while there is somebody to listen."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    APILogWorker.drain_all(timeout=20)
    EventsWorker.drain_all(timeout=20)
