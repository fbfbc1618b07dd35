"""Input that means harm: never a 500, never a byte outside of the root."""

import random
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAMES = [
    "..",
    ".",
    "/etc/passwd",
    "../../../../tmp/pxw-was-here",
    "a/../../b",
    "a\x00b",
    "a\nb",
    "a\r\nSet-Cookie: x=y",
    "",
    "/",
    "a//b",
    "x" * 10_000,
    "é" * 1_025,
    "\x7f",
    "\x9b31m",
]
ODD_BUT_ALLOWED = [
    "%2e%2e%2f",
    "%00",
    "100%",
    "a'b",
    'a"b',
    "a;b",
    "a,b",
    "a\\b",
    "C:\\x",
    "~",
    "-rf",
    "<b>x</b>",
    "'; DROP TABLE files; --",
    "😀",
    "a b",
    "ex\u202ecod.csv",
    "a\u202fb",
    "...",
    "a..b",
    ".hidden",
    "CON",
    "x" * 1_024,
]


def outside(root: Path) -> set[Path]:
    return {path for path in root.parent.rglob("*") if root not in path.parents and path != root}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_could_lead_astray_is_refused(client, root, name):
    before = outside(root)
    fields = {"project_id": "demo", "user_filenames": name}
    answer = client.post("/ddm/files/upload", data=fields, files=[("files", (name, b"1"))])
    assert answer.status_code == 400
    assert client.patch("/ddm/file/update/x", json={"upload_filename": name}).status_code == 400
    assert (
        client.post(
            "/ddm/file/upload/async",
            data={"project_id": "demo", "filename": name, "chunk_index": 0, "total_chunks": 2},
            files={"file": ("x", b"1")},
        ).status_code
        == 400
    )
    if name:
        assert (
            client.post("/ddm/files/upload", data={"project_id": name}, files=[("files", ("a", b"1"))]).status_code
            == 400
        )
    assert outside(root) == before
    assert list((root / "tmp").iterdir()) == []


@pytest.mark.parametrize("name", ODD_BUT_ALLOWED)
def test_an_odd_name_is_only_a_name(client, upload, root, name):
    row = upload(name, b"1")
    assert row["filename"] == name
    assert client.get("/ddm/catalog/options", params={"filename": name}).json()[0]["id"] == row["id"]
    assert client.get(f"/ddm/file/{row['id']}").content == b"1"
    assert client.post("/ddm/files/download", json={"file_ids": [row["id"]]}).status_code == 200
    found = client.get("/ddm/catalog/list", params={"filename": name}).json()["data"]
    assert [r["id"] for r in found] == [row["id"]]
    kept = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert all(re.fullmatch(r"lock|catalogue\.sqlite3(-wal|-shm)?|blobs/../[0-9a-f]{64}", path) for path in kept)


@pytest.mark.parametrize(
    "parameter", ["filename", "project_id", "user_id", "file_type", "use_case", "parent_files", "sort"]
)
@pytest.mark.parametrize(
    "value", ["' OR 1=1 --", "%", "_", "\x00", "\\", "😀", "x" * 50_000, ",,,,", ",".join("abc" * 900)]
)
def test_no_filter_breaks_out_of_its_place(client, upload, parameter, value):
    upload("plain.csv")
    answer = client.get("/ddm/catalog/list", params={parameter: value})
    assert answer.status_code in {200, 400}
    if answer.status_code == 200 and "a" not in value and value.strip(","):
        assert answer.json()["data"] == []


PART = b'--B\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
WHOLE = (
    PART % (b"project_id", b"", b"demo")
    + PART % (b"files", b'; filename="a.csv"', b"x,y\r\n1,2")
    + PART % (b"metadata-files", b'; filename=""', b'{"a": 1}')
    + b"--B--\r\n"
)


def mutilated(chance: random.Random) -> bytes:
    body = bytearray(WHOLE)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(body))
        match chance.randrange(4):
            case 0:
                body[at] = chance.randrange(256)
            case 1:
                del body[at : at + chance.randint(1, 40)]
            case 2:
                body[at:at] = chance.randbytes(chance.randint(1, 40))
            case _:
                body[at:at] = body[: chance.randint(1, 80)]
        body = body or bytearray(b"-")
    return bytes(body)


def test_mutilated_bodies_are_refused_or_understood_and_nothing_stays_behind(client, root):
    chance = random.Random(7)
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    statuses = [
        client.post("/ddm/files/upload", content=mutilated(chance), headers=headers).status_code for _ in range(500)
    ]
    assert set(statuses) == {200, 400}
    assert statuses.count(400) > 50
    assert list((root / "tmp").iterdir()) == []
    rows = client.get("/ddm/catalog/list", params={"perPage": 2_000}).json()["data"]
    assert len(rows) >= statuses.count(200)
    assert {path.name for path in (root / "blobs").glob("*/*")} == {row["sha256"] for row in rows}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300), boundary=st.text("AB-;=\"' ", max_size=8))
def test_any_bytes_at_all_are_a_400(client, body, boundary):
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    for route in ("/ddm/files/upload", "/ddm/file/upload", "/ddm/file/upload/async"):
        assert client.post(route, content=body, headers=headers).status_code == 400


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "text/plain",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'x' * 9999}",
    ],
)
def test_a_body_of_another_kind_is_a_400(client, kind):
    headers = {} if kind is None else {"Content-Type": kind}
    assert client.post("/ddm/files/upload", content=WHOLE, headers=headers).status_code == 400


def test_a_flood_of_parts_or_of_fields_is_refused(client, root):
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    parts = PART % (b"files", b'; filename="a"', b"") * 10_001 + b"--B--\r\n"
    assert (
        client.post("/ddm/files/upload", content=PART % (b"x", b"", b"") * 10_001, headers=headers).status_code == 413
    )
    assert client.post("/ddm/files/upload", content=parts[: len(parts) // 50], headers=headers).status_code == 400
    field = PART % (b"descriptions", b"", b"x" * 34_000_000)
    assert client.post("/ddm/files/upload", content=field, headers=headers).status_code == 413
    assert list((root / "tmp").iterdir()) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(
    ["files", "file_ids", "rules", "not", "combinator", "field", "operator", "value", "project_id", "id"]
)
shapes = st.dictionaries(keys, json_values | st.lists(st.dictionaries(keys, json_values)), max_size=4)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=shapes | json_values)
def test_no_json_body_makes_the_server_stumble(client, shape):
    import json

    content = json.dumps(shape)
    for method, path in (
        ("POST", "/ddm/catalog/advanced"),
        ("PATCH", "/ddm/files/update"),
        ("PATCH", "/ddm/file/update/x"),
        ("DELETE", "/ddm/files/delete"),
        ("POST", "/ddm/files/download/project"),
        ("PUT", "/ddm/uploader_metadata/x"),
    ):
        assert client.request(method, path, content=content).status_code in {200, 400, 404}


@pytest.mark.parametrize(
    "path", ["/../catalogue.sqlite3", "/style.css/../../catalogue.sqlite3", "/%2e%2e/lock", "/tmp", "/server.json"]
)
def test_no_path_leads_to_the_files_of_the_root(client, path):
    assert client.get(f"http://127.0.0.1{path}").status_code == 404
