"""One S3 server for a session, a bucket of its own for each test, and the environment that points there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.s3 import S3Server, s3_server


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These run in one worker of pytest-xdist, so that only one server is started."""
    for item in items:
        if "s3_of_session" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("s3"))


@pytest.fixture(scope="session")
def s3_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The server."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3(s3_of_session: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The server that this process's environment points to."""
    for name, value in s3_of_session.environment.items():
        monkeypatch.setenv(name, value)
    return s3_of_session


@pytest.fixture
def bucket(s3: S3Server, request: pytest.FixtureRequest) -> str:
    """The URL of a bucket that no other test uses."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:60].strip("-")
    s3.make_bucket(name)
    return f"s3://{name}"
