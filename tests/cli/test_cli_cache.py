"""`pxw cache ls|gc|verify`: what pxw keeps by itself."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pxw.cache import Cache
from pxw.runs import open_run
from pxw.settings import load_settings

Pxw = Callable[..., tuple[int, str, str]]


@pytest.fixture
def kept(pxw: Pxw, three: Path) -> Path:
    """The folder of a run, with a copy of a remote file beside."""
    assert pxw("run", str(three), "--inline")[0] == 0
    cache = Cache(load_settings().home / "cache")
    with cache.room() as file:
        file.write(b"abc")
        cache.adopt(file, hashlib.sha256(b"abc").hexdigest())
    (folder,) = load_settings().runs.iterdir()
    return folder


def spoil(path: Path) -> None:
    """Change a byte, and nothing that a listing tells."""
    state = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"X" + path.read_bytes()[1:])
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_what_is_kept_is_told_with_what_is_old(pxw: Pxw, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, copies = json.loads(pxw("cache", "ls", "--json")[1])
    assert (runs["kind"], runs["count"], runs["old"]) == ("runs", 1, 0)
    assert (copies["kind"], copies["count"], copies["size"]) == ("copies", 1, 3)
    monkeypatch.setenv("PXW_KEEP_DAYS", "0")
    runs, copies = json.loads(pxw("cache", "ls", "--json")[1])
    assert runs["old"] == runs["size"] > 0
    assert copies["old"] == 3
    assert "`pxw cache gc` removes what is old" in pxw("cache", "ls")[2]
    assert kept.exists()


def test_what_is_whole_is_said_to_be(pxw: Pxw, kept: Path) -> None:
    code, out, _ = pxw("cache", "verify")
    assert (code, out.strip()) == (0, "3 whole, 0 damaged or missing")


def test_damage_is_named_and_nothing_is_removed_unless_asked(pxw: Pxw, kept: Path) -> None:
    (copy,) = (load_settings().home / "cache").glob("??/*")
    (table,) = kept.glob("clean-*/clean.arrow")
    spoil(copy)
    spoil(table)
    code, out, _ = pxw("cache", "verify")
    assert code == 1
    assert "damaged clean.clean of run " in out
    assert "damaged a copy of a remote file" in out
    assert "1 whole, 2 damaged or missing" in out
    assert copy.exists()
    assert table.exists()
    told = json.loads(pxw("cache", "verify", "--remove", "--json")[1])
    assert [(each["what"], each["removed"]) for each in told["bad"]] == [("damaged", True), ("damaged", True)]
    assert not copy.exists()
    assert not table.exists()
    code, out, _ = pxw("cache", "verify")
    assert code == 1
    assert "missing clean.clean of run" in out


def test_a_forged_journal_removes_nothing_outside_of_its_run(pxw: Pxw, kept: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.arrow"
    theirs.write_bytes(b"theirs")
    journal = kept / "journal.jsonl"
    (table,) = kept.glob("clean-*/clean.arrow")
    forged = journal.read_text().replace(str(table), f"{kept}/../../../{theirs.name}")
    assert (kept / "../../.." / theirs.name).resolve() == theirs
    journal.write_text(forged)
    assert pxw("cache", "verify", "--remove")[0] == 0
    assert theirs.read_bytes() == b"theirs"


def test_damage_in_a_run_that_goes_on_is_named_and_stays(pxw: Pxw, kept: Path) -> None:
    (table,) = kept.glob("clean-*/clean.arrow")
    spoil(table)
    with open_run(kept.name, "three").held():
        (bad,) = json.loads(pxw("cache", "verify", "--remove", "--json")[1])["bad"]
    assert bad["removed"] is False
    assert table.exists()
