"""One big file up and down through the embedded DDM, against a plain streamed copy over loopback HTTP.

    python -m tests.bench.ddm_stream [MEGABYTES]

Client and server must each stay under 150 MB beyond their start, and the whole within twice the plain copy.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from pxw.ddm.client import Client
from tests.bench.servers import Peak, running

PIECE = 1024 * 1024


def pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def plain_copy(url: str, big: Path, copy: Path) -> tuple[float, float]:
    """Up and down with nothing but HTTP and a file at both ends; on the server's disk for sure, as ours is."""
    with httpx.Client(timeout=600) as http:
        start = time.perf_counter()
        http.put(f"{url}/big", content=pieces(big)).raise_for_status()
        middle = time.perf_counter()
        with http.stream("GET", f"{url}/big") as answer, copy.open("wb") as file:
            for data in answer.iter_raw():
                file.write(data)
        return middle - start, time.perf_counter() - middle


def main() -> int:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1_024
    with tempfile.TemporaryDirectory() as directory:
        here = Path(directory)
        big, copy = here / "big.bin", here / "copy.bin"
        with big.open("wb") as file:
            for _ in range(megabytes):
                file.write(os.urandom(PIECE))
        with running("plain_http", here / "a") as plain:
            raw_up, raw_down = plain_copy(plain.url, big, copy)
        copy.unlink()
        with (
            running("embedded_ddm", here / "b") as embedded,
            Client(embedded.url, token="secret", cache=here / "cache") as ddm,
            Peak("self", embedded.pid) as peak,
        ):
            start = time.perf_counter()
            entry = ddm.upload(big, "bench")
            middle = time.perf_counter()
            got = ddm.download(entry, copy)
            end = time.perf_counter()
        same = digest(got) == digest(big)
    up, down = middle - start, end - middle
    ratio = (up + down) / (raw_up + raw_down)
    for name, there, back in (("plain copy", raw_up, raw_down), ("DDM", up, down)):
        rates = f"{megabytes / there:5.0f} and {megabytes / back:5.0f} MB/s"
        print(f"{name:10} {there + back:6.2f} s  (up {there:.2f}, down {back:.2f}; {rates})")
    print(f"ratio      {ratio:6.2f}    (at most 2); identical: {same}")
    client, server = peak.beyond["self"], peak.beyond[embedded.pid]
    print(f"memory     client +{client:.0f} MB, server +{server:.0f} MB  (at most 150 each)")
    return int(ratio > 2 or max(client, server) > 150 or not same)


if __name__ == "__main__":
    sys.exit(main())
