"""Runs' folders: journals, claims, and what is kept and collected."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pxw import Ref
from pxw.errors import OutputError, RunningError
from pxw.runs import Run, active, collect, folder_of, hold_for_process, open_run
from pxw.runs.folders import alone
from pxw.settings import Settings, load_settings

DAY = 86400.0


@pytest.fixture
def home() -> Path:
    return load_settings().home


def made(run_id: str, *, age: float = 0, size: int = 0) -> Run:
    """A finished run of some days ago, with some bytes."""
    run = open_run(run_id, "flow")
    with run.noted():
        (run.folder / "data").write_bytes(b"\0" * size)
    when = (run.folder / "journal.jsonl").stat().st_mtime - age * DAY
    os.utime(run.folder / "journal.jsonl", (when, when))
    return run


def kept(home: Path) -> set[str]:
    return {folder.name for folder in (home / "runs").iterdir()}


def settings(**changes: float) -> Settings:
    return load_settings().model_copy(update=changes)


def test_a_run_is_active_while_it_is_held_and_found_by_its_id() -> None:
    run = open_run("one", "flow")
    with run.noted():
        assert active.get() is run
        assert open_run("one", "flow") is run
    assert active.get() is None


def test_names_cannot_lead_out_of_the_runs_folder(home: Path) -> None:
    assert folder_of("../../etc", Settings(home=home)).parent == home / "runs"
    target = open_run("r", "f").target("../a b/", "key", "..")
    assert target.resolve().is_relative_to(home / "runs/r")


def test_the_journal_tells_what_happened() -> None:
    run = open_run("one", "flow")

    def fail() -> None:
        with run.noted():
            run.note_saved(Ref(place="/x", rows=3, size=9, task="t", output="o"), "k")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    lines = [json.loads(line) for line in (run.folder / "journal.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["flow started", "saved", "flow failed"]
    assert (lines[1]["rows"], lines[2]["error"]) == (3, "ValueError: no")


NOTE = """
import sys
from pxw.runs import open_run
run = open_run("shared", "flow")
sys.stdin.readline()
for number in range(300):
    run.note("told", by=sys.argv[1], number=number, padding="x" * int(sys.argv[2]))
"""


def test_lines_of_several_processes_do_not_mix() -> None:
    run = open_run("shared", "flow")
    run.folder.mkdir(parents=True)
    command = [sys.executable, "-c", NOTE]
    writers = [
        subprocess.Popen([*command, str(number), str(size)], stdin=subprocess.PIPE, text=True)
        for number, size in enumerate([10, 5000, 100_000])
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
    lines = [json.loads(line) for line in (run.folder / "journal.jsonl").read_text().splitlines()]
    for by in "012":
        assert [line["number"] for line in lines if line["by"] == by] == list(range(300))


# Claims ----------------------------------------------------------------------------------------------------------


def test_two_outputs_to_one_place_are_refused_with_both_names(tmp_path: Path) -> None:
    run = open_run("one", "flow")
    run.claim(tmp_path / "x.csv", "task 'a', output 'clean'", "key-1")
    for owner, key in [("task 'b', output 'x'", "key-2"), ("task 'a', output 'other'", "key-1")]:
        with pytest.raises(OutputError, match=rf"{owner}, after task 'a', output 'clean'"):
            run.claim(tmp_path / "x.csv", owner, key)


def test_one_place_is_known_by_all_its_names(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    run = open_run("one", "flow")
    run.claim(tmp_path / "real/x.csv", "a", "1")
    for other in ("link/x.csv", "real/../real/x.csv"):
        with pytest.raises(OutputError):
            run.claim(tmp_path / other, "b", "2")


def test_a_retry_writes_to_its_place_again_and_so_does_another_run(tmp_path: Path) -> None:
    open_run("one", "flow").claim(tmp_path / "x.csv", "a", "key")
    open_run("one", "flow").claim(tmp_path / "x.csv", "a", "key")
    open_run("two", "flow").claim(tmp_path / "x.csv", "b", "other")


def test_of_many_at_once_one_gets_the_place(tmp_path: Path) -> None:
    run = open_run("one", "flow")
    won: list[int] = []
    told: list[str] = []
    start = threading.Barrier(8)

    def claim(number: int) -> None:
        start.wait()
        try:
            run.claim(tmp_path / "x.csv", f"task {number}", str(number))
        except OutputError as error:
            told.append(error.message)
        else:
            won.append(number)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert sum(f"after task {won[0]}" in message for message in told) == 7
    assert len(list((run.folder / "claims").iterdir())) == 1


# Collection ------------------------------------------------------------------------------------------------------


def test_runs_that_are_too_old_go(home: Path) -> None:
    made("old", age=20, size=100)
    made("young", age=10)
    assert [name for name, _ in collect(settings(keep_days=14))] == ["old"]
    assert kept(home) == {"young"}


def test_the_oldest_go_when_all_are_too_large(home: Path) -> None:
    for age, name in enumerate(["newest", "middle", "oldest"]):
        made(name, age=age, size=100_000)
    removed = collect(settings(keep_gb=250_000 / 1e9))
    assert [name for name, _ in removed] == ["oldest"]
    assert removed[0][1] >= 100_000
    assert kept(home) == {"newest", "middle"}


def test_a_dry_run_only_tells(home: Path) -> None:
    made("old", age=20)
    assert [name for name, _ in collect(settings(), dry_run=True)] == ["old"]
    assert kept(home) == {"old"}


def test_nothing_is_collected_where_there_is_nothing() -> None:
    assert collect(load_settings()) == []


HOLD = """
import sys, time
from pxw.runs import hold_for_process, open_run
run = open_run("held", "flow")
if sys.argv[1] == "worker":
    hold_for_process(run.folder)
    print("held", flush=True)
    time.sleep(60)
