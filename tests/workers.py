"""Prefect workers as processes of their own, and the commands that a user gives them work with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


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
def worker(pool: str, folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Worker]:
    """A process worker with this working directory; it is ended with its flow runs when the block ends."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"]
    quick = {"PREFECT_WORKER_QUERY_SECONDS": "0.5", "PREFECT_WORKER_HEARTBEAT_SECONDS": "2", "COLUMNS": "400"}
    output = folder / f"worker-{pool}.txt"
    with output.open("wb") as said:
        process = subprocess.Popen(
            command,
            env=os.environ | quick | (environment or {}),
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


def prefect(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Give a command of Prefect's own; what it says is in `stdout`."""
    return subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "400"} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )


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
