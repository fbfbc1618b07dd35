"""The client with the embedded server, over real connections."""

import os
import subprocess
import sys
import tracemalloc

import httpx
import pytest
from pydantic import SecretStr

import pxw.ddm
from pxw.ddm.client import Client
from pxw.errors import DDMAuthError, DDMNotFoundError
from tests.ddm.faulty_proxy import HASTE, FaultyProxy, forward_to
from tests.ddm.old_ddm import OldDDM
from tests.ddm.serving import serving


def test_the_package_names_the_client():
    assert pxw.ddm.Client is Client


def test_the_shapes_do_not_pay_for_the_http_library():
    code = "import sys, pxw.ddm.wire; sys.exit('httpx' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_file_goes_up_is_found_and_comes_down(ddm, tmp_path):
    entry = ddm.upload(b"abc", "demo/round", "a.csv", description="ages", use_case=["u"], metadata={"task": "T"})
    assert ddm.generation == "V2"
    assert ddm.find("demo/round", "a.csv") == entry
    assert ddm.download(entry, tmp_path / "a.csv").read_bytes() == b"abc"
    assert ddm.metadata(entry) == {"task": "T"}
    assert (entry.description, entry.use_case, entry.user_id) == ("ages", ("u",), "ann")
    assert ddm.file_url(entry) == f"{ddm.url}/ddm/file/{entry.id}"


def test_metadata_can_be_set_later(ddm):
    entry = ddm.upload(b"abc", "demo/meta", "a")
    with pytest.raises(DDMNotFoundError):
        ddm.metadata(entry)
    ddm.set_metadata(entry, {"a": [1, None]})
    assert ddm.metadata(entry.id) == {"a": [1, None]}


def test_metadata_can_be_set_on_an_old_service(connect):
    client = connect(OldDDM())
    entry = client.upload(b"abc", "demo", "a")
    client.set_metadata(entry, {"a": 1})
    client.set_metadata(entry, {"a": 2})
    assert client.metadata(entry) == {"a": 2}


def test_a_deleted_version_uncovers_the_one_before(ddm):
    first, second = (ddm.upload(content, "demo/delete", "a") for content in (b"1", b"2"))
    ddm.delete(ddm.find("demo/delete", "a"))
    assert ddm.find("demo/delete", "a").id == first.id
    with pytest.raises(DDMNotFoundError):
        ddm.fetch(second.id)


def test_the_embedded_server_resumes(ddm, tmp_path):
    content = os.urandom(3_000_000)
    entry = ddm.upload(content, "demo/resume", "a")
    with (
        httpx.Client() as http,
        FaultyProxy(forward_to(ddm.url, http), rate=0, seed=3, faults=("cut body",)) as proxy,
        Client(proxy.url, token="secret", cache=tmp_path / "other", retry=HASTE) as client,
    ):
        assert client.generation
        proxy.rate, received = 0.8, []
        path = client.fetch(entry, progress=lambda done, total: received.append((done, total)))
    assert path.read_bytes() == content
    assert proxy.met["cut body"] > 1
    assert [done for done, _ in received] == sorted(done for done, _ in received)  # it never began again
    assert received[-1] == (3_000_000, 3_000_000)


def test_what_a_foreign_client_sent_to_the_embedded_server_is_verified(ddm):
    httpx.post(
        f"{ddm.url}/ddm/files/upload",
        headers={"Authorization": "secret"},
        data={"project_id": "demo/foreign"},
        files={"files": ("a.csv", b"abc")},
    ).raise_for_status()
    entry = ddm.find("demo/foreign", "a.csv")
    assert entry.upload_id is None
    assert entry.sha256 is not None
    assert ddm.fetch(entry).read_bytes() == b"abc"


def test_signing_in_with_a_name_and_a_password(server, tmp_path):
    with Client(server, username="ann", password="open sesame", cache=tmp_path) as client:
        entry = client.upload(b"abc", "demo/ann", "a")
        assert client.find("demo/ann", "a") == entry
        token = client.sign_in()
    with Client(server, token=token, cache=tmp_path) as client:
        assert client.find("demo/ann", "a") == entry
        with pytest.raises(DDMAuthError, match="nobody to sign in"):
            client.sign_in()


@pytest.mark.parametrize("secrets", [{}, {"token": "wrong"}, {"username": "ann", "password": "wrong"}])
def test_nobody_else_comes_in(server, tmp_path, secrets):
    with Client(server, cache=tmp_path, **secrets) as client, pytest.raises(DDMAuthError):
        client.list()


def test_a_large_file_moves_in_constant_memory(ddm, tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(64 * 2**20)
    tracemalloc.start()
    try:
        entry = ddm.upload(path, "demo/large", verify="hash")
        ddm.download(entry, tmp_path / "copy")
        # The server's part is in it as well, as it runs in this process.
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()
    assert (tmp_path / "copy").stat().st_size == 64 * 2**20


def test_an_upload_survives_a_restart_of_the_server(tmp_path):
    root = tmp_path / "root", SecretStr("secret")
    with serving(*root) as url, Client(url, token="secret", cache=tmp_path / "cache") as client:
        entry = client.upload(b"abc", "demo", "a")
    with serving(*root) as url, Client(url, token="secret", cache=tmp_path / "cache") as client:
        assert client.find("demo", "a") == entry
