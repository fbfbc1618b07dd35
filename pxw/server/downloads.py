"""Answers that stream: one file, whole or a range of it, and many files as a zip."""

from __future__ import annotations

import re
import zipfile
from functools import partial
from io import BytesIO, RawIOBase
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from pxw.server.errors import Refusal
from pxw.server.query import Where

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from starlette.requests import Request
    from typing_extensions import Buffer

    from pxw.server.archive import Archive
    from pxw.server.catalogue import Entry

__all__ = ["file_response", "zip_response", "zip_texts", "zipped_project"]

PIECE = 1024 * 1024
RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")


def file_response(request: Request, archive: Archive, entry: Entry) -> Response:
    """Answer with the bytes of a file; always as a download, never as something that a browser would run."""
    size, etag = entry.file_size or 0, f'"{entry.sha256}"'
    headers = {"Accept-Ranges": "bytes", "Content-Disposition": _attachment(entry.name), "ETag": etag}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    start, stop = _span(request, size, etag)
    is_part = (start, stop) != (0, size)
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - start)
    pieces = _read(archive.open(entry), start, 0 if request.method == "HEAD" else stop - start)
    return StreamingResponse(pieces, 206 if is_part else 200, headers, "application/octet-stream")


def _attachment(name: str) -> str:
    return f"attachment; filename*=utf-8''{quote(name.rpartition('/')[2], safe='')}"


def _span(request: Request, size: int, etag: str) -> tuple[int, int]:
    asked = RANGE.fullmatch(request.headers.get("range", "").strip())
    if asked is None or request.headers.get("if-range", etag) != etag:
        return 0, size  # no range, several, or none that we know: the whole file is always a right answer
    first, last, suffix = asked.groups()
    start = max(0, size - int(suffix)) if suffix else int(first)
    stop = min(size, int(last) + 1) if last else size
    if start >= stop:
        outside = {"Content-Range": f"bytes */{size}"}
        raise Refusal(416, f"The range lies outside of the {size} bytes.", headers=outside)
    return start, stop


async def _read(file: BinaryIO, start: int, length: int) -> AsyncIterator[bytes]:
    with file:
        file.seek(start)
        while length > 0:
            piece = await run_in_threadpool(file.read, min(PIECE, length))
            if not piece:
                raise EOFError("the file is shorter than the catalogue says")
            length -= len(piece)
            yield piece


def zip_response(archive: Archive, entries: Sequence[Entry], name: str) -> Response:
    """Answer with a zip of files that is made while it is sent."""
    names = _names_within(entries)
    return _zip([(name, partial(archive.open, entry)) for name, entry in zip(names, entries, strict=True)], name)


async def zipped_project(archive: Archive, project: str) -> Response:
    """Answer with the files of exactly one project as a zip."""
    entries = await run_in_threadpool(archive.catalogue.select, Where("project_id = ?", (project,)))
    if not entries:
        raise Refusal(404, f"No files in the project {project[:255]!r}.")
    return zip_response(archive, entries, f"{project.rpartition('/')[2]}.zip")


def zip_texts(texts: Mapping[str, str], name: str) -> Response:
    """Answer with a zip of small texts."""
    sources = [(zipped, partial(BytesIO, text.encode())) for zipped, text in texts.items()]
    return _zip(sources, name)


def _zip(sources: Sequence[tuple[str, Callable[[], BinaryIO]]], name: str) -> Response:
    headers = {"Content-Disposition": _attachment(name)}
    return StreamingResponse(_zipped(sources), 200, headers, "application/zip")


def _names_within(entries: Sequence[Entry]) -> list[str]:
    """Name each file within a zip: safe to unpack anywhere, and unique."""
    names: list[str] = []
    taken: set[str] = set()
    for entry in entries:
        parts = [re.sub(r'[\\:*?"<>|]', "_", part) for part in entry.name.split("/") if part not in {"", ".", ".."}]
        name = "/".join(parts) or entry.id
        names.append(f"{entry.id}/{name}" if name.lower() in taken else name)
        taken.add(name.lower())
    return names


def _zipped(sources: Sequence[tuple[str, Callable[[], BinaryIO]]]) -> Iterator[bytes]:
    """Make a zip, piece by piece, without holding more than one."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as bundle:
        for name, open_source in sources:
            with open_source() as source, bundle.open(zipfile.ZipInfo(name), "w", force_zip64=True) as target:
                while piece := source.read(PIECE):
                    target.write(piece)
                    yield sink.drain()
    yield sink.drain()


class _Sink(RawIOBase):
    """The end of a zip that is sent away as it grows; as it cannot seek, zipfile never goes back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def drain(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data
