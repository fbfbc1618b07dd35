"""Prefect servers and workers as processes of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Worker:
    """A worker that polls a work pool.

    Args:
        pool: its work pool, which it makes if there is none.
        process: it leads a process group of its own; each flow run is in a further one.
        output: what it says, and what the flow runs say.
    """

    pool: str
    process: subprocess.Popen[bytes]
    output: Path

    def said(self) -> str:
        return self.output.read_text(errors="replace")


@contextmanager
def worker(
    pool: str, folder: Path, environment: Mapping[str, str] | None = None, *, within: Sequence[str] = ()
) -> Iterator[Worker]:
    """A process worker with this working directory; it is ended with its flow runs when the block ends.

    `within` is put before its command.
    """
    command = [*within, sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"]
    quick = {"PREFECT_WORKER_QUERY_SECONDS": "0.5", "PREFECT_WORKER_HEARTBEAT_SECONDS": "2", "COLUMNS": "400"}
    own = {"HOME": str(folder)}  # where PXW_HOME is by default
    output = folder / f"worker-{pool}.txt"
    with output.open("wb") as said:
        process = subprocess.Popen(
            command,
            env=os.environ | quick | own | (environment or {}),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = Worker(pool, process, output)
    try:
        deadline = time.monotonic() + 60
        while "started!" not in started.said():
            assert process.poll() is None, started.said()
            assert time.monotonic() < deadline, started.said()
            time.sleep(0.1)
        yield started
    finally:
        end_group(process)


@contextmanager
def server(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """A Prefect server that keeps its database in this folder; gives the URL of its API."""
    port = free_port()
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    quick = {"PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "1"}
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            command,
            env=os.environ | quick | {"PREFECT_HOME": str(folder)} | (environment or {}),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # it starts processes of its own, which end with its group
        )
    url = f"http://127.0.0.1:{port}/api"
    try:
        _wait_until_healthy(url, process, folder / "output.txt")
        yield url
    finally:
        end_group(process)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + 300  # a machine that many share takes minutes
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the Prefect server did not start:\n{output.read_text(errors='replace')[-4000:]}")


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a group, and the group with it."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
            process.wait(timeout=15)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()
