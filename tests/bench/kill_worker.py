"""Kill runs at random moments, and see that they go on: Completed, nothing twice, nothing stray.

    python -m tests.bench.kill_worker [rounds] [--inline] [--seed=N]

Each round starts a flow of Python tasks and an old script with `pxw run`, kills all its processes with SIGKILL at a
random moment, and once more after it was resumed, and lets `pxw run --resume` bring it to its end. On Prefect it uses
the server of `PREFECT_API_URL`, or one of its own.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from pxw.engines.prefect import local_server
from tests.bench.killing import PROJECT, SCRIPT, descendants

PYTHON = sys.executable
LONGEST = 300.0


class Round:
    """One run in a folder of its own, killed and resumed until it is over."""

    def __init__(self, folder: Path, kind: str, chance: random.Random) -> None:
        self.folder = folder
        self.kind = kind
        self.chance = chance
        self.kills = 0
        self.environment = os.environ | {"PXW_HOME": str(folder / "home"), "DO_NOT_TRACK": "1"}
        (folder / "project.py").write_text(PROJECT)
        (folder / "script.py").write_text(SCRIPT)

    def run_id(self) -> str:
        """The id of the run that has begun."""
        return next((path.parent.name for path in self.folder.glob("home/runs/*/journal.jsonl")), "")

    def go(self) -> None:
        """Kill it as often as chance wants, and let it come to its end."""
        while True:
            process = self.start()
            if self.kills < 2 and not self.ends_before_the_kill(process):
                self.kills += 1
                continue
            if process.wait(timeout=LONGEST):
                sys.exit(f"{self.folder}: the run failed\n{(self.folder / 'output.txt').read_text()[-3000:]}")
            return

    def start(self) -> subprocess.Popen[bytes]:
        """Run it, or go on with it."""
        words = ["--resume", self.run_id()] if self.run_id() else ["project.py", *([self.kind] if self.kind else [])]
        with (self.folder / "output.txt").open("ab") as output:
            return subprocess.Popen(
                [PYTHON, "-m", "pxw.cli", "run", *words],
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ends_before_the_kill(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait for a random moment after the flow has begun, and kill all processes there are."""
        began = len(self.lines())
        while len(self.lines()) == began and process.poll() is None:
            time.sleep(0.02)
        time.sleep(self.chance.uniform(0, 3))
        if process.poll() is not None:
            return True
        for pid in [process.pid, *descendants(process.pid)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.wait()
        return False

    def lines(self) -> list[bytes]:
        return [
            line for path in self.folder.glob("home/runs/*/journal.jsonl") for line in path.read_bytes().splitlines()
        ]

    def verdict(self) -> tuple[int, int]:
        """How many tasks were finished and reused; whatever is wrong ends the program."""
        events = []
        for line in self.lines():
            try:
                events.append(json.loads(line[max(line.rfind(b'{"at": '), 0) :]))
            except ValueError:
                continue  # torn by the kill
        finished = Counter((event["task"], event["call"]) for event in events if event["event"] == "finished")
        twice = [task for (task, _), count in finished.items() if count > 1]
        stray = [path for path in self.folder.rglob("*") if "pxw-tmp" in path.name]
        stray += [path for path in (self.folder / "out").iterdir() if path.name not in {"table.csv", "sums.json"}]
        text = (self.folder / "out/table.csv").read_text()
        wrong = [] if text == "".join(["i\n", *(f"{i}\n" for i in range(6) for _ in range(i + 1))]) else [text[:200]]
        if twice or stray or wrong or events[-1]["event"] != "flow finished":
            sys.exit(f"{self.folder}: finished twice {twice}, stray {stray}, wrong {wrong}, last {events[-1]}")
        return len(finished), sum(event["event"] == "reused" for event in events)


@contextmanager
def served() -> Iterator[None]:
    """Have a server for all rounds."""
    if "PREFECT_API_URL" in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="pxw-kill-") as home:
        os.environ["PREFECT_API_URL"] = local_server.ensure(Path(home))[0].url
        try:
            yield
        finally:
            local_server.stop(Path(home))


def main() -> None:
    """Print a line for each round."""
    options = [word for word in sys.argv[1:] if word.startswith("--")]
    rounds = int(next((word for word in sys.argv[1:] if not word.startswith("--")), "20"))
    seed = int(next((word.partition("=")[2] for word in options if word.startswith("--seed=")), "1"))
    kind = next((word for word in options if word == "--inline"), "")
    print("round  kills  tasks finished  reused")
    with nullcontext() if kind else served():
        for number in range(rounds):
            with tempfile.TemporaryDirectory(prefix="pxw-kill-") as folder:
                one = Round(Path(folder), kind, random.Random(seed * 1000 + number))
                one.go()
                finished, reused = one.verdict()
                print(f"{number:5}  {one.kills:5}  {finished:14}  {reused:6}", flush=True)
    print(f"{rounds} runs, all Completed; no task finished twice, no stray file")


if __name__ == "__main__":
    main()
