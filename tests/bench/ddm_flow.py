"""What a DDM costs a flow: the same inline flow with its intermediates on this machine and in the embedded DDM.

    python -m tests.bench.ddm_flow [TASKS] [MEGABYTES]

A chain of tasks that hand a small table on; then one big file by `pxw.save` and `pxw.load` as a stream, during
which the process must stay under 150 MB beyond its start.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

import pxw
from pxw.engines import inline
from tests.bench.servers import Peak, running


@inline.task(inputs=["table"], outputs=["table"])
def step(table: pd.DataFrame) -> pd.DataFrame:
    return table


@inline.flow
def chain(tasks: int) -> Any:
    ref: Any = pd.DataFrame({"x": range(100), "y": "text"})
    for _ in range(tasks):
        ref = step(ref)
    return ref


def milliseconds(tasks: int) -> float:
    chain(2)
    start = time.perf_counter()
    chain(tasks)
    return (time.perf_counter() - start) / tasks * 1000


def big_file(here: Path, megabytes: int, server: int) -> tuple[float, float, dict[Any, float]]:
    big, place = here / "big.bin", pxw.DDM(project="bench", name="big.bin")
    with big.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1024 * 1024))
    with Peak("self", server) as peak:
        start = time.perf_counter()
        pxw.save(big, place)
        middle = time.perf_counter()
        size = 0
        with pxw.load(place, BinaryIO) as stream:
            while data := stream.read(1024 * 1024):
                size += len(data)
        end = time.perf_counter()
    assert size == big.stat().st_size
    return middle - start, end - middle, peak.beyond


def main() -> int:
    tasks, megabytes = (int(word) for word in (sys.argv[1:] + ["100", "1024"][len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as directory:
        here = Path(directory)
        os.environ["PXW_HOME"] = str(here / "home")
        with running("embedded_ddm", here / "server") as server:
            os.environ |= {"PXW_DDM_URL": server.url, "PXW_DDM_TOKEN": "secret"}
            local = milliseconds(tasks)
            os.environ["PXW_DATASET_MANAGEMENT"] = "DDM"
            ddm = milliseconds(tasks)
            print(f"a task that hands 100 rows on   LOCAL {local:5.2f} ms   DDM {ddm:5.2f} ms   (read back, durable)")
            up, down, beyond = big_file(here, megabytes, server.pid)
    memory = f"client +{beyond['self']:.0f} MB, server +{beyond[server.pid]:.0f} MB (at most 150 each)"
    print(f"{megabytes} MB by pxw.save and load   up {up:.2f} s, down (this machine's copy) {down:.2f} s   {memory}")
    return int(max(beyond.values()) > 150)


if __name__ == "__main__":
    sys.exit(main())
