"""Kill runs at random moments, and see that they go on: Completed, nothing twice, nothing stray.

    python -m tests.bench.kill_worker [rounds] [--inline | --worker] [--seed=N]

Each round starts a flow of Python tasks and an old script with `pxw run`, kills all its processes with SIGKILL at a
random moment, and once more after it was resumed, and lets `pxw run --resume` bring it to its end. On Prefect it uses
the server of `PREFECT_API_URL`, or one of its own.

With `--worker` the run is one of a deployment, and what is killed is the flow's process, the worker with it, or the
worker alone. The worker tells of a dead process, a process that loses its worker ends by itself, and missing heartbeats
tell of both. `prefect flow-run retry` resumes.
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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager, nullcontext, redirect_stdout, suppress
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from pxw.engines.prefect import local_server
from tests.bench.killing import PROJECT, SCRIPT, descendants
from tests.workers import worker

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

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
        kill([process.pid, *descendants(process.pid)])
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


class Deployed(Round):
    """A run of a deployment: its process is killed, the worker, or both."""

    def go(self) -> None:
        """Kill it as often as chance wants, and let it come to its end."""
        from prefect.client.orchestration import get_client  # here, since Prefect reads at its import where its API is

        start = partial(worker, "killed", self.folder, {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"})  # none is shorter
        with ExitStack() as stack, chdir(self.folder), get_client(sync_client=True) as self.client:
            self.worker = stack.enter_context(start())
            self.run = self.ask()
            while self.kills < 2 and self.killed(self.chance.choice(["process", "worker", "both"])):
                self.kills += 1
                if self.worker.process.poll() is not None:
                    self.worker = stack.enter_context(start())
                if self.end() != "CRASHED":
                    break
                words = [PYTHON, "-m", "prefect", "flow-run", "retry", str(self.run)]
                subprocess.run(words, check=True, capture_output=True)
            if self.end() != "COMPLETED":
                sys.exit(f"{self.folder}: the run ended {self.state()!r}\n{self.worker.said()[-3000:]}")

    def ask(self) -> UUID:
        """Deploy the flow, and ask for a run of it."""
        import prefect

        source = prefect.flow.from_source(source=str(self.folder), entrypoint="project.py:project")
        with redirect_stdout(StringIO()):  # a table for each round
            deployment = source.deploy("killed", work_pool_name="killed", ignore_warnings=True, print_next_steps=False)
        variables = {"env": {"PXW_HOME": str(self.folder / "home"), "DO_NOT_TRACK": "1"}}
        return self.client.create_flow_run_from_deployment(deployment, job_variables=variables).id

    def killed(self, victim: str) -> bool:
        """Wait for a random moment after the flow has begun, and kill them, unless the run is over."""
        began = len(self.lines())
        self.wait(lambda: len(self.lines()) > began, "a line in the journal")
        time.sleep(self.chance.uniform(0, 3))
        if b'"flow finished"' in self.lines()[-1]:
            return False
        leader = self.worker.process.pid
        children = [] if victim == "worker" else descendants(leader)
        told = self.deaths_told()
        kill([*([] if victim == "process" else [leader]), *children])
        if victim != "process":
            self.worker.process.wait()
        if victim == "process":  # Prefect tells of it twice; the second time would end a run that goes on already
            self.wait(lambda: self.deaths_told() > told, "word of the dead process")
        return True

    def deaths_told(self) -> int:
        return self.worker.said().count("flow_runs.worker - Check whether the flow run exceeded")

    def end(self) -> str:
        """Wait for the end of the run: the type of its state."""
        self.wait(lambda: self.state().is_final(), "an end of the run")
        return self.state().type.value

    def state(self) -> State:
        state = self.client.read_flow_run(self.run).state
        assert state
        return state

    def wait(self, holds: Callable[[], bool], wanted: str) -> None:
        deadline = time.monotonic() + LONGEST
        while not holds():
            if time.monotonic() > deadline:
                sys.exit(f"{self.folder}: there is not {wanted}\n{self.worker.said()[-3000:]}")
            time.sleep(0.05)


def kill(pids: list[int]) -> None:
    """End these processes, without a chance to tidy up."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def served() -> Iterator[None]:
    """Have a server for all rounds."""
    if "PREFECT_API_URL" in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="pxw-kill-") as home:
        os.environ["PREFECT_HOME"] = home
        os.environ["PREFECT_API_URL"] = local_server.ensure(Path(home))[0].url
        try:
            find_dead_runs(Path(home))
            yield
        finally:
            local_server.stop(Path(home))


def find_dead_runs(folder: Path) -> None:
    """Create the automation of docs/how-to/robust-runs.md, for heartbeats that come as often as they can."""
    page = (Path(__file__).parents[2] / "docs/how-to/robust-runs.md").read_text()
    text = page.partition('```yaml title="dead-runs.yaml"\n')[2].partition("```")[0]
    (folder / "dead-runs.yaml").write_text(text.replace("within: 540", "within: 40"))
    command = [PYTHON, "-m", "prefect", "automation", "create", "--from-file", "dead-runs.yaml"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def main() -> None:
    """Print a line for each round."""
    options = [word for word in sys.argv[1:] if word.startswith("--")]
    rounds = int(next((word for word in sys.argv[1:] if not word.startswith("--")), "20"))
    seed = int(next((word.partition("=")[2] for word in options if word.startswith("--seed=")), "1"))
    kind = next((word for word in options if word == "--inline"), "")
    each = Deployed if "--worker" in options else Round
    print("round  kills  tasks finished  reused")
    with nullcontext() if kind else served():
        for number in range(rounds):
            with tempfile.TemporaryDirectory(prefix="pxw-kill-") as folder:
                one = each(Path(folder), kind, random.Random(seed * 1000 + number))
                one.go()
                finished, reused = one.verdict()
                print(f"{number:5}  {one.kills:5}  {finished:14}  {reused:6}", flush=True)
    print(f"{rounds} runs, all Completed; no task finished twice, no stray file")


if __name__ == "__main__":
    main()
