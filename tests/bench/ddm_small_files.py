"""Many small files up and down as one directory, against as many raw HTTP requests, one after the other.

    python -m tests.bench.ddm_small_files [FILES]

It must take one listing, and no more than three times as long.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx

from pxw.ddm.client import Client
from tests.bench.servers import running


class Counting(httpx.HTTPTransport):
    """Counts the requests by method and first parts of their path."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seen[f"{request.method} {'/'.join(request.url.path.split('/')[:4])}".partition("/file/")[0]] += 1
        return super().handle_request(request)


def main() -> int:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    with tempfile.TemporaryDirectory() as directory:
        here = Path(directory)
        tree, copy = here / "tree", here / "copy"
        tree.mkdir()
        for index in range(number):
            (tree / f"{index:05}.bin").write_bytes(os.urandom(1_000))
        with running("plain_http", here / "a") as plain, httpx.Client() as http:
            start = time.perf_counter()
            for path in tree.iterdir():
                http.put(f"{plain.url}/{path.name}", content=path.read_bytes()).raise_for_status()
            for path in tree.iterdir():
                http.get(f"{plain.url}/{path.name}").raise_for_status()
            raw = time.perf_counter() - start
        counting = Counting()
        with (
            running("embedded_ddm", here / "b") as embedded,
            Client(embedded.url, token="secret", cache=here / "cache", http=counting) as ddm,
        ):
            start = time.perf_counter()
            ddm.upload_directory(tree, "bench")
            middle = time.perf_counter()
            before = counting.seen["GET /ddm/catalog/list"]
            ddm.download_directory("bench", copy)
            end = time.perf_counter()
        same = all((copy / path.name).read_bytes() == path.read_bytes() for path in tree.iterdir())
    listings = counting.seen["GET /ddm/catalog/list"] - before
    ratio = (end - start) / raw
    print(f"raw requests {raw:6.2f} s for {2 * number}")
    print(f"DDM          {end - start:6.2f} s  (up {middle - start:.2f}, down {end - middle:.2f})")
    print(f"ratio        {ratio:6.2f}    (at most 3)")
    print(f"listings for the download: {listings}  (one); requests {dict(counting.seen)}; identical: {same}")
    return int(ratio > 3 or listings != 1 or not same)


if __name__ == "__main__":
    sys.exit(main())