with run.noted():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["flow", "worker"])
def holder(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """Another process that needs the run `held`."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, request.param], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_run_that_a_process_needs_stays_until_the_process_ends_or_dies(
    holder: subprocess.Popen[str], home: Path
) -> None:
    nothing_kept = settings(keep_days=0, keep_gb=0)
    assert collect(nothing_kept) == []
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert [name for name, _ in collect(nothing_kept)] == ["held"]
    assert kept(home) == set()


def test_a_subflows_data_stays_while_its_caller_needs_it(home: Path) -> None:
    with open_run("caller", "outer").noted():
        with open_run("called", "inner").noted():
            pass
        assert collect(settings(keep_days=0)) == []
    assert {name for name, _ in collect(settings(keep_days=0))} == {"caller", "called"}
    assert kept(home) == set()


def test_a_folder_that_is_collected_while_somebody_waits_for_it_is_made_again() -> None:
    run = open_run("one", "flow")
    stop = threading.Event()

    def collecting() -> None:
        while not stop.is_set():
            collect(settings(keep_days=0))

    collector = threading.Thread(target=collecting)
    collector.start()
    try:
        for _ in range(100):
            with run.held():
                run.note("here")
    finally:
        stop.set()
        collector.join()


def test_a_worker_holds_the_runs_that_it_served_last() -> None:
    for number in range(70):
        hold_for_process(open_run(f"run-{number}", "flow").folder)
        hold_for_process(open_run("run-0", "flow").folder)
    removed = {name for name, _ in collect(settings(keep_days=0))}
    assert "run-0" not in removed
    assert "run-1" in removed


def test_what_a_task_gave_comes_back_from_the_journal_with_the_options_of_its_format() -> None:
    from pxw.runs.earlier import retold, told
    from pxw.specs import Arrow, Csv

    for format_ in ("arrow", Arrow(compression="zstd"), Csv(delimiter=";", header=("a", "b"))):
        ref = Ref(place="/x", format=format_, digest="xxh3:0")
        assert retold(json.loads(json.dumps(told(ref)))) == ref


def test_who_only_looks_whether_a_run_goes_on_does_not_keep_it_from_going_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    looking = (folder / ".running").open("a")
    fcntl.flock(looking, fcntl.LOCK_SH)
    threading.Timer(0.05, looking.close).start()
    with alone(folder), pytest.raises(RunningError), alone(folder):
        pass
