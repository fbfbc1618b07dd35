"""One flow on each task runner, with pxw and by plain Prefect: wall time, memory, and bytes that pass the scheduler.

    python tests/bench/task_runners.py [--tasks 64] [--megabytes 50] [--workers 2] [--runners threads processes ...]
                                       [--small 50] [--plain-megabytes 50]

Half of the tasks make a frame, the other half change one. Plain Prefect passes the frames by value, so that the flow's
own process holds all of them: about three times tasks x megabytes of memory and no disk; pxw writes tasks x megabytes
to disk, below the folder for temporary files. `--small` counts tasks without any data. It needs a Prefect server
(`PREFECT_API_URL`), or starts Prefect's temporary one for each flow.

Peak memory is that of the flow's process and of all that it started, without pages that files are mapped to.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import cloudpickle
import numpy as np
import pandas as pd
import prefect
from prefect.cache_policies import NO_CACHE
from prefect.context import serialize_context
from prefect.futures import PrefectFuture
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

import pxw

NEEDS = {"threads": "prefect", "processes": "prefect", "dask": "prefect_dask", "ray": "prefect_ray"}


def make(number: int, megabytes: int) -> pd.DataFrame:
    rows = megabytes * 1_000_000 // 80
    numbers = np.random.default_rng(number)
    return pd.DataFrame({f"c{n}": numbers.random(rows) for n in range(10)})


def change(frame: pd.DataFrame) -> pd.DataFrame:
    frame["c0"] = frame["c0"] + 1
    return frame


def nothing(number: int) -> int:
    return number


OURS = {
    "make": pxw.task(outputs=["frame"])(make),
    "change": pxw.task(inputs=["frame"], outputs=["frame"])(change),
    "nothing": pxw.task(nothing),
}
PLAIN = {name: prefect.task(fn, cache_policy=NO_CACHE) for name, fn in (("make", make), ("change", change))}
PLAIN["nothing"] = prefect.task(nothing, cache_policy=NO_CACHE)


# What passes the scheduler -------------------------------------------------------------------------------------------


def passed(tasks: dict[str, Any], made: list[PrefectFuture[Any]], changed: list[PrefectFuture[Any]]) -> int:
    """Bytes of what a runner hands to its worker processes and gets back, pickled as runners do."""
    context = len(cloudpickle.dumps(serialize_context()))
    total = 0
    for number, future in enumerate(made):
        total += context + len(cloudpickle.dumps((tasks["make"], number))) + len(cloudpickle.dumps(future.state))
    for source, future in zip(made, changed, strict=True):
        given = len(cloudpickle.dumps((tasks["change"], source.result())))
        total += context + given + len(cloudpickle.dumps(future.state))
    return total


def checksum(frame: pd.DataFrame) -> float:
    return round(float(frame["c0"].sum() + frame["c9"].iloc[-1]), 6)


# One flow ------------------------------------------------------------------------------------------------------------


def data_flow(tasks: dict[str, Any], pairs: int, megabytes: int) -> dict[str, Any]:
    tasks["nothing"].map(range(4)).wait()  # workers are up
    began = time.perf_counter()
    made = [tasks["make"].submit(number, megabytes) for number in range(pairs)]
    changed = [tasks["change"].submit(frame) for frame in made]
    for future in changed:
        future.wait()
    took = time.perf_counter() - began
    counted = passed(tasks, made, changed)
    sums = [checksum(pxw.load(future.result()) if tasks is OURS else future.result()) for future in changed]
    return {"seconds": took, "bytes": counted, "sums": sums}


def small_flow(tasks: dict[str, Any], count: int) -> dict[str, Any]:
    tasks["nothing"].map(range(4)).wait()
    began = time.perf_counter()
    tasks["nothing"].map(range(count)).wait()
    return {"seconds": time.perf_counter() - began}


def runner(name: str, workers: int) -> Any:
    if name == "dask":
        from prefect_dask import DaskTaskRunner

        local = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None, "memory_limit": 0}
        return DaskTaskRunner(cluster_kwargs=local)
    if name == "ray":
        from prefect_ray import RayTaskRunner

        return RayTaskRunner(init_kwargs={"num_cpus": workers, "include_dashboard": False})
    return {"threads": ThreadPoolTaskRunner, "processes": ProcessPoolTaskRunner}[name](max_workers=workers)


def measure(who: str, name: str, workers: int, what: str, numbers: list[int]) -> dict[str, Any]:
    body: Callable[..., dict[str, Any]] = {"data": data_flow, "small": small_flow}[what]
    tasks = OURS if who == "pxw" else PLAIN

    def bench() -> dict[str, Any]:
        return body(tasks, *numbers)

    decorate = pxw.flow if who == "pxw" else prefect.flow
    with Memory() as memory:
        found: dict[str, Any] = decorate(bench, task_runner=runner(name, workers))()
    return found | {"megabytes": memory.peak} | ({"bytes": 0} if name == "threads" else {})


class Memory:
    """The most memory that this process and those that it started had, together, of their own."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            self.peak = max(self.peak, sum(own(pid) for pid in family(os.getpid())))


