"""README's walk from a clone to a completed run of a deployment: its lines as they stand, without the installation."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
INSTALLS = "python3 -m venv .venv && . .venv/bin/activate && pip install -q -e . && "


def _lines() -> list[str]:
    section = (ROOT / "README.md").read_text().partition("## Four commands to a deployment")[2].partition("\n## ")[0]
    return re.findall(r"^\$ (.+)$", section, re.MULTILINE)


def _copy(folder: Path) -> None:
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-c", "--null", "-T", "-", "-f", folder / "clone.tar"], cwd=ROOT, check=True, input=files)
    subprocess.run(["tar", "-xf", "clone.tar"], cwd=folder, check=True)


def test_four_lines_lead_from_a_clone_to_a_completed_run(tmp_path: Path) -> None:
    lines = _lines()
    assert len(lines) == 4
    assert lines[0].startswith(INSTALLS)
    lines[0] = lines[0].removeprefix(INSTALLS)
    lines.insert(3, "echo $! > worker.pid")
    _copy(tmp_path)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PREFECT_HOME": f"{tmp_path}/prefect-home",
    }
    said = tmp_path / "said.txt"
    try:
        with said.open("wb") as output:
            code = subprocess.run(
                ["bash", "-c", "\n".join(lines)],
                cwd=tmp_path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
                timeout=900,
            ).returncode
        worker = tmp_path / "worker.log"
        assert code == 0, said.read_text() + (worker.read_text() if worker.exists() else "")
    finally:
        if (tmp_path / "worker.pid").exists():
            os.kill(int((tmp_path / "worker.pid").read_text()), signal.SIGKILL)
        subprocess.run(["pxw", "server", "stop"], env=environment, check=True, timeout=60)
    assert "Flow run finished successfully in 'Completed'" in said.read_text()
    assert (tmp_path / "results/output.csv").read_text().startswith("radius,")
    assert (tmp_path / "results/summary.csv").exists()
