"""A proxy on loopback that does to requests and answers what networks, proxies and a real DDM do to them."""

from __future__ import annotations

import random
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import httpx

from pxw.ddm.retry import Retry

HASTE = Retry(first_pause=0.004, longest_pause=0.05, deadline=20.0, appearance=5.0)
"""For connections that break for the test's sake."""

Backend = Callable[[httpx.Request], httpx.Response]

FAULTS = (
    "drop before",  # the request never arrives
    "drop within",  # the connection breaks while the request is sent
    "lose answer",  # the service does it, and the answer gets lost
    "late answer",  # likewise, for longer than the client waits
    "delay",
    "cut body",  # the connection breaks within the answer
    "short body",  # the answer ends early and says that this was all
    "flip byte",  # of a file
    "429",
    "500",
    "502",
    "502 after",  # the service does it, and its proxy fails
    "503",
    "repeat",  # the request arrives twice
    "stale listing",  # the answer of an earlier time
    "strip query",  # only the first parameter arrives
    "strip all",
    "not yet",  # 404 for a while after an upload
)


class _Break(Exception):  # noqa: N818 - an order to the handler
    """Break the connection here."""


class FaultyProxy:
    """Serve on loopback what a backend answers, with a fault in some of the requests.

    Args:
        backend: takes a request, gives an answer.
        rate: the share of requests that meet a fault.
        seed: of the faults.
        faults: of which to choose.
        late: seconds of a late answer.
    """

    def __init__(
        self, backend: Backend, *, rate: float, seed: int = 0, faults: tuple[str, ...] = FAULTS, late: float = 0.6
    ) -> None:
        self.backend = backend
        self.rate = rate
        self.faults = faults
        self.late = late
        self.met: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._listings: dict[str, httpx.Response] = {}
        self._hidden: dict[str, int] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                try:
                    proxy.handle(self)
                except _Break:
                    # A reset, not a clean end.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                except OSError:  # the client is gone
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - the names that the base class looks for

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        fault = self._choose(handler)
        length = int(handler.headers.get("Content-Length", 0))
        if fault == "drop within":
            handler.rfile.read(length // 2)
            raise _Break
        body = handler.rfile.read(length)
        if fault == "drop before":
            raise _Break
        if fault in ("429", "500", "502", "503"):
            words = {"Retry-After": "0"} if fault == "429" else {}
            return self._answer(handler, httpx.Response(int(fault), text=f"{fault} of the proxy", headers=words))
        path = self._stripped(handler.path, fault)
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in ("host", "connection")}
        response = self._ask(httpx.Request(handler.command, f"http://backend{path}", headers=headers, content=body))
        if fault == "repeat":
            response = self._ask(httpx.Request(handler.command, f"http://backend{path}", headers=headers, content=body))
        return self._answer(handler, self._changed(handler, response, fault), fault)

    def _ask(self, request: httpx.Request) -> httpx.Response:
        response = self.backend(request)
        response.read()
        return response

    def _choose(self, handler: BaseHTTPRequestHandler) -> str:
        with self._lock:
            fault = self._random.choice(self.faults) if self._random.random() < self.rate else ""
        is_file = handler.command == "GET" and "/file/" in handler.path
        is_listing = handler.command == "GET" and "/catalog" in handler.path
        for_files, for_listings = ("flip byte", "not yet"), ("stale listing", "strip query", "strip all")
        if (fault in for_files and not is_file) or (fault in for_listings and not is_listing):
            return ""
        if fault == "stale listing" and handler.path not in self._listings:
            return ""
        if fault:
            self.met[fault] += 1
        return fault

    @staticmethod
    def _stripped(path: str, fault: str) -> str:
        if fault == "strip query":
            return path.partition("&")[0]
        return path.partition("?")[0] if fault == "strip all" else path

    def _changed(self, handler: BaseHTTPRequestHandler, response: httpx.Response, fault: str) -> httpx.Response:
        path = handler.path
        if not fault and "/catalog" in path and response.status_code == 200 and self._random.random() < 0.5:
            self._listings[path] = response
        if handler.command == "GET" and "/file/" in path and self._is_hidden(path, fault):
            return httpx.Response(404, json={"message": "File not found in Zenoh Storage."})
        match fault:
            case "stale listing":
                return self._listings[path]
            case "502 after":
                return httpx.Response(502, text="Bad Gateway")
            case "lose answer":
                raise _Break
            case "late answer" | "delay":
                time.sleep(self.late if fault == "late answer" else self.late / 30)
            case "flip byte":
                return _with(response, self._flipped(response.content))
            case "short body":
                return _with(response, response.content[: len(response.content) // 2])
        return response

    def _is_hidden(self, path: str, fault: str) -> bool:
        """A file may be unreadable for the first few times, never later."""
        left = self._hidden.setdefault(path, self._random.randrange(1, 4) if fault == "not yet" else 0)
        self._hidden[path] = max(0, left - 1)
        return left > 0

    def _flipped(self, content: bytes) -> bytes:
        changed = bytearray(content)
        if changed:
            changed[self._random.randrange(len(changed))] ^= 1 + self._random.randrange(255)
        return bytes(changed)

    def _answer(self, handler: BaseHTTPRequestHandler, response: httpx.Response, fault: str = "") -> None:
        status = HTTPStatus(response.status_code)
        head = [f"HTTP/1.1 {status.value} {status.phrase}", f"Content-Length: {len(response.content)}"]
        head += [f"{name}: {value}" for name, value in _plain(response).items()]
        content = response.content[: len(response.content) // 2] if fault == "cut body" else response.content
        handler.wfile.write("\r\n".join([*head, "", ""]).encode() + content)
        if fault == "cut body":
            raise _Break


def _with(response: httpx.Response, content: bytes) -> httpx.Response:
    return httpx.Response(response.status_code, headers=_plain(response), content=content)


def _plain(response: httpx.Response) -> dict[str, str]:
    kept = re.compile("content-type|content-range|etag|retry-after", re.IGNORECASE)
    return {name: value for name, value in response.headers.items() if kept.fullmatch(name)}


def forward_to(url: str, client: httpx.Client) -> Backend:
    """A backend that is a real server."""

    def backend(request: httpx.Request) -> httpx.Response:
        address = url + request.url.raw_path.decode()
        return client.request(request.method, address, headers=request.headers.multi_items(), content=request.content)

    return backend
