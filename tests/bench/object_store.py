"""One big file up and down through `pxw.Remote`, against obstore, pyarrow and boto3 alone, on a local S3 server.

    python -m tests.bench.object_store [MEGABYTES] [ROUNDS]

Each measurement is a process of its own. pxw also copies the file, hashes it, and keeps it in its cache. It should stay
within twice the time of obstore alone, which it uses, and within 100 MB of it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.s3 import s3_server

START = """
import os, shutil, sys, time
from pathlib import Path
big, copy, round_ = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
port = os.environ["AWS_ENDPOINT_URL"].rpartition(":")[2]
def peak(): return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
"""
WAYS = {
    "obstore": """
import obstore
from obstore.store import from_url
store = from_url("s3://bench", client_options={"allow_http": True})
def up(): obstore.put(store, f"obstore-{round_}", big, chunk_size=8 << 20, max_concurrency=4)
def down():
    with copy.open("wb") as file:
        for chunk in obstore.get(store, f"obstore-{round_}").stream(4 << 20): file.write(chunk)
""",
    "pxw": """
import pxw, pxw.data, pxw.stores.objects
place = pxw.Remote(f"s3://bench/pxw-{round_}")
def up():
    pxw.save(big, place)
    shutil.rmtree(Path(os.environ["PXW_HOME"]) / "cache")
def down(): copy.hardlink_to(pxw.load(place, Path))
""",
    "pyarrow": """
from pyarrow.fs import S3FileSystem
store = S3FileSystem(endpoint_override=f"127.0.0.1:{port}", scheme="http", region="us-east-1")
def up():
    with big.open("rb") as file, store.open_output_stream(f"bench/pyarrow-{round_}") as sink:
        shutil.copyfileobj(file, sink, 8 << 20)
def down():
    with store.open_input_stream(f"bench/pyarrow-{round_}") as source, copy.open("wb") as file:
        shutil.copyfileobj(source, file, 8 << 20)
""",
    "boto3": """
import boto3
client = boto3.client("s3")
def up(): client.upload_file(str(big), "bench", f"boto3-{round_}")
def down(): client.download_file("bench", f"boto3-{round_}", str(copy))
""",
}
END = """
start, before = time.perf_counter(), peak()
up()
middle = time.perf_counter()
down()
print(middle - start, time.perf_counter() - middle, peak() - before)
assert copy.stat().st_size == big.stat().st_size
"""


def measured(way: str, big: Path, environment: dict[str, str], number: int) -> list[float]:
    """Seconds up and down, and megabytes beyond what the process had after its imports."""
    copy = big.with_name("copy.bin")
    copy.unlink(missing_ok=True)
    command = [sys.executable, "-c", START + WAYS[way] + END, str(big), str(copy), str(number)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def main() -> int:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as directory, s3_server(Path(directory)) as server:
        server.make_bucket("bench")
        big = Path(directory) / "big.bin"
        with big.open("wb") as file:
            for _ in range(megabytes):
                file.write(os.urandom(1 << 20))
        environment = os.environ | server.environment | {"PXW_HOME": f"{directory}/home"}
        rows: dict[str, list[list[float]]] = {way: [] for way in WAYS}
        for number in range(rounds):
            for way in WAYS:  # side by side, so that they meet the same load
                rows[way].append(measured(way, big, environment, number))
    middle = {way: [statistics.median(column) for column in zip(*each, strict=True)] for way, each in rows.items()}
    print(f"{megabytes} MB, medians of {rounds}")
    plain = sum(middle["obstore"][:2])
    for way, (up, down, memory) in middle.items():
        print(f"{way:8} up {up:6.2f} s  down {down:6.2f} s  {(up + down) / plain:5.2f} x obstore  +{memory:4.0f} MB")
    ratio, more = sum(middle["pxw"][:2]) / plain, middle["pxw"][2] - middle["obstore"][2]
    return int(ratio > 2 or more > 100)


if __name__ == "__main__":
    sys.exit(main())
