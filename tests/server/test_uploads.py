"""What goes in: the upload routes as old and new clients use them."""

import errno
import hashlib
import json
from pathlib import Path

import pytest


def rows(client, **query):
    return client.get("/ddm/catalog/list", params={"perPage": 1000, **query}).json()["data"]


def leftovers(root: Path) -> list[Path]:
    blobs = list((root / "blobs").glob("*/*"))
    return [*(root / "tmp").iterdir(), *blobs]


def test_several_files_come_back_as_rows_in_their_order(client):
    files = [("files", ("b.csv", b"1")), ("files", ("a.json", b"22")), ("files", ("empty", b""))]
    answer = client.post("/ddm/files/upload", data={"project_id": "demo/one"}, files=files)
    assert answer.status_code == 200
    body = answer.json()
    assert body["message"] == "3 file(s) uploaded successfully!"
    assert [row["filename"] for row in body["files"]] == ["b.csv", "a.json", "empty"]
    assert [row["upload_filename"] for row in body["files"]] == ["b.csv", "a.json", "empty"]
    assert [row["file_size"] for row in body["files"]] == [1, 2, 0]
    assert [row["file_type"] for row in body["files"]] == ["csv", "json", ""]
    assert body["files"] == sorted(body["files"], key=lambda row: (row["id"], row["created"]))
    first = body["files"][0]
    assert first["path"] == f"projects/demo/one/files/{first['id']}/{first['id']}.csv"
    assert first["sha256"] == hashlib.sha256(b"1").hexdigest()
    assert first["metadata_task_id"]


def test_fields_belong_to_the_files_by_their_index(client):
    fields = {
        "project_id": "demo",
        "user_filenames": ["one.csv", ""],
        "descriptions": ["first", "second"],
        "use_case": ['["crisis", "fire"]', "[]"],
    }
    files = [("files", ("x.bin", b"1")), ("files", ("y.txt", b"2"))]
    files += [("metadata-files", ("metadata.json", b'{"n": 1}')), ("metadata-files", ("metadata.json", b'{"n": 2}'))]
    one, two = client.post("/ddm/files/upload", data=fields, files=files).json()["files"]
    assert (one["filename"], one["description"], one["use_case"]) == ("one.csv", "first", ["crisis", "fire"])
    assert (two["filename"], two["description"], two["use_case"]) == ("y.txt", "second", [])
    told = [client.get(f"/ddm/uploader_metadata/{row['id']}").json()["uploader_metadata"] for row in (one, two)]
    assert told == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("disposition", ['; filename=""', '; filename="metadata.json"', ""])
def test_metadata_is_taken_whatever_its_client_did_to_the_file_name(client, disposition):
    body = (
        b'--B\r\nContent-Disposition: form-data; name="project_id"\r\n\r\ndemo\r\n'
        b'--B\r\nContent-Disposition: form-data; name="files"; filename="a.csv"\r\n\r\n1\r\n'
        b'--B\r\nContent-Disposition: form-data; name="metadata-files"%s\r\n\r\n{"task": "T"}\r\n--B--\r\n'
    ) % disposition.encode()
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    (row,) = client.post("/ddm/files/upload", content=body, headers=headers).json()["files"]
    assert client.get(f"/ddm/uploader_metadata/{row['id']}").json() == {"uploader_metadata": {"task": "T"}}


def test_fields_may_come_in_the_query_and_those_of_the_body_win(client):
    files = [("files", ("a.csv", b"1"))]
    query = {"project_id": "query", "user_filenames": "named.csv"}
    (row,) = client.post("/ddm/files/upload", params=query, files=files).json()["files"]
    assert (row["project_id"], row["filename"]) == ("query", "named.csv")
    (row,) = client.post("/ddm/files/upload", params=query, data={"project_id": "body"}, files=files).json()["files"]
    assert row["project_id"] == "body"


