"""What changes: descriptions, places, and the end of a file."""

import pytest


def test_an_update_changes_what_it_names_and_nothing_else(client, upload):
    row = upload("a.csv", description="before")
    changes = {"upload_filename": "b.csv", "project_id": "moved/here", "description": "after", "use_case": ["x"]}
    answer = client.patch(f"/ddm/file/update/{row['id']}", json={**changes, "created": "never", "sha256": "no"})
    assert (answer.status_code, answer.json()["updated_data"]) == (200, changes)
    (after,) = client.get("/ddm/catalog/list").json()["data"]
    moved = {"filename": "b.csv", "path": f"projects/moved/here/files/{row['id']}/{row['id']}.csv", **changes}
    assert after == {**{key: value for key, value in row.items() if key != "metadata_task_id"}, **moved}
    assert client.get(f"/ddm/file/{row['id']}").content == b"x,y\n1,2\n"


@pytest.mark.parametrize(
    "changes",
    [
        {"project_id": "../x"},
        {"upload_filename": "a/../b"},
        {"upload_filename": ""},
        {"upload_filename": "x" * 2000},
        {"description": "a\x00b"},
        {"use_case": "not a list"},
        {"uploader_metadata": [1]},
    ],
)
def test_an_update_that_would_break_the_catalogue_is_refused(client, upload, changes):
    row = upload()
    assert client.patch(f"/ddm/file/update/{row['id']}", json=changes).status_code == 400
    assert client.get("/ddm/catalog/list").json()["data"][0]["filename"] == "a.csv"


def test_of_several_updates_each_stands_by_itself(client, upload):
    one, two = upload("one"), upload("two")
    files = [
        {"id": one["id"], "description": "d"},
        {"file_id": two["id"], "project_id": "a//b"},
        {"id": "unknown", "description": "d"},
        {"file_id": two["id"], "uploader_metadata": {"a": 1}},
    ]
    body = client.patch("/ddm/files/update", json={"files": files}).json()
    assert [file["id"] for file in body["updated_files"]] == [one["id"], two["id"]]
    assert [file["id"] for file in body["errors"]] == [two["id"], "unknown"]
    assert client.get(f"/ddm/uploader_metadata/{two['id']}").json()["uploader_metadata"] == {"a": 1}


def test_a_deleted_file_is_gone_and_bytes_go_with_their_last_row(client, upload, root):
    one, two = upload("one", b"same"), upload("two", b"same")
    assert client.delete(f"/ddm/file/{one['id']}/delete").status_code == 200
    assert client.get(f"/ddm/file/{one['id']}").status_code == 404
    assert client.get(f"/ddm/file/{two['id']}").content == b"same"
    assert client.delete(f"/ddm/file/{one['id']}/delete").status_code == 404
    assert client.delete(f"/ddm/file/{two['id']}/delete").status_code == 200
    assert list((root / "blobs").glob("*/*")) == []
    assert upload("again", b"same")["id"] not in {one["id"], two["id"]}


def test_several_files_are_deleted_all_or_none(client, upload):
    one, two = upload("one", b"1"), upload("two", b"2")
    refused = client.request("DELETE", "/ddm/files/delete", json={"file_ids": [one["id"], "unknown"]})
    assert refused.status_code == 404
    assert client.get("/ddm/catalog/list").json()["total"] == 2
    done = client.request("DELETE", "/ddm/files/delete", json={"file_ids": [one["id"], two["id"], one["id"]]})
    assert (done.status_code, done.json()["message"]) == (200, "2 file(s) deleted successfully.")
    assert client.get("/ddm/catalog/list").json()["total"] == 0


@pytest.mark.parametrize("content", [b"", b"[", b"[]", b"null", b'"x"', b"{}", b"\xff", b"[" * 10_000, b'{"files": 1}'])
def test_a_json_body_that_is_none_is_a_400(client, upload, content):
    row = upload()
    calls = [
        ("PATCH", "/ddm/files/update"),
        ("DELETE", "/ddm/files/delete"),
        ("POST", "/ddm/files/download"),
        ("POST", "/ddm/files/download/project"),
        ("POST", "/ddm/catalog/advanced"),
        ("POST", f"/ddm/uploader_metadata/{row['id']}"),
        ("POST", "/ddm/file_metadata/"),
        ("POST", "/extreme_auth/api/v1/person/login"),
    ]
    assert [client.request(method, url, content=content).status_code for method, url in calls] == [400] * len(calls)


def test_metadata_that_is_no_json_number_is_refused(client, upload):
    url = f"/ddm/uploader_metadata/{upload()['id']}"
    assert client.post(url, content=b'{"uploader_metadata": {"a": 1e999}}').status_code == 400
    assert client.post(url, content=b'{"uploader_metadata": {"a": NaN}}').status_code == 400
    assert client.get(url).status_code == 404


def test_a_json_body_without_end_is_refused(client):
    assert client.post("/ddm/files/download", content=b" " * (17 * 1024 * 1024)).status_code == 413
