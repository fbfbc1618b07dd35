"""A run that is told to end does so within seconds, and leaves neither processes nor halves of files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client

import pxw

LONG = """
import os, subprocess, sys, time
from pathlib import Path
import prefect
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner
import pxw

RUNNERS = {"threads": ThreadPoolTaskRunner(), "processes": ProcessPoolTaskRunner(max_workers=2)}
SCRIPT = pxw.script("script.py", outputs=["x"])


class Slow:
    def read(self, size):
        Path("writing").touch()
        time.sleep(60)


@pxw.task(outputs={"out": pxw.Local("out.bin")})
def write():
    return Slow()  # it is written while it is read, which takes its time


@pxw.task(outputs={"done": pxw.Local("done.json")})
def quick():
    return {"a": 1}


@pxw.flow(task_runner=RUNNERS[os.environ["RUNNER"]])
def long():
    print(prefect.runtime.flow_run.id, flush=True)
    quick()
    futures = [SCRIPT.submit(), write.submit()]
    return [future.result() for future in futures]


if __name__ == "__main__":
    long()
"""
SCRIPT = """
import os, subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
children = [subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)]
with open(os.environ["PIDS"] + ".part", "w") as file:
    print(os.getpid(), *[child.pid for child in children], file=file)
os.rename(os.environ["PIDS"] + ".part", os.environ["PIDS"])
time.sleep(60)
"""


def eventually(holds: Callable[[], bool], patience: float = 60) -> bool:
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.server
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes as Linux tells them")
@pytest.mark.parametrize("submits", [False, True])
def test_prefects_timeout_ends_a_script_with_all_that_it_started(
    quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, submits: bool
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    monkeypatch.setenv("PIDS", str(tmp_path / "pids"))
    hang = pxw.script(tmp_path / "script.py", timeout_seconds=4)

    @pxw.flow
    def hanging() -> None:
        if submits:
            hang.submit().result()
        else:
            hang()

    with pytest.raises(TimeoutError):
        hanging()
    pids = map(int, (tmp_path / "pids").read_text().split())
    assert eventually(lambda: not any(map(is_alive, pids)), 10)


@pytest.mark.server
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes as Linux tells them")
@pytest.mark.parametrize(
    ("command", "runner"),
    [(["-m", "pxw.cli", "run", "long.py"], "threads"), (["long.py"], "threads"), (["long.py"], "processes")],
)
def test_a_run_that_is_terminated_ends_all_that_it_started_and_tells_prefect(
    prefect_server: str, tmp_path: Path, command: list[str], runner: str
) -> None:
    (tmp_path / "long.py").write_text(LONG)
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = os.environ | {"PIDS": str(tmp_path / "pids"), "RUNNER": runner}
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        run = UUID(process.stdout.readline().strip())
        assert eventually(lambda: (tmp_path / "writing").exists() and (tmp_path / "pids").exists())
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in {143, -signal.SIGTERM}
    pids = map(int, (tmp_path / "pids").read_text().split())
    assert eventually(lambda: not any(map(is_alive, pids)), 10)
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run).state
    assert state is not None
    assert state.is_crashed()
    assert (tmp_path / "done.json").exists()
    names = [path.name for path in tmp_path.rglob("*")]
    assert [name for name in names if name.lstrip(".").startswith("out") or "pxw-tmp" in name] == []


WAITING = """
import asyncio
import prefect
import pxw


@pxw.task
async def wait():
    print(prefect.runtime.flow_run.id, flush=True)
    await asyncio.sleep(60)


@pxw.flow
async def waiting():
    await wait()
"""


@pytest.mark.server
def test_an_async_flow_that_is_terminated_ends_as_others_do(prefect_server: str, tmp_path: Path) -> None:
    (tmp_path / "waiting.py").write_text(WAITING)
    command = [sys.executable, "-m", "pxw.cli", "run", "waiting.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        run = UUID(process.stdout.readline().strip())
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "waiting interrupted" in said
    assert "Traceback" not in said
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run).state
    assert state is not None
    assert state.is_crashed()
