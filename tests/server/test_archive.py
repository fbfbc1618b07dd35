"""What is on the disk, and what a start makes of what it finds there."""

import errno
import os
import sqlite3

import pytest

from pxw.errors import PlaceError
from pxw.server.archive import Archive, Incoming
from pxw.server.blobs import Blobs


def taken_in(archive, data=b"abc", name="a.csv"):
    spool = archive.blobs.spool()
    spool.write(data)
    spool.finish()
    (entry,) = archive.add([Incoming("demo", name, spool)])
    return entry


def blobs(root):
    return sorted(path.name for path in (root / "blobs").glob("*/*"))


def test_only_its_owner_may_look_into_a_new_root(root):
    with Archive(root):
        assert root.stat().st_mode & 0o777 == 0o700


def test_a_second_archive_on_the_same_root_is_refused_until_the_first_is_closed(root):
    with Archive(root), pytest.raises(PlaceError, match="another DDM server already runs on") as refused:
        Archive(root)
    assert str(root) in str(refused.value)
    with Archive(root):
        pass


def test_a_restart_finds_what_was_taken_in(root):
    with Archive(root) as archive:
        entry = taken_in(archive)
    with Archive(root) as archive:
        assert archive.lost == []
        assert archive.need(entry.id) == entry
        with archive.open(entry) as file:
            assert file.read() == b"abc"
        assert taken_in(archive).id > entry.id


def test_a_start_removes_temporaries_and_bytes_that_nothing_refers_to(root):
    with Archive(root) as archive:
        entry = taken_in(archive)
        spool = archive.blobs.spool()
        spool.write(b"half")
        spool.finish()
        other = archive.blobs.spool()
        other.write(b"whole")
        other.finish()
        archive.blobs.keep(other)  # killed between the bytes and their row
    with Archive(root):
        assert list((root / "tmp").iterdir()) == []
        assert blobs(root) == [entry.sha256]


@pytest.mark.parametrize("damage", ["removed", "shortened", "a link"])
def test_a_file_whose_bytes_somebody_damaged_is_listed_as_unfinished_and_never_served(root, tmp_path, damage):
    (tmp_path / "secret").write_bytes(b"abc")
    with Archive(root) as archive:
        entry, other = taken_in(archive), taken_in(archive, b"other")
        path = archive.blobs.path(entry.sha256)
    path.unlink()
    if damage == "shortened":
        path.write_bytes(b"ab")
    elif damage == "a link":
        path.symlink_to(tmp_path / "secret")
    with Archive(root) as archive:
        assert archive.lost == [entry.id]
        assert archive.need(entry.id).row()["path"] == ""
        assert archive.need(entry.id).file_size is None
        assert archive.need(other.id) == other


def test_a_link_laid_into_a_running_root_is_not_followed(client, upload, root, tmp_path):
    row = upload(data=b"abc")
    (tmp_path / "secret").write_bytes(b"abc")
    path = root / "blobs" / row["sha256"][:2] / row["sha256"]
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    assert client.get(f"/ddm/file/{row['id']}").status_code == 404


def test_a_catalogue_that_cannot_be_written_leaves_no_bytes(root, monkeypatch):
    with Archive(root) as archive:
        entry = taken_in(archive)

        def refuse(*_):
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(archive.catalogue, "insert", refuse)
        with pytest.raises(sqlite3.OperationalError):
            taken_in(archive, b"new")
        with pytest.raises(sqlite3.OperationalError):
            taken_in(archive, b"abc")
        monkeypatch.undo()
        assert blobs(root) == [entry.sha256]
        assert archive.catalogue.count() == 1
        taken_in(archive, b"new")


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), sqlite3.OperationalError("database or disk is full")]
)
def test_a_full_disk_is_told_as_such(client, root, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(Blobs, "keep", fail)
    files = [("files", ("a.csv", b"1"))]
    answer = client.post("/ddm/files/upload", data={"project_id": "demo"}, files=files)
    assert (answer.status_code, answer.json()["message"]) == (507, "No space left below the server's root.")
    monkeypatch.undo()
    assert list((root / "tmp").iterdir()) == []
    assert client.post("/ddm/files/upload", data={"project_id": "demo"}, files=files).status_code == 200


def test_the_same_bytes_are_stored_once(root):
    with Archive(root) as archive:
        one, two = taken_in(archive), taken_in(archive)
        assert one.id != two.id
        assert blobs(root) == [one.sha256]