@pytest.mark.parametrize("data", [b"", b"\r\n--B", b"\x00\xff" * 1000, b"2.50\r\n2.5\r", b"x" * 3_000_000])
def test_bytes_come_back_as_they_went_in(client, upload, data):
    row = upload("any.csv", data)
    answer = client.get(f"/ddm/file/{row['id']}")
    assert answer.content == data
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["etag"] == f'"{hashlib.sha256(data).hexdigest()}"'


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Project ID is required."),
        ({"project_id": ""}, "Project ID is required."),
        ({"project_id": "demo", "use_case": "crisis"}, "Invalid JSON format for use_case"),
        ({"project_id": "demo", "use_case": '{"a": 1}'}, "Invalid JSON format for use_case"),
        *[
            ({"project_id": project}, "Input payload validation failed")
            for project in ("/a", "a/", "a//b", "a/../b", ".", "a*", "a#", "a?", "a$", "a\x00", "a\nb", "x" * 256)
        ],
    ],
)
def test_a_refused_upload_is_a_400_and_leaves_nothing(client, root, fields, message):
    answer = client.post("/ddm/files/upload", data=fields, files=[("files", ("a.csv", b"1"))])
    assert (answer.status_code, answer.json()["message"]) == (400, message)
    assert leftovers(root) == []
    assert rows(client) == []


def test_an_upload_without_files_is_refused(client):
    answer = client.post("/ddm/files/upload", files={"project_id": (None, "demo")})
    assert answer.status_code == 400
    assert "files" in answer.json()["errors"]
    answer = client.post("/ddm/files/upload", data={"project_id": "demo"})
    assert answer.status_code == 400


@pytest.mark.parametrize("metadata", [b"{", b"[1]", b'"x"', b'{"a": NaN}', b'{"a": 1e999}', b'{"a": "\\ud800"}'])
def test_broken_metadata_refuses_the_whole_upload(client, root, metadata):
    files = [("files", ("a.csv", b"1")), ("metadata-files", ("metadata.json", metadata))]
    answer = client.post("/ddm/files/upload", data={"project_id": "demo"}, files=files)
    assert (answer.status_code, answer.json()["message"]) == (400, "Invalid metadata file format.")
    assert leftovers(root) == []


def test_of_several_files_one_bad_name_refuses_all(client, root):
    fields = {"project_id": "demo", "user_filenames": ["good.csv", "../bad.csv"]}
    files = [("files", ("a", b"1")), ("files", ("b", b"2"))]
    assert client.post("/ddm/files/upload", data=fields, files=files).status_code == 400
    assert rows(client) == []
    assert leftovers(root) == []


def test_a_body_cut_anywhere_is_refused_and_leaves_nothing(client, root):
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    whole = (
        b'--B\r\nContent-Disposition: form-data; name="project_id"\r\n\r\ndemo\r\n'
        b'--B\r\nContent-Disposition: form-data; name="files"; filename="a.csv"\r\n\r\nline\r\nline\r\n--B--'
    )
    for cut in range(len(whole)):
        answer = client.post("/ddm/files/upload", content=whole[:cut], headers=headers)
        assert answer.status_code == 400, cut
    assert leftovers(root) == []
    assert rows(client) == []
    assert client.post("/ddm/files/upload", content=whole, headers=headers).status_code == 200


def test_the_same_key_is_one_upload_however_often_it_comes(client, root):
    def send(data=b"1", key="k-1"):
        files = [("files", ("a.csv", data))]
        return client.post(
            "/ddm/files/upload", data={"project_id": "demo"}, files=files, headers={"Idempotency-Key": key}
        )

    first, again = send(), send()
    assert again.status_code == 200
    assert again.json() == first.json()
    assert len(rows(client)) == 1
    assert send(data=b"2").status_code == 422
    assert send(key="k-2").json() != first.json()
    assert len(rows(client)) == 2
    assert list((root / "tmp").iterdir()) == []
    assert send(key="").status_code == 400
    assert send(key="k" * 256).status_code == 400


def test_the_single_route_tells_hash_and_path(client):
    fields = {"project_id": "demo", "user_filename": "one.csv", "description": "d", "use_case": '["u"]'}
    files = {"file": ("part.csv", b"123"), "metadata-file": ("metadata.json", b'{"a": 1}')}
    file = client.post("/ddm/file/upload", data=fields, files=files).json()["file"]
    assert file["filename"] == file["upload_filename"] == "one.csv"
    assert file["file_hash"] == hashlib.sha256(b"123").hexdigest()
    assert file["file_path"] == f"projects/demo/files/{file['id']}/{file['id']}.csv"
    assert file["metadata"] == {"a": 1}
    assert client.get(f"/ddm/file/{file['id']}").content == b"123"


