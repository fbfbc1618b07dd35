"""What the tests of the client share: a clock that only the client moves, clients of fakes, a real embedded server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from pxw.ddm.client import Client
from pxw.ddm.retry import Clock
from tests.ddm.serving import serving


class FakeTime:
    """Time that passes only while somebody sleeps; pauses are as long as they may be."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []
        self.clock = Clock(now=self.now, monotonic=lambda: self.seconds, sleep=self.sleep, uniform=lambda _, high: high)

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def connect(tmp_path: Path, time: FakeTime) -> Iterator[Callable[..., Client]]:
    """Make a client of something that answers requests."""
    clients: list[Client] = []

    def connect(handler: Callable[[httpx.Request], httpx.Response], **options: Any) -> Client:
        options = {"cache": tmp_path / f"cache-{len(clients)}", "clock": time.clock} | options
        clients.append(Client("http://ddm.test", http=httpx.MockTransport(handler), **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The embedded server; its token is `secret`, its user ann with `open sesame`."""
    with serving(tmp_path_factory.mktemp("server"), SecretStr("secret")) as url:
        yield url


@pytest.fixture
def ddm(server: str, tmp_path: Path) -> Iterator[Client]:
    """A client of the embedded server."""
    with Client(server, token="secret", cache=tmp_path / "cache") as client:
        yield client
