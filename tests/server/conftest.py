"""An application in the same process, and a real server in its own, both on a fresh root."""

import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pxw.server import Running, find
from pxw.server.app import create_app

with warnings.catch_warnings():  # newer starlettes would rather have `httpx2`, which nothing else here needs
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.filterwarnings("ignore", message=".*httpx2.*")
    from starlette.testclient import TestClient

TOKEN = "a-token-of-the-tests"
PROGRAM = """
import sys
from pathlib import Path
from pydantic import SecretStr
from pxw.server import serve
serve(Path(sys.argv[1]), token=SecretStr(sys.argv[2]))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def stranger(root: Path) -> Iterator[TestClient]:
    """A client without a token."""
    app = create_app(root, SecretStr(TOKEN), username="ann", password=SecretStr("pass wörd"))
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client:
        yield client


@pytest.fixture
def client(stranger: TestClient) -> TestClient:
    stranger.headers["Authorization"] = f"Bearer {TOKEN}"
    return stranger


@pytest.fixture
def upload(client: TestClient) -> Callable[..., dict[str, Any]]:
    """Upload one file, and return its row."""

    def send(name: str = "a.csv", data: bytes = b"x,y\n1,2\n", project: str = "demo", **fields: str) -> dict[str, Any]:
        fields = {"project_id": project, "user_filenames": name, **fields}
        answer = client.post("/ddm/files/upload", data=fields, files=[("files", (f"{name}.bin", data))])
        assert answer.status_code == 200, answer.text
        row: dict[str, Any] = answer.json()["files"][0]
        return row

    return send


@pytest.fixture
def start(root: Path) -> Iterator[Callable[[], tuple[subprocess.Popen[bytes], Running]]]:
    """Start a real server on the root, as often as wanted."""
    processes: list[subprocess.Popen[bytes]] = []

    def launch() -> tuple[subprocess.Popen[bytes], Running]:
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(root), TOKEN])
        processes.append(process)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and process.poll() is None:
            if (running := find(root)) is not None and running.pid == process.pid:
                return process, running
            time.sleep(0.02)
        pytest.fail(f"the server did not start; it ended with {process.poll()}")

    yield launch
    for process in processes:
        process.kill()
        process.wait()
