"""What a pxw task costs over a plain Prefect task, and what it costs inline: small values in, small values out.

    PREFECT_API_URL=http://127.0.0.1:4200/api python tests/bench/overhead.py [tasks] [rounds]

The first column passes one small value from task to task by plain Prefect, the second by a small `Ref` through pxw, on
the same server; the third is pxw inline. Times are taken inside the flow, since a flow's end waits for its heartbeat.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("PXW_HOME", tempfile.mkdtemp(prefix="pxw-bench-"))
os.environ["PREFECT_LOGGING_TO_API_ENABLED"] = "false"

import prefect

import pxw.flows
import pxw.inline
import pxw.tasks


def step(facts: dict[str, int]) -> dict[str, int]:
    return {"n": facts["n"] + 1}


def chain(task: Callable[[Any], Any], tasks: int) -> Callable[[], tuple[float, Any]]:
    """A flow's body that passes a small value through one task after the other."""

    def body() -> tuple[float, Any]:
        value = task({"n": 0})
        began = time.perf_counter()
        for _ in range(tasks):
            value = task(value)
        return (time.perf_counter() - began) / tasks * 1000, value

    return body


def submitted(task: Any, tasks: int) -> Callable[[], tuple[float, Any]]:
    """The same, all submitted to the flow's threads at once."""

    def body() -> tuple[float, Any]:
        value = task({"n": 0})
        began = time.perf_counter()
        results = [future.result() for future in [task.submit(value) for _ in range(tasks)]]
        return (time.perf_counter() - began) / tasks * 1000, results[-1]

    return body


def main(tasks: int, rounds: int) -> None:
    logging.disable(logging.WARNING)
    spec = {"inputs": ["facts"], "outputs": ["facts"]}
    plain, typed, inline = prefect.task(step), pxw.tasks.task(**spec)(step), pxw.inline.task(**spec)(step)
    flows = {
        "Prefect, called": prefect.flow(chain(plain, tasks)),
        "pxw, called": pxw.flows.flow(chain(typed, tasks)),
        "Prefect, submitted": prefect.flow(submitted(plain, tasks)),
        "pxw, submitted": pxw.flows.flow(submitted(typed, tasks)),
        "pxw inline": pxw.inline.flow(chain(inline, tasks)),
    }
    timings: dict[str, list[float]] = {name: [] for name in flows}
    for number in range(rounds + 1):  # the first round warms up
        for name, flow in flows.items():
            each, value = flow()
            assert pxw.load(value)["n"] in {1, 2, tasks + 1}
            if number:
                timings[name].append(each)
    medians = {name: statistics.median(each) for name, each in timings.items()}
    for name, each in medians.items():
        print(f"{name:20} {each:6.2f} ms a task   ({', '.join(f'{one:.2f}' for one in timings[name])})")
    for how in ("called", "submitted"):
        print(f"pxw / Prefect, {how}: {medians[f'pxw, {how}'] / medians[f'Prefect, {how}']:.2f} x")


if __name__ == "__main__":
    main(*(int(number) for number in [*sys.argv[1:], "300", "5"][:2]))
