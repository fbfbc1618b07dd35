"""The journal of a run: what is told in it survives what happens to those who write it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

from pxw.runs.journal import OpenJournal, events, note


def told(folder: Path) -> list[str]:
    return [event["event"] for event in takewhile(lambda event: event is not None, events(folder)) if event]


def test_a_line_that_a_dying_process_left_torn_takes_no_other_with_it(tmp_path: Path) -> None:
    note(tmp_path, "first", {})
    with (tmp_path / "journal.jsonl").open("a") as journal:
        journal.write('{"at": 1.5, "event": "torn", "error": "it said {\\"at\\": 7')
    note(tmp_path, "second", {"error": 'he said {"at": 1}'})
    with (tmp_path / "journal.jsonl").open("a") as journal:
        journal.write('{"at": 2.5, "ev')
    assert told(tmp_path) == ["first", "second"]


def test_whole_lines_are_read_while_a_process_is_killed_over_and_over(tmp_path: Path) -> None:
    write = f"""
from itertools import count
from pathlib import Path
from pxw.runs.journal import note
for number in count():
    note(Path({str(tmp_path)!r}), "told", {{"padding": "é" * 3000}})
    if number == 20:
        print("going", flush=True)
"""
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", write], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "going\n"
            writer.send_signal(signal.SIGKILL)
    note(tmp_path, "last", {})
    found = told(tmp_path)
    assert set(found) == {"told", "last"}
    assert found.count("told") >= 60


def test_an_event_that_the_disk_has_no_room_for_is_an_error_and_costs_no_other_event(tmp_path: Path) -> None:
    write = f"""
import resource
from pathlib import Path
from pxw.runs.journal import note
folder = Path({str(tmp_path)!r})
note(folder, "small", {{}})
room = (folder / "journal.jsonl").stat().st_size + 50
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
note(folder, "large", {{"padding": "x" * 100}})
"""
    ran = subprocess.run([sys.executable, "-c", write], stderr=subprocess.PIPE, text=True, check=False)
    assert "OSError" in ran.stderr
    note(tmp_path, "later", {})
    assert told(tmp_path) == ["small", "later"]


def test_what_is_told_after_one_of_two_holders_is_done_is_kept(tmp_path: Path) -> None:
    first, second = OpenJournal(tmp_path), OpenJournal(tmp_path)
    note(tmp_path, "by both", {})
    first.close()
    note(tmp_path, "by one", {})
    second.close()
    note(tmp_path, "by none", {})
    assert told(tmp_path) == ["by both", "by one", "by none"]


def test_a_folder_that_was_removed_and_made_again_has_a_journal_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for word in ("old", "new"):
        folder.mkdir()
        journal = OpenJournal(folder)
        note(folder, word, {})
        journal.close()
        assert told(folder) == [word]
        shutil.rmtree(folder)
