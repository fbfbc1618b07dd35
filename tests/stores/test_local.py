"""Files and folders of this machine: whole or not at all, and nowhere else than declared."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pxw import Local, data
from pxw.errors import DataError, MissingDataError, PlaceError, StorageFullError
from pxw.stores import digests, publishing

FRAME = pd.DataFrame({"a": [1, 2]})


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Whole or not at all ---------------------------------------------------------------------------------------------

WRITE_SLOWLY = """
import sys, time
from pathlib import Path
from pxw.stores.publishing import publish_file, publish_folder
target, folder = Path(sys.argv[1]), sys.argv[2] == "folder"
with (publish_folder if folder else publish_file)(target, durable=True) as temporary:
    (temporary / "a.txt" if folder else temporary).write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_writer_killed_in_the_middle_leaves_nothing_and_the_next_one_clears_up(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "out[1].csv"
    writer = start(WRITE_SLOWLY, target, kind)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert not target.exists()
    assert len(entries(tmp_path)) == 1
    with publishing.publish_file(target, durable=False) as temporary:
        temporary.write_text("whole")
    assert entries(tmp_path) == [target.name]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_writer_that_lives_keeps_its_temporary(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    writer = start(WRITE_SLOWLY, target, kind)
    try:
        assert writer.stdout is not None
        writer.stdout.readline()
        with publishing.publish_file(tmp_path / "out", durable=False) as temporary:
            temporary.write_text("mine")
        assert len(entries(tmp_path)) == 2
    finally:
        writer.kill()
        writer.communicate()


def test_what_fails_in_the_middle_leaves_what_was_there_before(tmp_path: Path) -> None:
    data.save(FRAME, Local(tmp_path / "t.csv"))

    def failing() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [3]})
        raise RuntimeError("half way")

    stream = pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), failing())
    with pytest.raises(RuntimeError, match="half way"):
        data.save(stream, Local(tmp_path / "t.csv"))
    assert (entries(tmp_path), (tmp_path / "t.csv").read_text()) == (["t.csv"], "a\n1\n2\n")


def test_a_folder_that_fails_in_the_middle_does_not_appear(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        data.save({"a.csv": FRAME, "b.csv": object()}, Local(f"{tmp_path}/out/"))
    assert entries(tmp_path) == []


def test_files_that_a_folder_held_before_stay(tmp_path: Path) -> None:
    data.save({"a.txt": "1", "sub/b.txt": "2"}, Local(f"{tmp_path}/out/"))
    data.save({"sub/b.txt": "3", "c.txt": "4"}, Local(f"{tmp_path}/out/"))
    assert data.load(Local(f"{tmp_path}/out/")) == {"a.txt": "1", "c.txt": "4", "sub/b.txt": "3"}


WRITE_OFTEN = """
import sys
import numpy as np, pandas as pd
from pxw import Local, data
sys.stdin.readline()
for _ in range(20):
    ref = data.save(pd.DataFrame({"a": np.full(50_000, int(sys.argv[2]))}), Local(sys.argv[1]))
    assert ref.rows == 50_000
"""


def test_two_writers_at_once_leave_the_whole_work_of_one(tmp_path: Path) -> None:
    writers = [start(WRITE_OFTEN, tmp_path / "t.arrow", number) for number in (1, 2)]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    while any(writer.poll() is None for writer in writers):
        if (tmp_path / "t.arrow").exists():
            assert data.load(Local(tmp_path / "t.arrow"))["a"].nunique() == 1
        time.sleep(0.01)
    for writer in writers:
        writer.communicate()
    assert [writer.returncode for writer in writers] == [0, 0]
    assert entries(tmp_path) == ["t.arrow"]


def test_a_new_file_has_the_mode_of_its_writers_umask_and_a_replaced_one_keeps_its_own(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        data.save("x", Local(tmp_path / "new.txt"))
    finally:
        os.umask(before)
    assert (tmp_path / "new.txt").stat().st_mode & 0o777 == 0o640
    (tmp_path / "new.txt").chmod(0o600)
    data.save("y", Local(tmp_path / "new.txt"))
    assert (tmp_path / "new.txt").stat().st_mode & 0o777 == 0o600


def test_names_may_be_as_long_as_the_file_system_takes(tmp_path: Path) -> None:
    name = "ä" * 120 + ".txt"
    data.save("x", Local(tmp_path / name))
    assert entries(tmp_path) == [name]


# No space, no permission -----------------------------------------------------------------------------------------


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("name", ["t.arrow", "t.csv", "t.jsonl", "t.txt", "t.pkl", "t.npy", "t.csv.gz"])
def test_a_full_disk_is_said_to_be_full_and_nothing_is_left(name: str, tiny: Path) -> None:
    noise = np.random.default_rng(0).random(400_000)
    value = {"t.txt": "x" * 3_000_000, "t.pkl": noise, "t.npy": noise}.get(name, pd.DataFrame({"a": noise}))
    with pytest.raises(StorageFullError, match=r"no space left to write .*tiny") as caught:
        data.save(value, Local(tiny / name))
    assert "bytes are left" in caught.value.help
    assert entries(tiny) == []


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import numpy as np, pandas as pd
from pxw import Local, PxwError, data
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    data.save(pd.DataFrame({"a": np.zeros(100_000)}), Local(sys.argv[1]))
except PxwError as error:
    print(error.code, error.message)
"""


def test_a_limit_on_the_size_of_files_is_no_surprise_either(tmp_path: Path) -> None:
    writer = start(LIMITED, tmp_path / "t.arrow")
    said, _ = writer.communicate()
    assert said.startswith("PXW104 cannot write")
    assert "File too large" in said
    assert entries(tmp_path) == []


def as_nobody(act: Callable[[], None]) -> int:
    """The exit code of a child process without root's rights: 0 if `act` raised what it should."""
    child = os.fork()
    if child == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            act()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_no_permission_is_said_to_be_none() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "secret.csv").write_text("a\n1\n")
        (folder / "secret.csv").chmod(0o600)

        def reading() -> None:
            with pytest.raises(PlaceError, match=r"no permission to read .*secret\.csv"):
                data.load(Local(folder / "secret.csv"))

        def writing() -> None:
            with pytest.raises(PlaceError, match=r"no permission to write .*new\.csv"):
                data.save(FRAME, Local(folder / "new.csv"))

        assert [as_nobody(reading), as_nobody(writing)] == [0, 0]
        assert entries(folder) == ["secret.csv"]


def test_where_nobody_can_write_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="/proc/nothing"):
        data.save("x", Local("/proc/nothing/x.txt"))