class Chunked:
    """A client of the route for chunks."""

    def __init__(self, client, total=3, name="big.bin"):
        self.client, self.total, self.name, self.file_id = client, total, name, ""

    def send(self, index, data):
        fields = {"project_id": "demo", "filename": self.name, "chunk_index": index, "total_chunks": self.total}
        fields |= {"file_id": self.file_id} if self.file_id else {}
        answer = self.client.post("/ddm/file/upload/async", data=fields, files={"file": ("chunk", data)})
        self.file_id = self.file_id or answer.json().get("file_id", "")
        return answer


def test_chunks_become_one_file_and_repeated_ones_count_once(client, root):
    chunked = Chunked(client)
    assert chunked.send(0, b"aa").status_code == 200
    assert rows(client) == []
    assert chunked.send(1, b"bb").status_code == 200
    assert chunked.send(1, b"bb").status_code == 200
    last = chunked.send(2, b"c")
    assert last.status_code == 202
    again = chunked.send(2, b"c")
    assert (again.status_code, again.json()) == (202, last.json())
    body = last.json()
    assert client.get(f"/ddm/file/{body['file_id']}").content == b"aabbc"
    assert body["zenoh_file_path"] == rows(client)[0]["path"]
    assert client.get(f"/ddm/tasks/status/{body['merge_task_id']}").json()["state"] == "SUCCESS"
    assert client.get(f"/ddm/tasks/result/{body['metadata_task_id']}").json()["successful"] is True
    assert list((root / "tmp").iterdir()) == []


def test_a_chunk_out_of_order_or_of_nothing_is_refused(client):
    chunked = Chunked(client)
    assert chunked.send(1, b"x").status_code == 400
    chunked.send(0, b"a")
    assert chunked.send(2, b"c").status_code == 400
    chunked.file_id = "unknown"
    assert chunked.send(1, b"x").status_code == 404
    assert Chunked(client, total=0).send(0, b"x").status_code == 400
    assert Chunked(client, name="../x").send(0, b"x").status_code == 400


def test_a_chunk_that_could_not_be_stored_ends_its_upload_and_leaves_nothing(client, root, monkeypatch):
    chunked = Chunked(client)
    chunked.send(0, b"aa")

    def half(part, spool):
        spool.write(b"b")
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("pxw.server.uploads._append", half)
    assert chunked.send(1, b"bb").status_code == 507
    monkeypatch.undo()
    assert chunked.send(1, b"bb").status_code == 404
    assert leftovers(root) == []


def test_ids_and_dates_grow_with_every_upload_even_if_the_clock_goes_back(client, upload, monkeypatch):
    from pxw.server import catalogue

    class Backwards(catalogue.datetime):
        @classmethod
        def now(cls, zone=None):
            return cls(2001, 1, 1, tzinfo=zone)

    before = [upload(f"{n}") for n in range(5)]
    monkeypatch.setattr(catalogue, "datetime", Backwards)
    uploaded = before + [upload(f"{n}") for n in range(5, 10)]
    assert [row["id"] for row in uploaded] == sorted({row["id"] for row in uploaded})
    assert [row["created"] for row in uploaded] == sorted({row["created"] for row in uploaded})
    assert [row["id"] for row in rows(client)] == [row["id"] for row in uploaded]


def test_the_metadata_that_the_old_helper_sends_is_kept(client, upload):
    row = upload()
    told = {"dataset_signature": "k", "task": "T", "assembled_wf": "W", "umlaut": "ä", "n": [1, 2.5, None]}
    assert client.get(f"/ddm/uploader_metadata/{row['id']}").status_code == 404
    answer = client.post(f"/ddm/uploader_metadata/{row['id']}", json={"uploader_metadata": told})
    assert answer.status_code == 201
    assert client.get(f"/ddm/uploader_metadata/{row['id']}").json()["uploader_metadata"] == told
    changed = client.put(f"/ddm/uploader_metadata/{row['id']}", content=json.dumps({"uploader_metadata": {"b": 1}}))
    assert changed.status_code == 200
    assert client.delete(f"/ddm/uploader_metadata/{row['id']}").status_code == 200
    assert client.get(f"/ddm/uploader_metadata/{row['id']}").status_code == 404
