"""A project whose runs are killed, and the processes to kill."""

from __future__ import annotations

from pathlib import Path

PROJECT = """
import time
import pandas as pd
import pxw

SCRIPT = pxw.script("script.py", inputs=["table"], outputs={"sums": pxw.Local("out/sums.json")})


@pxw.task(outputs=["part"])
def make(i: int) -> pd.DataFrame:
    time.sleep(0.2)
    return pd.DataFrame({"i": [i] * (i + 1)})


@pxw.task(outputs={"table": pxw.Local("out/table.csv")})
def join(parts: list[pd.DataFrame]) -> pd.DataFrame:
    time.sleep(0.5)
    return pd.concat(parts)


@pxw.task
def measure(part: pd.DataFrame) -> int:
    time.sleep(0.2)
    return len(part)


@pxw.flow
def project():
    parts = [make.submit(i) for i in range(6)]
    table = join([part.result() for part in parts])
    sizes = [measure(part) for part in parts]
    if sum(sizes) != 21:
        raise ValueError(sizes)
    return SCRIPT(table)
"""
SCRIPT = """
import time
import proactive_helper as ph
text = ph.load_dataset(variables, resultMap, "table")
time.sleep(0.5)
ph.save_dataset(variables, "sums", b'{"bytes": 1}')
"""


def descendants(pid: int) -> list[int]:
    """All processes that a process started, and those that these started."""
    children = [
        int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()
    ]
    return children + [each for child in children for each in descendants(child)]
