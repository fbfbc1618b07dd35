"""A real embedded server for a module, the settings that point there, and a count of what is asked of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from pydantic import SecretStr

from pxw.ddm.client import Client
from pxw.stores import ddm
from tests.ddm.old_ddm import OldDDM
from tests.ddm.serving import serving

TOKEN = "secret"


@pytest.fixture(scope="session")
def ddm_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the embedded server."""
    with serving(tmp_path_factory.mktemp("embedded-ddm"), SecretStr(TOKEN)) as url:
        yield url


@pytest.fixture
def project(request: pytest.FixtureRequest) -> str:
    """A project that no other test uses."""
    return "tests/" + re.sub(r"[^\w-]+", "-", request.node.name)[:150].strip("-")


@pytest.fixture
def service(ddm_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The client that pxw itself uses: settings point at the embedded server."""
    monkeypatch.setenv("PXW_DDM_URL", ddm_url)
    monkeypatch.setenv("PXW_DDM_TOKEN", TOKEN)
    client = ddm.client()
    yield client
    ddm._client.cache_clear()
    ddm._known.clear()
    client.close()


@pytest.fixture
def old_ddm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The same for a fake of the real service, which rewrites what it knows, and takes any name."""
    monkeypatch.setenv("PXW_DDM_URL", "http://ddm.test")
    with Client("http://ddm.test", http=httpx.MockTransport(OldDDM())) as client:
        monkeypatch.setattr(ddm, "_client", lambda *_: client)
        yield client


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every request that leaves this process, as `GET /ddm/catalog/list`."""
    requests: list[str] = []
    send = httpx.Client.send

    def counting(self: httpx.Client, request: httpx.Request, **options: object) -> httpx.Response:
        requests.append(f"{request.method} {request.url.path}")
        return send(self, request, **options)

    monkeypatch.setattr(httpx.Client, "send", counting)
    return requests