def family(pid: int) -> list[int]:
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        try:
            for listed in Path(f"/proc/{found[-1]}/task").glob("*/children"):
                todo += map(int, listed.read_text().split())
        except OSError:  # it has ended
            continue
    return found


def own(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    kinds = re.findall(r"Rss(?:Anon|Shmem):\s+(\d+) kB", status)
    return sum(map(int, kinds)) / 1024


# Each in a process of its own ----------------------------------------------------------------------------------------


def in_process(*arguments: str) -> dict[str, Any] | None:
    """One measurement; `None` if it fails, as when memory runs out."""
    with tempfile.TemporaryDirectory(prefix="pxw-bench-", ignore_cleanup_errors=True) as home:
        done = subprocess.run(
            [sys.executable, __file__, "--one", *arguments],
            env=os.environ | {"PXW_HOME": home, "PREFECT_LOGGING_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            check=False,
        )
    told = re.search(r"^TOLD (.*)$", done.stdout, re.MULTILINE)
    if told is None:
        print(done.stderr[-1500:], file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(told[1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=64)
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--plain-megabytes", type=int, help="by default as --megabytes; 0 leaves plain Prefect out")
    parser.add_argument("--small", type=int, default=50, help="tasks without data; 0 leaves them out")
    parser.add_argument("--repeats", type=int, default=3, help="of the small tasks")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runners", nargs="+", default=[name for name in NEEDS if find_spec(NEEDS[name])])
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        who, name, workers, what, *numbers = options.one
        print("TOLD", json.dumps(measure(who, name, int(workers), what, [*map(int, numbers)])))
        return
    workers = str(options.workers)
    if options.small:
        print(f"{options.small} tasks without data, {workers} workers, milliseconds a task (medians)\n")
        for name in options.runners:
            taken = {}
            for who in ("prefect", "pxw"):
                runs = [in_process(who, name, workers, "small", str(options.small)) for _ in range(options.repeats)]
                times = [found["seconds"] / options.small * 1000 for found in runs if found]
                taken[who] = statistics.median(times) if times else float("nan")
            ratio = taken["prefect"] / taken["pxw"]
            print(
                f"{name:10} plain flow {taken['prefect']:7.1f}   pxw flow {taken['pxw']:7.1f}   {ratio:5.1f} x",
                flush=True,
            )
    plain = options.megabytes if options.plain_megabytes is None else options.plain_megabytes
    print(f"\n{options.tasks} tasks of {options.megabytes} MB frames, {workers} workers\n")
    sums = set()
    for who, megabytes in (("pxw", options.megabytes), ("prefect", plain)):
        for name in options.runners if megabytes else ():
            found = in_process(who, name, workers, "data", str(options.tasks // 2), str(megabytes))
            if found is None:
                print(f"{who:8} {name:10} failed", flush=True)
                continue
            if megabytes == options.megabytes:
                sums.add(tuple(found["sums"]))
            facts = (
                f"{found['seconds']:7.1f} s {found['megabytes']:8.0f} MB peak {found['bytes'] / 1e6:10.2f} MB passed"
            )
            print(f"{who:8} {name:10} {facts}", flush=True)
    print(f"\nthe same outputs: {len(sums) == 1}")


if __name__ == "__main__":
    main()
