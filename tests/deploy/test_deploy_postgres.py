"""A Prefect server for many users keeps its runs in PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

import pxw
from tests.conftest import drain_prefect, prefect_at
from tests.workers import free_port, server


def _programs() -> Path | None:
    """The folder of initdb and pg_ctl: on the path, or where Debian keeps it."""
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else next(iter(Path("/usr/lib/postgresql").glob("*/bin")), None)


pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(_programs() is None, reason="no PostgreSQL here (Debian: apt-get install postgresql)"),
]


@pytest.fixture
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster that is thrown away; PostgreSQL refuses to be run by root."""
    programs, folder = _programs(), Path(f"/tmp/pxw-postgres-{os.getpid()}")
    assert programs
    folder.mkdir()
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)

    def call(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs / program, *arguments],
            user=user,
            cwd=folder,
            check=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    port, data = free_port(), f"{folder}/data"
    try:
        call("initdb", "-D", data, "-U", "prefect", "--auth=trust", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        call("pg_ctl", "start", "-D", data, "-w", "-l", f"{folder}/log", "-o", options)
        try:
            yield f"prefect@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "stop", "-D", data, "-m", "immediate")
    finally:
        shutil.rmtree(folder)


@pxw.task(outputs=["numbers"])
def count(n: int) -> pd.DataFrame:
    return pd.DataFrame({"n": range(n)})


@pxw.task(inputs=["numbers"], outputs=["total"])
def total(numbers: pd.DataFrame) -> int:
    return int(numbers["n"].sum())


@pxw.flow
def adding(n: int) -> int:
    return pxw.load(total(count(n)), int)


def test_flows_of_several_users_run_at_once_on_a_server_with_postgresql(postgres: str, tmp_path: Path) -> None:
    database = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{postgres}"}
    with server(tmp_path, database) as url, prefect_at(url), ThreadPoolExecutor(4) as users:
        assert list(users.map(adding, [3, 4, 5, 6])) == [3, 6, 10, 15]
        drain_prefect()
        ended = subprocess.run(
            [
                "psql",
                f"postgresql://{postgres}",
                "-Atc",
                "select count(*) from flow_run where state_type = 'COMPLETED'",
            ],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert ended.stdout.strip() == "4"
    assert not (tmp_path / "prefect.db").exists()
