"""A frame of 500 MB from one task to the next: pxw beside raw Arrow IPC, and beside Prefect's processes.

    python tests/bench/handover.py [--megabytes 500] [--repeats 7] [--prefect]

`--prefect` also hands a frame by value between Prefect's own tasks on warm process workers; it needs a Prefect server
(`PREFECT_API_URL`), or starts Prefect's temporary one.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pxw import Dataset
from pxw.binding import Binding, Step
from pxw.runs import open_run


def frame(megabytes: int) -> pd.DataFrame:
    """Ten columns of floats and integers."""
    rows = megabytes * 1_000_000 // 80
    numbers = np.random.default_rng(0)
    return pd.DataFrame({f"c{n}": numbers.random(rows) if n % 2 else np.arange(rows) + n for n in range(10)})


def own_megabytes(key: str = "RssAnon") -> float:
    """Memory of this process that is its own, not the page cache's."""
    found = re.search(rf"{key}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


# On threads ------------------------------------------------------------------------------------------------------


def raw(value: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """What it costs without pxw: an uncompressed Arrow IPC file, mapped as a frame without any copy (read-only)."""
    path = folder / "raw.arrow"
    table = pa.Table.from_pandas(value)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all().to_pandas(split_blocks=True)


def by_pxw(value: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """From the end of A's body to the start of B's, as the binding does it."""
    step = Step(open_run(folder.name, "bench"), "1")
    (ref,) = PRODUCE.save(value, step)
    loaded: pd.DataFrame = CONSUME.load((ref,), {}).arguments["given"]
    return loaded


def produce() -> pd.DataFrame:
    raise NotImplementedError("only what it returns is handed over")


def consume(given: pd.DataFrame) -> None: ...


PRODUCE = Binding(produce, "produce", {}, {"made": Dataset()})
CONSUME = Binding(consume, "consume", {"given": Dataset()}, {})


def seconds(hand_over: Callable[[pd.DataFrame, Path], pd.DataFrame], value: pd.DataFrame) -> float:
    """One hand-over; its files are new ones, and gone afterwards, for either side."""
    with tempfile.TemporaryDirectory(dir=os.environ["PXW_HOME"]) as folder:
        gc.collect()
        began = time.perf_counter()
        handed = hand_over(value, Path(folder))
        took = time.perf_counter() - began
        assert handed["c1"].iloc[-1] == value["c1"].iloc[-1]
        del handed
        for file in (Path(os.environ["PXW_HOME"]) / "runs").rglob("*.arrow"):
            file.unlink()
    return took


def on_threads(value: pd.DataFrame, repeats: int) -> tuple[float, float]:
    """The medians of raw Arrow and of pxw, taken in turns."""
    taken: dict[Any, list[float]] = {raw: [], by_pxw: []}
    for number in range(repeats + 1):
        for hand_over, times in taken.items():
            took = seconds(hand_over, value)
            if number:  # the first ones warm up
                times.append(took)
    return statistics.median(taken[raw]), statistics.median(taken[by_pxw])


def is_writable_and_forgotten(megabytes: int) -> tuple[bool, bool]:
    """Whether the consumer may write in place, and whether the producer's frame is gone once it is written."""
    value = frame(megabytes)
    gone = weakref.ref(value)
    (ref,) = PRODUCE.save(value, Step(open_run("kept", "bench"), "1"))
    del value
    gc.collect()
    forgotten = gone() is None
    handed = CONSUME.load((ref,), {}).arguments["given"]
    before = own_megabytes()
    handed.iloc[0, 1] = -1.0
    handed.loc[:, "c3"] = 0.0
    touched = own_megabytes() - before
    fresh = CONSUME.load((ref,), {}).arguments["given"]
    in_place = handed.iloc[0, 1] == -1.0 and fresh.iloc[0, 1] != -1.0 and touched < megabytes / 4
    return bool(in_place), forgotten


# In two processes ------------------------------------------------------------------------------------------------

CHILD = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import handover as bench
import pyarrow as pa
from pydantic import TypeAdapter
from pxw import Ref
how, megabytes, folder = sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
if how in ("raw-save", "pxw-save"):
    value = bench.frame(megabytes)
    began = time.perf_counter()
    if how == "raw-save":
        table = pa.Table.from_pandas(value)
        with pa.OSFile(str(folder / "raw.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    else:
        (ref,) = bench.PRODUCE.save(value, bench.Step(bench.open_run("two", "bench"), "1"))
    took = time.perf_counter() - began
    if how == "pxw-save":
        (folder / "ref.json").write_bytes(TypeAdapter(Ref).dump_json(ref))
    print(took, 0)
else:
    small = bench.frame(1)  # everything is imported, and warm
    bench.by_pxw(small, folder)
    bench.raw(small, folder / "warm") if (folder / "warm").mkdir(exist_ok=True) else None
    ref = TypeAdapter(Ref).validate_json((folder / "ref.json").read_bytes()) if how == "pxw-load" else None
    before = bench.own_megabytes()
    began = time.perf_counter()
    if how == "raw-load":
        got = pa.ipc.open_file(pa.memory_map(str(folder / "raw.arrow"))).read_all().to_pandas(split_blocks=True)
    else:
        got = bench.CONSUME.load((ref,), {}).arguments["given"]
    took = time.perf_counter() - began
    got["c1"].sum()
    print(took, bench.own_megabytes() - before)
"""


def child(how: str, megabytes: int, folder: Path) -> tuple[float, float]:
    """Seconds, and the megabytes of its own by which the process grew."""
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), how, str(megabytes), str(folder)]
    took, grown = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(took), float(grown)


def in_two_processes(megabytes: int, repeats: int) -> tuple[float, float, float]:
    """The medians of raw Arrow and of pxw, and by how much pxw's consumer grew while it summed one of ten columns."""
    taken: dict[str, list[float]] = {"raw": [], "pxw": []}
    grown = 0.0
    for _ in range(repeats):
        for how, times in taken.items():
            with tempfile.TemporaryDirectory(dir=os.environ["PXW_HOME"]) as folder:
                saved, _ = child(f"{how}-save", megabytes, Path(folder))
                loaded, grew = child(f"{how}-load", megabytes, Path(folder))
                times.append(saved + loaded)
                grown = max(grown, grew) if how == "pxw" else grown
                for file in (Path(os.environ["PXW_HOME"]) / "runs").rglob("*.arrow"):
                    file.unlink()
    return statistics.median(taken["raw"]), statistics.median(taken["pxw"]), grown


# Prefect's own ---------------------------------------------------------------------------------------------------

BY_VALUE = """
import sys, time
sys.path.insert(0, sys.argv[1])
import handover as bench
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ProcessPoolTaskRunner

@task(cache_policy=NO_CACHE)
def produce(megabytes):
    value = bench.frame(megabytes)
    return value, time.time()

@task(cache_policy=NO_CACHE)
def consume(given):
    value, ended = given
    return time.time() - ended

@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
def hand_over(megabytes, repeats):
    consume.submit(produce.submit(1)).result()  # the worker is warm now
    return [consume.submit(produce.submit(megabytes)).result() for _ in range(repeats)]

if __name__ == "__main__":
    print("TOOK", *hand_over(int(sys.argv[2]), int(sys.argv[3])))
"""


def by_prefect(megabytes: int, repeats: int) -> float:
    """The median of Prefect's hand-over by value, from the end of A's body to the start of B's."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "by_value.py"
        script.write_text(BY_VALUE)
        command = [sys.executable, str(script), str(Path(__file__).parent), str(megabytes), str(repeats)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return statistics.median(float(word) for word in said.rpartition("TOOK")[2].split())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--prefect", action="store_true", help="also hand over by Prefect's own processes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["PXW_HOME"] = home
        plain, ours = on_threads(frame(options.megabytes), options.repeats)
        in_place, forgotten = is_writable_and_forgotten(options.megabytes)
        plain_two, ours_two, grown = in_two_processes(options.megabytes, max(3, options.repeats // 2))
    rows = [
        ("on threads: raw Arrow IPC", f"{plain:.3f} s", ""),
        ("on threads: pxw", f"{ours:.3f} s = {ours / plain:.2f} x", "at most 1.3 x"),
        ("  written to in place, by this reader alone", str(in_place), "True"),
        ("  the producer's frame is gone", str(forgotten), "True"),
        ("two processes: raw Arrow IPC", f"{plain_two:.3f} s", ""),
        ("two processes: pxw", f"{ours_two:.3f} s = {ours_two / plain_two:.2f} x", "at most 1.3 x"),
        ("  the consumer grows by, summing 1 column of 10", f"{grown:.0f} MB", "what it writes to"),
    ]
    if options.prefect:
        value = by_prefect(options.megabytes, 3)
        rows.append(("Prefect's processes, by value", f"{value:.2f} s = {value / ours_two:.0f} x pxw", "at least 20 x"))
    print(f"a frame of {options.megabytes} MB, medians of {options.repeats}\n")
    for what, measured, wanted in rows:
        print(f"{what:50} {measured:24} {wanted}")


if __name__ == "__main__":
    main()
