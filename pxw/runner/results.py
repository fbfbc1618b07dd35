"""What the runs of an experiment gave: `results[node][run]`, in memory, in the journal, and at last in a file."""

from __future__ import annotations

import json
from threading import Lock
from typing import TYPE_CHECKING, Any

from pxw.spaces import Runs
from pxw.stores import publishing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pxw.runs import Run

__all__ = ["Results"]


class Results:
    """The results of an experiment while it runs; its runs may add to them side by side.

    Args:
        run: of the experiment: its journal tells of each result at once, so that a killed process loses none.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._nodes: dict[str, Runs] = {}
        self._lock = Lock()

    def add(self, node: str, number: int, result: dict[str, Any]) -> None:
        """Note what one run gave."""
        self._run.note("run finished", node=node, number=number, **result)
        with self._lock:
            runs = {**self._nodes.get(node, {}), str(number): result}
            self._nodes[node] = Runs(sorted(runs.items(), key=lambda each: int(each[0])))

    def now(self) -> dict[str, Runs]:
        """Those that are there; later ones do not change what this gives."""
        with self._lock:
            return dict(self._nodes)

    def write(self, order: Iterable[str]) -> tuple[dict[str, Runs], Path]:
        """Give all of them, nodes in this order and runs by number; and the file that they are written to."""
        nodes = self.now()
        ordered = {name: nodes[name] for name in order if name in nodes}
        path = self._run.folder / "results.json"
        with publishing.publish_file(path, durable=True) as temporary:
            temporary.write_text(json.dumps(ordered, indent=2, default=str))
        return ordered, path
