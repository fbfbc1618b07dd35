"""Servers of the benches, as processes of their own, and what memory a process takes."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self


class Server(NamedTuple):
    url: str
    pid: int


@contextmanager
def running(module: str, root: Path) -> Iterator[Server]:
    """Run `python -m tests.bench.<module> <root>` until the end; it prints its URL first."""
    root.mkdir()
    command = [sys.executable, "-m", f"tests.bench.{module}", str(root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Server(process.stdout.readline().strip(), process.pid)
    finally:
        process.terminate()
        process.communicate()


def resident(pid: int | str = "self") -> float:
    """Megabytes that a process has in memory, without the files that it maps."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) / 1024


class Peak:
    """The largest memory of some processes beyond what they had at the start, looked at 100 times a second."""

    def __init__(self, *pids: int | str) -> None:
        self._start = {pid: resident(pid) for pid in pids}
        self.beyond = dict.fromkeys(pids, 0.0)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._end.wait(0.01):
            for pid, start in self._start.items():
                self.beyond[pid] = max(self.beyond[pid], resident(pid) - start)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
