import threading
import time as real_time

import httpx
import pytest

from pxw.ddm.directory import place_below
from pxw.errors import DDMRejectedError, MissingDataError, PlaceError
from pxw.many import files_below, together
from tests.ddm.old_ddm import OldDDM

FILES = {"a.csv": b"1", "sub/b.csv": b"2", "sub/deep/c": b"", ".hidden": b"4"}


@pytest.fixture
def tree(tmp_path):
    for name, content in FILES.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "tree"


def contents(directory):
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("generation", ["V1", "V2"])
def test_a_directory_goes_up_and_comes_down_the_same(connect, tree, tmp_path, generation):
    client = connect(OldDDM(generation))
    assert [entry.name for entry in client.upload_directory(tree, "demo", description="x")] == sorted(FILES)
    client.download_directory("demo", tmp_path / "copy")
    assert contents(tmp_path / "copy") == FILES
    assert {name: path.read_bytes() for name, path in client.fetch_directory("demo").items()} == FILES


def test_the_newest_of_each_file_comes_down(connect, tree, time):
    client = connect(OldDDM())
    then = client.upload_directory(tree, "demo")[-1].when
    client.upload(b"new", "demo", "a.csv")
    assert client.fetch_directory("demo")["a.csv"].read_bytes() == b"new"
    assert client.fetch_directory("demo", as_of=then)["a.csv"].read_bytes() == b"1"


def test_what_is_there_already_can_be_left_out(connect, tree):
    ddm = OldDDM()
    client = connect(ddm)
    first = client.upload_directory(tree, "demo")
    (tree / "a.csv").write_bytes(b"9")
    (tree / "new").write_bytes(b"new")
    second = client.upload_directory(tree, "demo", skip_same=True)
    assert {entry.name for entry in second} == {*FILES, "new"}
    assert {entry.name for entry in second if entry not in first} == {"a.csv", "new"}


def test_unfinished_files_stay_here(connect, tree):
    (tree / ".pxw-0123").write_bytes(b"half")
    assert [name for name, _ in files_below(tree)] == sorted(FILES)


def test_a_directory_that_is_not_there_is_told(tmp_path):
    with pytest.raises(MissingDataError, match="no such directory"):
        list(files_below(tmp_path / "nothing"))


@pytest.mark.parametrize(
    "name", ["../x", "a/../x", "/etc/passwd", "..", ".", "", "a\\..\\b", "a\0b", "a//b", "./a", "a/"]
)
def test_a_name_cannot_lead_out_of_the_directory(tmp_path, name):
    with pytest.raises(PlaceError, match="does not stay"):
        place_below(tmp_path, name)


def test_a_hostile_name_stops_a_download_before_it_begins(connect, tmp_path):
    ddm = OldDDM()
    ddm.add("demo", "good", b"1")
    ddm.add("demo", "../evil", b"2")
    with pytest.raises(PlaceError):
        connect(ddm).download_directory("demo", tmp_path / "here")
    assert not (tmp_path / "evil").exists()
    assert ddm.asked("GET", "/ddm/file/") == 0


def test_files_move_at_the_same_time(connect, tree, tmp_path):
    ddm, barrier = OldDDM("V2"), threading.Barrier(3)

    def wait_for_the_others(request):
        if "/files/upload" in request.url.path or "/file/" in request.url.path:
            barrier.wait(timeout=5)
        return ddm(request)

    (tree / "sub/deep/c").unlink()  # an empty one is not read back
    client = connect(wait_for_the_others, workers=3)
    client.upload_directory(tree, "demo")
    client.download_directory("demo", tmp_path / "copy")


def test_the_first_failure_stops_what_has_not_begun():
    begun = []

    def work(number):
        begun.append(number)
        real_time.sleep(0.01)
        if number == 1:
            raise ValueError("the first failure")

    with pytest.raises(ValueError, match="the first failure"):
        together(work, range(100), workers=2)
    assert len(begun) < 10


def test_a_failed_upload_of_a_directory_tells_the_file(connect, tree):
    ddm = OldDDM()

    def refuse(request):
        if request.method == "POST" and b'filename="sub/b.csv.bin"' in request.read():
            return httpx.Response(400, text="not this one")
        return ddm(request)

    with pytest.raises(DDMRejectedError, match="not this one"):
        connect(refuse).upload_directory(tree, "demo")


def test_the_progress_of_a_directory_is_that_of_all_its_files(connect, tree, tmp_path):
    client, up, down = connect(OldDDM("V2")), [], []
    client.upload_directory(tree, "demo", progress=lambda *numbers: up.append(numbers))
    client.download_directory("demo", tmp_path / "copy", progress=lambda *numbers: down.append(numbers))
    assert up == down == [(1, 3), (2, 3), (3, 3)]
