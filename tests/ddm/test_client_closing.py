"""A client that nobody closes."""

from __future__ import annotations

import gc

import httpx

from pxw.ddm import Client


def test_a_client_that_is_forgotten_closes_its_connections() -> None:
    closed: list[bool] = []

    class Transport(httpx.BaseTransport):
        def close(self) -> None:
            closed.append(True)

    client = Client("http://ddm.test", http=Transport())
    del client
    gc.collect()
    assert closed == [True]
