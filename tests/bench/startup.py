"""What a process costs before and around a small flow: imports, and a 3-task flow over a 1 000-row CSV, inline.

    python tests/bench/startup.py [runs]

Medians of alternating runs, each a process of its own.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

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

PXW = ["-c", "from pxw.cli import main; main()"]  # what the script `pxw` does


def commands(folder: Path) -> dict[str, list[str]]:
    """What is measured."""
    (folder / "flow.py").write_text(textwrap.dedent(FLOW))
    (folder / "bare.py").write_text(textwrap.dedent(BARE))
    rows = (f"{age % 90},{age * 1.5},{age % 2}" for age in range(1000))
    (folder / "input.csv").write_text("age,fare,survived\n" + "\n".join(rows) + "\n")
    return {
        "bare Python": ["-c", "pass"],
        "import pxw": ["-c", "import pxw"],
        "pxw --help": [*PXW, "--help"],
        "import pandas": ["-c", "import pandas"],
        "the work in bare pandas": ["bare.py"],
        "pxw run --inline flow.py": [*PXW, "run", "--inline", "flow.py"],
    }


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        timings: dict[str, list[float]] = {what: [] for what in commands(folder)}
        env = {**os.environ, "PXW_HOME": str(folder / "home")}
        for _ in range(runs + 1):  # the first one fills the disk cache
            for what, command in commands(folder).items():
                began = time.perf_counter()
                subprocess.run([sys.executable, *command], cwd=folder, env=env, check=True, capture_output=True)
                timings[what].append(time.perf_counter() - began)
    for what, seconds in timings.items():
        print(f"{what:30} {statistics.median(seconds[1:]) * 1000:7.0f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
