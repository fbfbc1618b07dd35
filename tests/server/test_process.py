"""The server as a process: start, stop, kill, and many clients at once."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context

import httpx
import pytest

from pxw.server import find
from pxw.server.archive import Archive


def connect(running, **options):
    headers = {"Authorization": f"Bearer {running.token.get_secret_value()}"}
    return httpx.Client(base_url=running.url, headers=headers, timeout=30, **options)


def send(client, name, data, project="demo"):
    fields = {"project_id": project, "user_filenames": name}
    return client.post("/ddm/files/upload", data=fields, files=[("files", (f"{name}.bin", data))])


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def everything(client):
    return client.get("/ddm/catalog/list", params={"perPage": 100_000}).json()["data"]


def test_a_server_tells_where_it_is_only_to_its_owner_and_only_while_it_runs(start, root):
    assert find(root) is None
    process, running = start()
    assert (root / "server.json").stat().st_mode & 0o777 == 0o600
    assert find(root) == running
    assert running.token.get_secret_value() not in repr(running)
    assert running.url.startswith("http://127.0.0.1:")
    process.terminate()
    assert process.wait(10) == 0
    assert find(root) is None


def test_a_second_server_on_the_same_root_is_refused(start, root):
    _, running = start()
    program = f"import pathlib; from pxw.server import serve; serve(pathlib.Path({str(root)!r}))"
    second = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert "another DDM server already runs on" in second.stderr
    assert find(root) == running
    with connect(running) as client:
        assert everything(client) == []


def test_a_token_that_was_not_given_is_made_once_and_kept(root):
    program = (
        "import os, pathlib, signal; from pxw.server import serve\n"
        f"serve(pathlib.Path({str(root)!r}), on_ready=lambda r: (print(r.token.get_secret_value(), flush=True),"
        " os.kill(os.getpid(), signal.SIGTERM)))"
    )
    tokens = [subprocess.check_output([sys.executable, "-c", program], text=True, timeout=60) for _ in range(2)]
    assert len(tokens[0]) > 40
    assert tokens[0] == tokens[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_the_answers_under_way_finish(start, number):
    process, running = start()
    with connect(running) as client:
        file_id = send(client, "big", bytes(50_000_000)).json()["files"][0]["id"]
        with client.stream("GET", f"/ddm/file/{file_id}") as answer:
            pieces = answer.iter_bytes()
            received = len(next(pieces))
            process.send_signal(number)
            received += sum(map(len, pieces))
        assert received == 50_000_000
    assert process.wait(15) == 0


def test_a_connection_that_breaks_in_the_middle_of_an_upload_leaves_nothing(start, root):
    _, running = start()

    def half():
        yield b'--B\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + b"x" * 3_000_000
        raise ConnectionError

    with connect(running) as client:
        headers = {"Content-Type": "multipart/form-data; boundary=B", "Content-Length": "9000000"}
        with pytest.raises(ConnectionError):
            client.post("/ddm/files/upload", content=half(), headers=headers)
        until(lambda: not list((root / "tmp").iterdir()))
        assert everything(client) == []


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_during_uploads_loses_nothing_that_was_acknowledged(start, root, seed):
    chance = random.Random(seed)
    process, running = start()
    acknowledged: dict[str, str] = {}

    def keep_sending(writer):
        with connect(running) as client:
            for number in range(10_000):
                data = os.urandom(chance.choice((10, 10_000, 2_000_000)))
                try:
                    row = send(client, f"{writer}-{number}", data).json()["files"][0]
                except httpx.TransportError:
                    return
                acknowledged[row["id"]] = hashlib.sha256(data).hexdigest()

    writers = [threading.Thread(target=keep_sending, args=(writer,)) for writer in range(3)]
    for writer in writers:
        writer.start()
    until(lambda: acknowledged)
    time.sleep(chance.random() / 2)
    process.kill()
    for writer in writers:
        writer.join()
    process.wait()
    with connect(start()[1]) as client:
        found = {row["id"]: row for row in everything(client)}
        assert set(acknowledged) <= set(found)
        for file_id, row in found.items():
            digest = hashlib.sha256(client.get(f"/ddm/file/{file_id}").content).hexdigest()
            assert digest == row["sha256"] == acknowledged.get(file_id, digest)
    assert list((root / "tmp").iterdir()) == []
    assert {path.name for path in (root / "blobs").glob("*/*")} == {row["sha256"] for row in found.values()}


def write_many(running, writer, count):
    """Upload, update and delete as one of many processes."""
    with connect(running) as client:
        for number in range(count):
            answer = send(client, f"{writer}-{number}", b"%d %d" % (writer, number), f"demo/{number}")
            answer.raise_for_status()
            file_id = answer.json()["files"][0]["id"]
            client.patch(f"/ddm/file/update/{file_id}", json={"description": str(writer)}).raise_for_status()
            if number % 5 == 0:
                client.delete(f"/ddm/file/{file_id}/delete").raise_for_status()


def test_eight_processes_write_at_once_and_nothing_is_lost(start):
    _, running = start()
    with ProcessPoolExecutor(8, mp_context=get_context("spawn")) as pool:
        list(pool.map(write_many, [running] * 8, range(8), [20] * 8))
    with connect(running) as client:
        rows = everything(client)
        assert {row["filename"] for row in rows} == {f"{w}-{n}" for w in range(8) for n in range(20) if n % 5}
        assert all(row["description"] == row["filename"][0] for row in rows)


def test_one_key_from_many_clients_at_once_is_one_upload(start):
    _, running = start()

    def once(_):
        with connect(running, trust_env=False) as client:
            fields, files = {"project_id": "demo"}, [("files", ("a", b"same"))]
            answer = client.post("/ddm/files/upload", data=fields, files=files, headers={"Idempotency-Key": "k"})
            return answer.json()["files"][0]["id"]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(once, range(24)))) == 1


def test_the_same_bytes_deleted_and_uploaded_at_once_are_never_half_there(start, root):
    _, running = start()

    def churn(writer):
        with connect(running) as client:
            for _ in range(25):
                file_id = send(client, f"{writer}", b"the same bytes").json()["files"][0]["id"]
                assert client.get(f"/ddm/file/{file_id}").content == b"the same bytes"
                client.delete(f"/ddm/file/{file_id}/delete").raise_for_status()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(churn, range(4)))
    assert list((root / "blobs").glob("*/*")) == []


def test_a_wrong_token_on_a_big_upload_is_answered_and_not_hung_up_on(start, root):
    _, running = start()
    with connect(running) as client:
        client.headers["Authorization"] = "wrong"
        assert send(client, "big", bytes(30_000_000)).status_code == 401
    assert list((root / "tmp").iterdir()) == []


def test_what_a_server_stores_is_for_its_user_only(start, root):
    root.mkdir(mode=0o755)
    _, running = start()
    with connect(running) as client:
        send(client, "a", b"1")
    assert [path for path in root.rglob("*") if path.stat().st_mode & 0o077] == []


def test_a_header_without_end_is_refused_and_the_server_goes_on(start):
    _, running = start()
    with connect(running) as client:
        for headers in ({"X-Huge": "x" * 200_000}, {f"X-{n}": "y" * 100 for n in range(2_000)}):
            with suppress(httpx.TransportError):  # hanging up is an answer, too
                assert client.get("/ddm/catalog/list", headers=headers).status_code in {400, 431}
        assert client.get("/ddm/catalog/list").status_code == 200


def test_the_root_can_be_opened_after_a_kill_by_anybody(start, root):
    process, running = start()
    with connect(running) as client:
        file_id = send(client, "a", b"1").json()["files"][0]["id"]
    process.kill()
    process.wait()
    with Archive(root) as archive:
        assert archive.need(file_id).name == "a"
