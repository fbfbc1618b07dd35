"""What comes out: bytes, ranges of them, and zips."""

import io
import zipfile

import pytest


@pytest.mark.parametrize(
    ("asked", "status", "data", "told"),
    [
        ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
        ("bytes=3-5", 206, b"345", "bytes 3-5/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=7-999", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=-99", 200, b"0123456789", None),
        ("bytes=0-", 200, b"0123456789", None),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=5-3", 416, None, "bytes */10"),
        ("bytes=-0", 416, None, "bytes */10"),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=" + "9" * 5000 + "-", 200, b"0123456789", None),
    ],
)
def test_a_range_is_answered_as_the_standard_says(client, upload, asked, status, data, told):
    row = upload(data=b"0123456789")
    answer = client.get(f"/ddm/file/{row['id']}", headers={"Range": asked})
    assert answer.status_code == status
    assert answer.headers.get("content-range") == told
    if data is not None:
        assert answer.content == data
        assert answer.headers["content-length"] == str(len(data))


def test_a_download_is_resumed_only_while_the_bytes_are_the_same(client, upload):
    row = upload(data=b"0123456789")
    url = f"/ddm/file/{row['id']}"
    etag = client.get(url).headers["etag"]
    assert client.get(url, headers={"Range": "bytes=5-", "If-Range": etag}).content == b"56789"
    assert client.get(url, headers={"Range": "bytes=5-", "If-Range": '"other"'}).content == b"0123456789"
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304


def test_a_head_request_tells_the_size_and_sends_nothing(client, upload):
    row = upload(data=b"0123456789")
    answer = client.head(f"/ddm/file/{row['id']}")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "10", b"")


def test_an_empty_file_is_downloadable(client, upload):
    row = upload(data=b"")
    answer = client.get(f"/ddm/file/{row['id']}")
    assert (answer.status_code, answer.content, row["file_size"]) == (200, b"", 0)


@pytest.mark.parametrize("file_id", ["unknown", "0", "..", "%2e%2e%2fcatalogue.sqlite3", "%00", "a" * 5000])
def test_an_unknown_file_is_a_404(client, file_id):
    assert client.get(f"/ddm/file/{file_id}").status_code == 404


def test_a_download_is_always_saved_under_the_file_name_and_never_shown(client, upload):
    row = upload('sub/a "ü".html', b"<script>alert(1)</script>")
    answer = client.get(f"/ddm/file/{row['id']}")
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''a%20%22%C3%BC%22.html"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


def bundle(answer):
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as zipped:
        assert zipped.testzip() is None
        return {name: zipped.read(name) for name in zipped.namelist()}


def test_several_files_come_as_a_zip_under_unique_names(client, upload):
    one, two = upload("a.csv", b"1"), upload("A.csv", b"2" * 3_000_000)
    answer = client.post("/ddm/files/download", json={"file_ids": [one["id"], two["id"], one["id"]]})
    assert bundle(answer) == {"a.csv": b"1", f"{two['id']}/A.csv": b"2" * 3_000_000}
    assert client.post("/ddm/files/download", json={"file_ids": [one["id"], "?"]}).status_code == 404
    assert client.post("/ddm/files/download", json={"file_ids": []}).status_code == 400


def test_the_zip_of_a_project_holds_exactly_its_own_files(client, upload):
    upload("a.csv", b"1", "demo")
    upload("sub/b.csv", b"2", "demo")
    upload("c.csv", b"3", "demo/below")
    upload("d.csv", b"4", "demonstration")
    answer = client.post("/ddm/files/download/project", json={"project_id": "demo"})
    assert bundle(answer) == {"a.csv": b"1", "sub/b.csv": b"2"}
    assert client.post("/ddm/files/download/project", json={"project_id": "dem"}).status_code == 404


def test_a_zip_can_be_unpacked_anywhere(client, upload, tmp_path):
    upload("C:\\windows\\x.dll", b"1")
    upload("a:b*c?.csv", b"2")
    names = bundle(client.post("/ddm/files/download/project", json={"project_id": "demo"}))
    assert sorted(names) == ["C__windows_x.dll", "a_b_c_.csv"]
