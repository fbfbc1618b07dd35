"""A workflow of three old scripts, end to end: what pxw adds to the scripts' own time, on Prefect and inline.

    PREFECT_API_URL=http://127.0.0.1:4200/api python tests/bench/old_scripts.py

The target: at most 0.5 s a task more than what the scripts themselves take, with the server up.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SECONDS = 0.5  # what each script takes by itself
SCRIPT = f"""
import time
import proactive_helper as ph
value = ph.load_datasets(variables, "in_") if variables["task_name"] != "A" else 0
time.sleep({SECONDS})
ph.save_datasets(variables, ("out", value + 1))
"""
WORKFLOW = """workflow W {
  START -> A -> B -> C -> END;
  task A { implementation "step"; } task B { implementation "step"; } task C { implementation "step"; }
  A.out --> B.in_; B.out --> C.in_;
}"""


def main() -> None:
    """Print the medians of five runs."""
    from pxw.dsl.resolve import resolve
    from pxw.engines.prefect.launching import at_server, configured_url
    from pxw.importing import inline
    from pxw.runner import Setup, flow_of

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tasks/step").mkdir(parents=True)
        (folder / "tasks/step/task.py").write_text(SCRIPT)
        (folder / "w.xxp").write_text(WORKFLOW)
        os.environ["PXW_HOME"] = str(folder / "home")
        workflow = resolve(folder / "w.xxp").raise_errors().workflows["W"]
        with inline():
            flows = {"inline": flow_of(workflow, Setup())}
        flows["Prefect"] = flow_of(workflow, Setup())
        with at_server(configured_url()):
            for engine, flow in flows.items():
                flow()  # imports
                taken = statistics.median(_timed(flow) for _ in range(5))
                print(f"{engine:8} {taken:.2f} s, {(taken - 3 * SECONDS) / 3:.3f} s a task over the scripts' own")
        command = [sys.executable, "-m", "pxw.cli", "run", str(folder / "w.xxp")]
        for options in (["--inline"], []):
            taken = statistics.median(
                _timed(lambda: subprocess.run([*command, *options], check=True, capture_output=True))  # noqa: B023
                for _ in range(3)
            )
            print(
                f"pxw run {' '.join(options)} {taken:.2f} s, {(taken - 3 * SECONDS) / 3:.3f} s a task, imports and all"
            )


def _timed(call: object) -> float:
    began = time.perf_counter()
    call()  # type: ignore[operator]
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
