"""The embedded DDM as a process of its own; it prints its URL. Its token is `secret`."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import SecretStr

from pxw.server import serve

if __name__ == "__main__":
    serve(Path(sys.argv[1]), token=SecretStr("secret"), on_ready=lambda running: print(running.url, flush=True))
