"""A real S3 protocol server on loopback, and what was asked of it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_REGION": "us-east-1"}
_ASKED = re.compile(r'"([A-Z]+) (\S+) HTTP/1\.1\S* (\d+)')


class S3Server:
    """The server, and the journal of its requests.

    Args:
        url: where it listens.
        log: where it writes each request.
    """

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self.log = log
        self.environment = CREDENTIALS | {"AWS_ENDPOINT_URL": url}

    def make_bucket(self, name: str) -> None:
        """Make a bucket, unless it is there."""
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/{name}", method="PUT")) as answer:
            answer.read()

    def asked(self, method: str, since: int = 0) -> Counter[str]:
        """How often each path was asked for with success."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", self.log.read_bytes()[since:].decode())
        return Counter(
            path.partition("?")[0] for verb, path, status in _ASKED.findall(text) if (verb, status[0]) == (method, "2")
        )

    @property
    def now(self) -> int:
        """A moment in the journal."""
        return self.log.stat().st_size


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Serve from memory on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = S3Server(f"http://127.0.0.1:{port}", folder / "requests.log")
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            cwd=folder,
            env=os.environ | CREDENTIALS,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait(server, process)
        yield server
    finally:
        process.terminate()
        process.wait(20)


def _wait(server: S3Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(server.url, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(server.log.read_text())
