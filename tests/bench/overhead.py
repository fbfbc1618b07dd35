"""What a pxw task costs over a plain Prefect task, and what it costs inline: small values in, small values out.

    PREFECT_API_URL=http://127.0.0.1:4200/api python tests/bench/overhead.py [tasks] [rounds]

One small value passes from task to task by plain Prefect, as a small `Ref` through pxw on the same server, and by pxw
inline; called, and submitted. Taken inside the flow, since a flow's end waits for its heartbeat: the time that passed,
and the time on a processor, which depends less on what else the machine has to do. Each round turns the order round.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

os.environ.setdefault("PXW_HOME", tempfile.mkdtemp(prefix="pxw-bench-"))
os.environ["PREFECT_LOGGING_TO_API_ENABLED"] = "false"

import prefect
from prefect.events.worker import EventsWorker

import pxw
from pxw.engines import inline
from pxw.engines.prefect.flows import flow
from pxw.engines.prefect.tasks import task


def step(facts: dict[str, int]) -> dict[str, int]:
    return {"n": facts["n"] + 1}


class Cost(NamedTuple):
    """Milliseconds a task."""

    wall: float
    cpu: float


class Watch:
    """Takes the cost of so many tasks."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def cost(self, tasks: int) -> Cost:
        ended = time.perf_counter(), time.process_time()
        return Cost(*((end - began) / tasks * 1000 for began, end in zip(self._began, ended, strict=True)))


def chain(task: Callable[[Any], Any], tasks: int) -> Callable[[], tuple[Cost, Any]]:
    """A flow's body that passes a small value through one task after the other."""

    def body() -> tuple[Cost, Any]:
        value = task({"n": 0})
        watch = Watch()
        for _ in range(tasks):
            value = task(value)
        return watch.cost(tasks), value

    return body


def submitted(task: Any, tasks: int) -> Callable[[], tuple[Cost, Any]]:
    """The same, all submitted to the flow's threads at once."""

    def body() -> tuple[Cost, Any]:
        value = task({"n": 0})
        watch = Watch()
        results = [future.result() for future in [task.submit(value) for _ in range(tasks)]]
        return watch.cost(tasks), results[-1]

    return body


def main(tasks: int, rounds: int) -> None:
    logging.disable(logging.WARNING)
    spec = {"inputs": ["facts"], "outputs": ["facts"]}
    plain, typed, alone = prefect.task(step), task(**spec)(step), inline.task(**spec)(step)
    flows = {
        "Prefect, called": prefect.flow(chain(plain, tasks)),
        "pxw, called": flow(chain(typed, tasks)),
        "Prefect, submitted": prefect.flow(submitted(plain, tasks)),
        "pxw, submitted": flow(submitted(typed, tasks)),
        "pxw inline": inline.flow(chain(alone, tasks)),
    }
    costs: dict[str, list[Cost]] = {name: [] for name in flows}
    for number in range(rounds + 1):  # the first round warms up
        for name, run in list(flows.items())[:: 1 if number % 2 else -1]:
            cost, value = run()
            EventsWorker.drain_all()  # else the next flow pays for sending what this one left
            assert pxw.load(value)["n"] in {1, 2, tasks + 1}
            if number:
                costs[name].append(cost)
            print(
                f"round {number}: {name:20} {cost.wall:6.2f} ms a task, {cost.cpu:6.2f} ms on a processor", flush=True
            )
    medians = {name: Cost(*map(statistics.median, zip(*each, strict=True))) for name, each in costs.items()}
    print("medians, but for round 0, which warms up:")
    for name, median in medians.items():
        print(f"{name:20} {median.wall:6.2f} ms a task, {median.cpu:6.2f} ms on a processor")
    for how in ("called", "submitted"):
        wall, cpu = (
            ours / theirs for ours, theirs in zip(medians[f"pxw, {how}"], medians[f"Prefect, {how}"], strict=True)
        )
        print(f"pxw / Prefect, {how}: {wall:.2f} x, {cpu:.2f} x on a processor")


if __name__ == "__main__":
    main(*(int(number) for number in [*sys.argv[1:], "300", "5"][:2]))
