"""What a bench compares with: a server that keeps the bytes it is sent, and does nothing else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

DIRECTORY = Path(sys.argv[1])


async def put(request: Request) -> Response:
    path = DIRECTORY / request.path_params["name"]
    with path.with_suffix(".tmp").open("wb") as file:
        async for data in request.stream():
            file.write(data)
        file.flush()
        os.fsync(file.fileno())  # as whoever acknowledges an upload must
    path.with_suffix(".tmp").rename(path)
    return Response(status_code=201)


async def get(request: Request) -> Response:
    return FileResponse(DIRECTORY / request.path_params["name"])


class Announcing(uvicorn.Server):
    """Says where it is as soon as it listens."""

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets)
        print(f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}", flush=True)


if __name__ == "__main__":
    app = Starlette(routes=[Route("/{name}", put, methods=["PUT"]), Route("/{name}", get)])
    Announcing(uvicorn.Config(app, port=0, log_config=None, access_log=False, ws="none")).run()
