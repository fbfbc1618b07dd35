"""What a process costs before and around a small flow: imports, and a 3-task flow over a 1 000-row CSV, inline.

    python tests/bench/startup.py [runs]
    PREFECT_API_URL=http://127.0.0.1:4200/api python tests/bench/startup.py [runs]

With a server that is up, also `pxw run flows/data_processing.py` on it, which may take the import of pandas and Prefect
plus one second. Medians of alternating runs, each a process of its own: the time that passed, and the time on a
processor, which depends less on what else the machine has to do.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any

FLOW = """
    import pandas as pd
    import pxw
    from pydantic import BaseModel, Field

    class Passenger(BaseModel):
        age: float | None = Field(ge=0, le=120)
        fare: float
        survived: int

    @pxw.task(inputs={"raw": Passenger}, outputs={"clean": Passenger})
    def clean(raw: pd.DataFrame) -> pd.DataFrame:
        return raw.dropna().query("age >= 18")

    @pxw.task(inputs=["clean"], outputs=["rates"])
    def rates(clean: pd.DataFrame) -> pd.DataFrame:
        return clean.groupby("survived", as_index=False)["fare"].mean()

    @pxw.task(inputs=["rates"], outputs={"report": pxw.Local("report.json")})
    def report(rates: pd.DataFrame) -> dict[str, float]:
        return {str(row.survived): row.fare for row in rates.itertuples()}

    @pxw.flow
    def main(raw: pxw.Local = pxw.Local("input.csv")) -> pxw.Ref:
        return report(rates(clean(raw)))
"""

BARE = """
    import json
    import pandas as pd

    raw = pd.read_csv("input.csv")
    clean = raw.dropna().query("age >= 18")
    rates = clean.groupby("survived", as_index=False)["fare"].mean()
    with open("report.json", "w") as file:
        json.dump({str(row.survived): row.fare for row in rates.itertuples()}, file)
"""

FLOWS = Path(__file__).parents[2] / "flows"
PXW = ["-c", "from pxw.cli import main; main()"]  # what the script `pxw` does


def commands(folder: Path) -> dict[str, list[str]]:
    """What is measured."""
    (folder / "flow.py").write_text(textwrap.dedent(FLOW))
    (folder / "bare.py").write_text(textwrap.dedent(BARE))
    rows = (f"{age % 90},{age * 1.5},{age % 2}" for age in range(1000))
    (folder / "input.csv").write_text("age,fare,survived\n" + "\n".join(rows) + "\n")
    on_server = {
        "import pandas and Prefect": ["-c", "import pandas, prefect"],
        "pxw run data_processing.py": [*PXW, "run", str(FLOWS / "data_processing.py")],
    }
    return {
        "bare Python": ["-c", "pass"],
        "import pxw": ["-c", "import pxw"],
        "pxw --help": [*PXW, "--help"],
        "import pandas": ["-c", "import pandas"],
        "the work in bare pandas": ["bare.py"],
        "pxw run --inline flow.py": [*PXW, "run", "--inline", "flow.py"],
    } | (on_server if "PREFECT_API_URL" in os.environ else {})


def taken(command: list[str], **options: Any) -> tuple[float, float]:
    """The seconds that a process takes, and those that it is on a processor."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, capture_output=True, **options)
    ended, after = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        timings: dict[str, list[tuple[float, float]]] = {what: [] for what in commands(folder)}
        env = {**os.environ, "PXW_HOME": str(folder / "home")}
        for _ in range(runs + 1):  # the first one fills the disk cache
            for what, command in commands(folder).items():
                timings[what].append(taken(command, cwd=folder, env=env))
    for what, each in timings.items():
        wall, cpu = (statistics.median(seconds) * 1000 for seconds in zip(*each[1:], strict=True))
        print(f"{what:30} {wall:7.0f} ms, {cpu:7.0f} ms on a processor")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
