"""Processes that share neither network nor chosen folders with others, but for some ports of this machine's loopback.

Linux namespaces keep them apart; a bridge, over a Unix socket, leads from a port of their loopback to the same port of
ours. As a program, `python isolation.py outside|inside FOLDER PORTS [HIDDEN ... -- COMMAND ...]` is one of its ends.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_ALONE = ["unshare", "--map-root-user", "--mount", "--net"]


def why_not() -> str:
    """Why namespaces cannot be made here; empty where they can."""
    try:
        done = subprocess.run(
            [*_ALONE, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True, timeout=20, check=False
        )
    except OSError as error:
        return str(error)
    return done.stderr.strip()


@contextmanager
def bridge(ports: Sequence[int]) -> Iterator[Path]:
    """Be our end of the bridge while the block runs; gives the folder of its sockets."""
    with tempfile.TemporaryDirectory(prefix="pxw-bridge-") as folder:
        command = [sys.executable, __file__, "outside", folder, ",".join(map(str, ports))]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            while not all((Path(folder) / str(port)).exists() for port in ports):
                assert process.poll() is None
                time.sleep(0.02)
            yield Path(folder)
        finally:
            process.kill()
            process.wait()


def inside(folder: Path, ports: Sequence[int], hidden: Sequence[Path]) -> list[str]:
    """What to put before a command so that it runs in namespaces of its own, without what is in these folders."""
    end = [sys.executable, __file__, "inside", str(folder), ",".join(map(str, ports))]
    return [*_ALONE, *end, *map(str, hidden), "--"]


# The program ---------------------------------------------------------------------------------------------------------


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


def _joined(connect: Callable[[], Awaitable[Streams]]) -> Callable[..., Awaitable[None]]:
    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            theirs, ours = await connect()
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, ours), _pump(theirs, writer))

    return join


async def _outside(folder: Path, ports: list[int]) -> None:
    for port in ports:
        connect = _joined(lambda port=port: asyncio.open_connection("127.0.0.1", port))
        await asyncio.start_unix_server(connect, folder / str(port))
    await asyncio.Event().wait()


async def _inside(folder: Path, ports: list[int], hidden: list[str], command: list[str]) -> int:
    _loopback_up()
    for each in hidden:
        subprocess.run(["mount", "-t", "tmpfs", "none", each], check=True)
    for port in ports:
        connect = _joined(lambda port=port: asyncio.open_unix_connection(folder / str(port)))
        await asyncio.start_server(connect, "127.0.0.1", port)
    return await (await asyncio.create_subprocess_exec(*command)).wait()


def _loopback_up() -> None:
    """As `ip link set lo up`, which not every machine has."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP


def _main(end: str, folder: str, ports: str, *rest: str) -> int:
    numbers = [int(port) for port in ports.split(",")]
    if end == "outside":
        asyncio.run(_outside(Path(folder), numbers))
        return 0
    cut = rest.index("--")
    return asyncio.run(_inside(Path(folder), numbers, list(rest[:cut]), list(rest[cut + 1 :])))


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
