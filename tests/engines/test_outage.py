"""Prefect's API may be away for a while: a run waits for it, and ends well."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

FLOW = """
import time
from pathlib import Path
import pxw


@pxw.task(outputs=["x"])
def step(i: int) -> int:
    Path(f"step-{i}").touch()
    while i == 1 and not Path("back").exists():
        time.sleep(0.05)
    return i


@pxw.flow
def away():
    done = [step(0), step(1)] + [step.submit(i) for i in (2, 3)]
    return [pxw.load(each) for each in done]
"""


class Door:
    """A way to a server that can be closed, and opened again on the same port."""

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url).hostname, urlsplit(url).port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._serve()

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                here, _ = listener.accept()
                there = socket.create_connection(self._server)
                for source, target in ((here, there), (there, here)):
                    self._open.add(source)
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self) -> None:
        """As if the server had died: nobody listens, and connections end."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def open(self) -> None:
        """As if it had been started again."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._serve()


@pytest.fixture
def door(prefect_server: str) -> Iterator[Door]:
    door = Door(prefect_server)
    yield door
    door.close()


@pytest.mark.server
def test_a_run_waits_for_an_api_that_is_away_for_a_while(door: Door, tmp_path: Path) -> None:
    (tmp_path / "away.py").write_text(FLOW)
    environment = os.environ | {"PREFECT_API_URL": f"http://127.0.0.1:{door.port}/api"}
    command = [sys.executable, "-m", "pxw.cli", "run", "away.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as run:
        while not (tmp_path / "step-1").exists():
            assert run.poll() is None, run.communicate()[0]
            time.sleep(0.05)
        door.close()
        (tmp_path / "back").touch()  # what the task gives is told to an API that is not there
        time.sleep(float(os.environ.get("TESTS_OUTAGE", "3")))
        door.open()
        said, _ = run.communicate(timeout=120)
    assert run.returncode == 0, said
    assert (tmp_path / "step-3").exists()
