"""Multipart bodies, parsed while they come in: files go straight to the disk, so that memory stays constant."""

from __future__ import annotations

from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool

from pxw.server.errors import Refusal, invalid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from pxw.server.blobs import Blobs, Spool

__all__ = ["File", "Form", "received"]

AT_ONCE = 1024 * 1024  # bytes handed to the parser at a time: a switch of threads costs as much as hashing 100 KB
IN_MEMORY = 32 * 1024 * 1024  # bytes of fields and metadata in one request
MOST_PARTS = 10_000
FILE_FIELDS = frozenset({"file", "files"})


class File(NamedTuple):
    """A file part: the name that it was sent under, and its bytes."""

    name: str
    spool: Spool


class Form:
    """What a multipart body holds, as far as it was read."""

    def __init__(self, blobs: Blobs, boundary: bytes) -> None:
        self.files: list[File] = []
        self._blobs = blobs
        self._fields: defaultdict[str, list[bytes]] = defaultdict(list)
        self._budget = IN_MEMORY
        self._parts = 0
        self._ended = False
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._disposition = b""
        self._name = ""
        self._value: bytearray | None = None
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._open_part,
                "on_part_data": self._add,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
            max_header_size=16 * 1024,
        )

    def feed(self, data: bytes) -> None:
        """Parse the next bytes of the body."""
        self._parser.write(data)

    def finish(self) -> None:
        """Make sure that the body was whole."""
        if not self._ended:
            raise MultipartParseError("it ends before its closing boundary")

    def discard(self) -> None:
        """Remove the files that nobody kept."""
        for file in self.files:
            file.spool.discard()

    def texts(self, name: str) -> list[str]:
        """Every value of a field, in the order of the body."""
        try:
            return [value.decode() for value in self._fields.get(name, ())]
        except UnicodeDecodeError:
            raise invalid(name, "not UTF-8") from None

    def text(self, name: str) -> str:
        """The first value of a field; an absent one is empty."""
        return next(iter(self.texts(name)), "")

    def documents(self, name: str) -> list[bytes]:
        """Every metadata file (or field, where a client dropped the empty file name) of this name."""
        return self._fields.get(name, [])

    def default(self, name: str, values: list[str]) -> None:
        """Take the values from the query where the body has none."""
        if values and name not in self._fields:
            self._fields[name] = [value.encode() for value in values]

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise Refusal(413, f"More than {MOST_PARTS} parts in one request.")
        self._disposition = b""

    def _end_header(self) -> None:
        field, value = (bytes(part) for part in self._header)
        self._header = (bytearray(), bytearray())
        if field.lower() == b"content-disposition":
            self._disposition = value

    def _open_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = _decoded(options.get(b"name", b""))
        if not self._name:
            raise MultipartParseError("a part without a name")
        if self._name in FILE_FIELDS:
            self.files.append(File(_decoded(options.get(b"filename", b"")), self._blobs.spool()))
            self._value = None
        else:
            self._value = bytearray()

    def _add(self, data: bytes, start: int, end: int) -> None:
        piece = memoryview(data)[start:end]
        if self._value is None:
            self.files[-1].spool.write(piece)
            return
        self._budget -= len(piece)
        if self._budget < 0:
            raise Refusal(413, f"More than {IN_MEMORY} bytes of fields and metadata in one request.")
        self._value += piece

    def _end_part(self) -> None:
        if self._value is None:
            self.files[-1].spool.finish()
        else:
            self._fields[self._name].append(bytes(self._value))

    def _end(self) -> None:
        self._ended = True


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise MultipartParseError("a name that is not UTF-8") from None


@asynccontextmanager
async def received(request: Request, blobs: Blobs) -> AsyncIterator[Form]:
    """Read a whole multipart body; whatever files of it nobody keeps are gone afterwards."""
    form = Form(blobs, _boundary(request))
    try:
        async for data in _pieces(request):
            await run_in_threadpool(form.feed, data)
        form.finish()
        for name, values in _query(request).items():
            form.default(name, values)
        yield form
    finally:
        form.discard()


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise invalid("files", "expected a body of multipart/form-data with a boundary")
    return options[b"boundary"]


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    buffer = bytearray()
    async for data in request.stream():
        buffer += data
        if len(buffer) >= AT_ONCE:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer)


def _query(request: Request) -> dict[str, list[str]]:
    return {name: request.query_params.getlist(name) for name in request.query_params}