# Nowhere else ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "a\\..\\x", "", ".", "x\0y", ".."])
def test_a_name_cannot_lead_out_of_its_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(PlaceError, match="no name for a file"):
        data.save({name: b"x"}, Local(f"{tmp_path}/out/"))
    assert entries(tmp_path) == []


def test_a_link_inside_a_folder_cannot_lead_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/away").symlink_to(tmp_path / "outside")
    with pytest.raises(PlaceError, match="is a link"):
        data.save({"away/x.txt": "x"}, Local(f"{tmp_path}/out/"))
    assert entries(tmp_path / "outside") == []


def test_writing_to_a_link_replaces_the_link_not_what_it_points_at(tmp_path: Path) -> None:
    (tmp_path / "original.txt").write_text("kept")
    (tmp_path / "link.txt").symlink_to(tmp_path / "original.txt")
    data.save("new", Local(tmp_path / "link.txt"))
    assert (tmp_path / "original.txt").read_text() == "kept"
    assert (tmp_path / "link.txt").read_text() == "new"


def test_links_are_followed_when_reading(tmp_path: Path) -> None:
    (tmp_path / "original.txt").write_text("here")
    (tmp_path / "link.txt").symlink_to("original.txt")
    assert data.load(Local(tmp_path / "link.txt")) == "here"


# What is there ---------------------------------------------------------------------------------------------------


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "input.csv").touch()
    with pytest.raises(MissingDataError, match=r"no .*inptu\.csv[\s\S]*did you mean 'input.csv'\?"):
        data.load(Local(tmp_path / "inptu.csv"))
    with pytest.raises(MissingDataError, match=f"last folder of this path that exists is {tmp_path}"):
        data.load(Local(tmp_path / "a/b/c.csv"))


def test_a_broken_link_says_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "x.csv").symlink_to("gone.csv")
    with pytest.raises(MissingDataError, match=r"link to gone\.csv"):
        data.load(Local(tmp_path / "x.csv"))


def test_a_file_is_no_folder_and_a_folder_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.txt").touch()
    for attempt, said in {
        lambda: data.load(Local(f"{tmp_path}/file.txt/")): "a folder is declared",
        lambda: data.save("x", Local(f"{tmp_path}/folder")): "is a folder, and a file is declared",
        lambda: data.save({"a.txt": "x"}, Local(f"{tmp_path}/file.txt/")): "is a file, and a folder",
        lambda: data.save("x", Local(f"{tmp_path}/file.txt/x.txt")): "a part of .* is a file",
        lambda: data.load(Local(f"{tmp_path}/folder"), bytes): "a folder of 0 files, not one bytes",
    }.items():
        with pytest.raises(PlaceError, match=said):
            attempt()


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(PlaceError, match="neither a file nor a folder"):
        data.load(Local(tmp_path / "pipe.csv"))


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a[1].txt").write_text("x")
    assert data.load(Local(tmp_path / "a[1].txt")) == "x"


def test_temporaries_are_no_entries(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / ".b.txt.123.pxw-tmp").write_text("half")
    (tmp_path / ".sub.123.pxw-tmp").mkdir()
    (tmp_path / ".sub.123.pxw-tmp/c.txt").write_text("half")
    assert data.load(Local(f"{tmp_path}/"), dict[str, str]) == {"a.txt": "x"}
    assert data.load(Local(f"{tmp_path}/*.txt"), dict[str, str]) == {"a.txt": "x"}


def test_paths_start_at_home_or_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert data.save("x", Local("~/a.txt")).place == str(tmp_path / "me/a.txt")
    assert data.save("x", Local("sub/a.txt")).place == str(tmp_path / "sub/a.txt")


def test_a_digest_tells_one_changed_bit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\0" * 1_000_000)
    before = digests.digest(tmp_path / "a")
    with (tmp_path / "a").open("r+b") as file:
        file.seek(500_000)
        file.write(b"\1")
    assert digests.digest(tmp_path / "a") != before
    assert digests.digest_of(b"") == digests.digest(Path("/dev/null"))
