"""Kill the embedded server during uploads, again and again, and count what is lost: `python ddm_kill.py [ROUNDS]`."""

import hashlib
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

from pxw.server import Running, find

PROGRAM = "import sys, pathlib; from pxw.server import serve; serve(pathlib.Path(sys.argv[1]))"
SIZES = (0, 100, 10_000, 300_000, 4_000_000)


def launched(root: Path) -> tuple[subprocess.Popen[bytes], Running]:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(root)])
    while (running := find(root)) is None or running.pid != process.pid:
        assert process.poll() is None, "the server did not start"
        time.sleep(0.01)
    return process, running


def connected(running: Running) -> httpx.Client:
    headers = {"Authorization": running.token.get_secret_value()}
    return httpx.Client(base_url=running.url, headers=headers, timeout=60, trust_env=False)


def write(running: Running, chance: random.Random, acknowledged: dict[str, str], gone: set[str]) -> None:
    """Upload one, two or three files at a time, and delete some, until the server dies."""
    with connected(running) as client:
        while True:
            datas = [os.urandom(chance.choice(SIZES)) for _ in range(chance.randint(1, 3))]
            files = [("files", (f"{n}.bin", data)) for n, data in enumerate(datas)]
            try:
                answer = client.post("/ddm/files/upload", data={"project_id": "kill"}, files=files)
                rows = answer.raise_for_status().json()["files"]
                for row, data in zip(rows, datas, strict=True):
                    acknowledged[row["id"]] = hashlib.sha256(data).hexdigest()
                if chance.random() < 0.3:
                    gone.add(rows[0]["id"])  # asked for; the kill may come before or after
                    client.delete(f"/ddm/file/{rows[0]['id']}/delete").raise_for_status()
            except httpx.TransportError:
                return


def faults(root: Path, running: Running, acknowledged: dict[str, str], gone: set[str]) -> list[str]:
    """Compare what the restarted server has with what was promised."""
    with connected(running) as client:
        rows = {row["id"]: row for row in client.get("/ddm/catalog/list", params={"perPage": 10**6}).json()["data"]}
        found = [f"lost: {file_id}" for file_id in acknowledged if file_id not in rows and file_id not in gone]
        for file_id, row in rows.items():
            digest = hashlib.sha256(client.get(f"/ddm/file/{file_id}").raise_for_status().content).hexdigest()
            if digest != row["sha256"] or digest != acknowledged.get(file_id, digest):
                found.append(f"altered: {file_id}")
    found += [f"temporary: {path}" for path in (root / "tmp").iterdir()]
    blobs = {path.name for path in (root / "blobs").glob("*/*")}
    found += [f"stray: {name}" for name in blobs ^ {row["sha256"] for row in rows.values()}]
    with sqlite3.connect(root / "catalogue.sqlite3") as catalogue:
        (verdict,) = catalogue.execute("PRAGMA integrity_check").fetchone()
    return found if verdict == "ok" else [*found, f"database: {verdict}"]


def main(rounds: int) -> None:
    chance = random.Random(2026)
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number in range(rounds):
            process, running = launched(root)
            acknowledged: dict[str, str] = {}
            gone: set[str] = set()
            writers = [
                threading.Thread(target=write, args=(running, random.Random(chance.random()), acknowledged, gone))
                for _ in range(4)
            ]
            for writer in writers:
                writer.start()
            while not acknowledged:
                time.sleep(0.01)
            time.sleep(chance.random() * 0.5)
            process.kill()
            for writer in writers:
                writer.join()
            process.wait()
            process, running = launched(root)
            found = faults(root, running, acknowledged, gone)
            with connected(running) as client:
                for row in client.get("/ddm/catalog/list", params={"perPage": 10**6}).json()["data"]:
                    client.delete(f"/ddm/file/{row['id']}/delete")
            process.terminate()
            process.wait()
            total += len(acknowledged)
            print(f"{number + 1:3} acknowledged {len(acknowledged):4}  faults {found or 'none'}", flush=True)
            assert not found
    print(f"{rounds} kills, {total} acknowledged files, all there and intact")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
