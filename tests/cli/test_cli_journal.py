"""A run's journal, followed while it grows, and shown."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import threading
import time
from pathlib import Path

from rich.console import Console

from pxw.cli.inputs import Uses
from pxw.cli.journal import Follower, Progress
from pxw.cli.progress import _Table, showing
from pxw.runs import Run


def _event(event: str, task: str = "t", key: str = "1", **facts):
    return {"at": 1.0, "event": event, "task": task, "key": key, **facts}


def test_a_run_that_failed_and_started_again_counts_as_a_retry():
    progress = Progress()
    for event in ("started", "failed", "started"):
        progress.take(_event(event, error="no luck"))
    task = progress.tasks["t"]
    assert (task.state, task.retries) == ("running", 1)
    progress.take(_event("finished"))
    assert (task.state, task.count("done")) == ("done", 1)


def test_runs_from_the_cache_are_done_and_say_so():
    console = Console(file=io.StringIO(), width=200)
    progress = Progress()
    with showing(console, progress) as shown:
        for key in ("1", "2"):
            shown.take(_event("saved", key=key, output="o", rows=3, size=50, place="/x"))
            shown.take(_event("cached", key=key))
    task = progress.tasks["t"]
    assert (task.state, task.count("done"), task.before["cached"], task.rows) == ("done", 2, 2, 6)
    assert console.file.getvalue().splitlines() == ["✓ t: 3 rows, 50 B, from the cache"] * 2


def test_rows_and_bytes_of_all_runs_of_a_task_add_up():
    progress = Progress()
    for key in ("1", "2"):
        progress.take(_event("started", key=key))
        progress.take(_event("saved", key=key, output="o", rows=3, size=50, place="/x"))
    progress.take(_event("failed", key="2", error="no"))
    task = progress.tasks["t"]
    assert (task.rows, task.size, task.state, task.count("failed")) == (6, 100, "running", 1)


def test_a_follower_gives_each_event_once_also_those_of_subflows_and_half_written_lines(tmp_path):
    seen = []
    outer, inner = (Run(name, name, tmp_path / name) for name in ("outer", "inner"))
    with Follower(tmp_path, lambda event: seen.append((event["event"], event.get("flow")))) as follower:
        follower.watch("outer")
        with outer.noted(), inner.noted():
            line = json.dumps({"at": time.time(), "event": "half"}).encode() + b"\n"
            with (inner.folder / "journal.jsonl").open("ab", buffering=0) as journal:
                journal.write(line[:9])
                time.sleep(0.15)
                journal.write(line[9:])
    assert seen == [
        ("flow started", "outer"),
        ("subflow started", "inner"),
        ("flow started", "inner"),
        ("half", None),
        ("flow finished", None),
        ("flow finished", None),
    ]


def test_a_log_file_gets_one_line_an_end_and_no_control_characters():
    console = Console(file=io.StringIO(), width=200)
    with showing(console, Progress()) as shown:
        for event in (_event("started"), _event("failed", error="ValueError: no\nmore"), _event("started")):
            shown.take(event)
        shown.take(_event("saved", output="o", rows=1200, size=5000, place="/x"))
        shown.take(_event("finished"))
    assert console.file.getvalue().splitlines() == [
        "▸ t: started",
        "✗ t: ValueError: no, 0.00 s",
        "↻ t: tried again",
        "✓ t: 1,200 rows, 5.0 kB, 0.00 s",
    ]


def test_a_small_terminal_shows_what_runs_and_leaves_out_what_is_done():
    console = Console(file=io.StringIO(), width=80, height=8, force_terminal=True)
    progress = Progress()
    with showing(console, progress) as shown:
        for number in range(20):
            shown.take(_event("started", task=f"t{number:02}", key=str(number)))
            if number:
                shown.take(_event("finished", task=f"t{number:02}", key=str(number)))
        shown.stop()
    last = console.file.getvalue().split("...")[-1]
    assert "more" in last
    assert "t00" in last
    assert "t19" in last
    assert "t05" not in last


def _on_terminal(*arguments: str, **environment: str) -> str:
    """What a command writes to a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pxw.cli", *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"} | environment,
    )
    os.close(follower)
    said = bytearray()

    def read() -> None:
        try:
            while chunk := os.read(leader, 4096):
                said.extend(chunk)
        except OSError:  # the other end is closed
            return

    reader = threading.Thread(target=read)
    reader.start()
    assert process.wait(timeout=60) == 0
    reader.join()
    os.close(leader)
    return said.decode()


def test_a_terminal_shows_which_runs_of_an_experiment_go_on_and_which_failed():
    console = Console(file=io.StringIO(), width=60, height=20, force_terminal=True, color_system=None)
    progress = Progress()
    for n in range(1, 9):
        progress.take(_event("started", "Fit", str(n), label=f"Trees-{n}"))
    progress.take(_event("finished", "Fit", "1", label="Trees-1"))
    assert progress.tasks["Fit"].going[:2] == ["Trees-2", "Trees-3"]
    console.print(_Table(console, progress))
    (line,) = console.file.getvalue().splitlines()
    assert "1 of 8" in line
    assert "Trees-2, Tree" in line
    assert "…" in line
    for n in range(2, 9):
        progress.take(_event("failed", "Fit", str(n), label=f"Trees-{n}", error="ValueError: no"))
    console.print(_Table(console, progress))
    assert "Trees-8: ValueError: no" in console.file.getvalue()


def test_a_log_file_says_which_run_of_an_experiment_began():
    console = Console(file=io.StringIO(), width=100)
    with showing(console, Progress()) as shown:
        shown.take(_event("started", "Fit", "1", label="Trees-1"))
        shown.take(_event("finished", "Fit", "1", label="Trees-1"))
    assert console.file.getvalue().splitlines() == ["▸ Trees-1 Fit: started", "✓ Trees-1 Fit: 0.00 s"]


def test_a_terminal_gets_colours_unless_no_color_is_set(three: Path):
    green = "\x1b[1;32mthree done"
    assert green in _on_terminal("run", "three.py", "--inline")
    plain = _on_terminal("run", "three.py", "--inline", NO_COLOR="1")
    assert "three done" in plain
    assert "\x1b[32m" not in plain


# What a flow's source tells of its parameters ------------------------------------------------------------------------


def test_parameters_that_are_saved_to_assigned_or_handed_on_are_no_inputs(tmp_path):
    import pxw

    @pxw.task(inputs={"table": pxw.Dataset(schema={"a": "double"})}, outputs=["x"])
    def work(table, other=None): ...

    def unknown(_): ...

    def flow(read, kept, passed, target, moved, assigned, handed, sometimes, flag):
        first = work(read)
        work.submit(other=kept, table=first)
        work.with_options(retries=1, outputs={"x": target})(passed)
        pxw.save(first, spec=moved)
        assigned = 3
        unknown([handed])
        if flag:
            work(sometimes)
        return str(flag), assigned

    uses = Uses.of(flow)
    assert uses.written == {"target", "moved"}
    assert {"assigned", "handed", "first"} == uses.unseen
    assert {name for name, readers in uses.read_by.items() if readers} == {"read", "kept", "passed", "first"}
    assert [read.args for read in uses.read_by["read"]] == [("table",)]
    assert [read.args for read in uses.read_by["kept"]] == [("other",)]
