"""A workflow of three old scripts, end to end: what pxw adds to the scripts' own time, on Prefect and inline.

    PREFECT_API_URL=http://127.0.0.1:4200/api python -m tests.bench.old_scripts

The target: at most 0.5 s a task more than what the scripts themselves take, with the server up. Their own time is that
of `python script.py`, with a helper of three lines in the place of the old system's; the runs take turns.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 7
SCRIPT = """
import time
import proactive_helper as ph
value = ph.load_datasets(variables, "in_") if variables["task_name"] != "A" else 0
time.sleep(0.5)
ph.save_datasets(variables, ("out", value + 1))
"""
HELPER = """
import json
def load_datasets(variables, name): return json.load(open("value.json"))
def save_datasets(variables, pair): json.dump(pair[1], open("value.json", "w"))
"""
WORKFLOW = """workflow W {
  START -> A -> B -> C -> END;
  task A { implementation "step"; } task B { implementation "step"; } task C { implementation "step"; }
  A.out --> B.in_; B.out --> C.in_;
}"""


def main() -> None:
    """Print the medians."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users keep their compiled modules
    from pxw.dsl.resolve import resolve
    from pxw.engines.prefect.launching import at_server, configured_url
    from pxw.importing import inline
    from pxw.runner import Setup, flow_of

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tasks/step").mkdir(parents=True)
        (folder / "tasks/step/task.py").write_text(SCRIPT)
        (folder / "w.xxp").write_text(WORKFLOW)
        (folder / "alone").mkdir()
        (folder / "alone/proactive_helper.py").write_text(HELPER)
        for task in "ABC":
            (folder / f"alone/{task}.py").write_text(f"variables = {{'task_name': {task!r}}}\n{SCRIPT}")
        os.environ["PXW_HOME"] = str(folder / "home")
        workflow = resolve(folder / "w.xxp").raise_errors().workflows["W"]
        with inline():
            inline_flow = flow_of(workflow, Setup())
        prefect_flow = flow_of(workflow, Setup())
        run = [sys.executable, "-m", "pxw.cli", "run", str(folder / "w.xxp")]
        ways: dict[str, Callable[[], object]] = {
            "the scripts alone": lambda: [_command([sys.executable, f"{task}.py"], folder / "alone") for task in "ABC"],
            "warm, inline": inline_flow,
            "warm, Prefect": prefect_flow,
            "pxw run --inline": lambda: _command([*run, "--inline"], folder),
            "pxw run": lambda: _command(run, folder),
            "import prefect.flows": lambda: _command([sys.executable, "-c", "import prefect.flows"], folder),
        }
        taken: dict[str, list[float]] = {way: [] for way in ways}
        with at_server(configured_url()):
            for number in range(ROUNDS + 1):
                for way, call in ways.items():
                    began = time.perf_counter()
                    call()
                    if number:  # the first round imports, and compiles
                        taken[way].append(time.perf_counter() - began)
        medians = {way: statistics.median(times) for way, times in taken.items()}
        own = medians["the scripts alone"]
        for way, median in medians.items():
            runs_them = way.startswith(("warm", "pxw"))
            more = f", {(median - own) / 3:+.3f} s a task over the scripts alone" if runs_them else ""
            print(f"{way:20} {median:.2f} s{more}")


def _command(command: list[str], folder: Path) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd=folder)


if __name__ == "__main__":
    main()
