"""Cancel a run of old scripts and Python tasks: how long until all of its processes are gone?

    PREFECT_API_URL=http://127.0.0.1:4200/api python -m tests.bench.cancel [rounds]

Each script starts a child, and another one in a session of its own that ignores SIGTERM; beside them run Python tasks
on threads that cannot be interrupted. The run is ended by SIGINT and SIGTERM on `pxw run`, with Prefect and inline, and
by a cancellation on a worker of a process pool, as `prefect flow-run cancel` asks for it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

from tests.bench.killing import descendants

FLOW = """
import time
from pathlib import Path
import pxw

SCRIPT = pxw.script("script.py", outputs=["x"])


@pxw.task(outputs=["x"])
def sleep(i: int) -> int:
    Path(f"began-{i}").touch()
    time.sleep(120)
    return i


@pxw.flow
def long():
    futures = [SCRIPT.submit() for _ in range(2)] if Path("on-prefect").exists() else [SCRIPT()]
    return [future.result() for future in [*futures, *(sleep.submit(i) for i in range(2))]]
"""
SCRIPT = """
import os, subprocess, sys, time
sleep = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(120)  # {mark}"
subprocess.Popen([sys.executable, "-c", sleep])
subprocess.Popen([sys.executable, "-c", sleep], start_new_session=True)
time.sleep(1)
open("{folder}/began-script-%d" % os.getpid(), "w").close()
time.sleep(120)
"""
WAYS = ["inline, Ctrl-C", "inline, SIGTERM", "pxw run, Ctrl-C", "pxw run, SIGTERM", "worker, cancelled"]


def marked(mark: str) -> list[int]:
    """The children of scripts that are there."""
    found = subprocess.run(["pgrep", "-f", mark], capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in found.split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(holds: Callable[[], object], patience: float = 300) -> None:
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            sys.exit("it took too long")
        time.sleep(0.05)


def measure(way: str) -> float:
    """Seconds from the signal, or the request, until no process of the run is left."""
    mark = f"pxw-cancel-{uuid4().hex}"
    with tempfile.TemporaryDirectory(prefix="pxw-cancel-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "flow.py").write_text(FLOW)
        (folder / "script.py").write_text(SCRIPT.format(mark=mark, folder=folder))
        environment = os.environ | {"PXW_HOME": str(folder / "home"), "DO_NOT_TRACK": "1"}
        if not way.startswith("inline"):
            (folder / "on-prefect").touch()
        command, flow_run = worker(folder, environment) if way.startswith("worker") else (pxw_run(way), None)
        with (folder / "output.txt").open("wb") as output:
            process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        began = 1 if way.startswith("inline") else 4
        wait_for(lambda: len([*folder.glob("began-*")]) >= began or process.poll() is not None)
        pids = set(descendants(process.pid)) | set(marked(mark)) | ({process.pid} if flow_run is None else set())
        if flow_run is None:
            process.send_signal(signal.SIGINT if way.endswith("Ctrl-C") else signal.SIGTERM)
        else:
            cancel(flow_run)
        start = time.monotonic()
        wait_for(lambda: process.poll() is not None or flow_run, 30)
        wait_for(lambda: not any(map(is_alive, pids)), 60)
        took = time.monotonic() - start
        process.terminate()
        process.wait()
        if stray := list(folder.rglob("*pxw-tmp*")):
            sys.exit(f"stray: {stray}")
        return took


def pxw_run(way: str) -> list[str]:
    inline = ["--inline"] if way.startswith("inline") else []
    return [sys.executable, "-m", "pxw.cli", "run", "flow.py", *inline]


def worker(folder: Path, environment: dict[str, str]) -> tuple[list[str], UUID]:
    """A deployment, a run of it that waits, and the worker that will take it."""
    deploy = (
        "import prefect; from prefect.deployments import run_deployment\n"
        f"flow = prefect.flow.from_source(source={str(folder)!r}, entrypoint='flow.py:long')\n"
        f"flow.deploy({folder.name!r}, work_pool_name={folder.name!r}, print_next_steps=False)\n"
        f"print(run_deployment('long/{folder.name}', timeout=0).id)"
    )
    pool = [sys.executable, "-m", "prefect", "work-pool", "create", folder.name, "--type", "process"]
    subprocess.run(pool, env=environment, check=True, stdout=subprocess.DEVNULL)
    said = subprocess.run(
        [sys.executable, "-c", deploy], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout
    start = [sys.executable, "-m", "prefect", "worker", "start", "--pool", folder.name]
    return start, UUID(said.split()[-1])


def cancel(flow_run: UUID) -> None:
    from prefect.client.orchestration import get_client
    from prefect.states import Cancelling

    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run, Cancelling())


def main() -> None:
    """Print the longest of some rounds for each way."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f"{'way':20} seconds until all processes are gone ({rounds} rounds; at most 5)")
    for way in WAYS:
        print(
            f"{way:20} {', '.join(f'{took:.1f}' for took in sorted(measure(way) for _ in range(rounds)))}", flush=True
        )


if __name__ == "__main__":
    main()
