"""A proxy on loopback before an S3 server: it refuses, and cuts short, what it is told to."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit


class S3Proxy:
    """Pass on requests, but for some.

    Args:
        server: the URL of the S3 server.
        refused: by method, the status and the code of an error instead of an answer.
        cut_after: bytes of a GET's answer after which the connection breaks; of so many answers.
        cuts: how many.
    """

    def __init__(
        self,
        server: str,
        *,
        refused: dict[str, tuple[int, str]] | None = None,
        cut_after: int = 0,
        cuts: int = 0,
    ) -> None:
        self.server = urlsplit(server)
        self.refused = refused or {}
        self.cut_after, self.cuts = cut_after, cuts
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                proxy.answer(self)

            do_HEAD = do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - what the base class looks for

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        sent = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        status, headers, body = self._refusal(handler.command) or self._asked(handler, sent)
        handler.wfile.write(f"HTTP/1.1 {status} .\r\n".encode())
        handler.wfile.write("".join(f"{name}: {value}\r\n" for name, value in headers).encode() + b"\r\n")
        if handler.command != "GET" or status >= 300 or not self.cuts:
            handler.wfile.write(body)
            return
        self.cuts -= 1
        handler.wfile.write(body[: self.cut_after])
        handler.wfile.flush()
        # A reset, not a clean end.
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True

    def _refusal(self, method: str) -> tuple[int, list[tuple[str, str]], bytes] | None:
        if method not in self.refused:
            return None
        status, code = self.refused[method]
        text = f"<Error><Code>{code}</Code><Message>said the store</Message></Error>".encode()
        body = b"" if method == "HEAD" else text
        return status, [("Content-Length", str(len(body)))], body

    def _asked(self, handler: BaseHTTPRequestHandler, sent: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.server.hostname or "", self.server.port)
        try:
            connection.request(handler.command, handler.path, sent, dict(handler.headers))
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        kept = [each for each in answer.getheaders() if each[0].lower() not in {"connection", "transfer-encoding"}]
        if answer.getheader("Content-Length") is None:
            kept.append(("Content-Length", str(len(body))))
        return answer.status, kept, body
