"""The routes that take bytes in: several files, one file, one file in chunks."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from pxw.ddm.wire import AsyncUpload, SingleUpload, Upload, UploadedFile, UploadedRow
from pxw.server.archive import Archive, Incoming
from pxw.server.bodies import archive_of, reply
from pxw.server.checks import checked_name, checked_project, checked_text, checked_uses, parsed_metadata
from pxw.server.errors import Refusal, invalid
from pxw.server.forms import AT_ONCE, Form, received

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from pxw.server.blobs import Spool
    from pxw.server.catalogue import Entry

__all__ = ["Chunks", "upload_chunk", "upload_file", "upload_files"]

KEY_LIMIT = 255
MOST_CHUNKS = 100_000
PATIENCE = 24 * 3600  # seconds without a further chunk


async def upload_files(request: Request) -> Response:
    """POST /ddm/files/upload: several files, all or none."""
    archive = archive_of(request)
    async with received(request, archive.blobs) as form:
        files = [_incoming(request, form, index) for index in range(len(form.files))]
        checked_project(form.text("project_id"))
        if not files:
            raise invalid("files", "No files were sent.")
        entries = await run_in_threadpool(archive.add, files, key=_key(request))
    rows = [UploadedRow(**entry.row(metadata_task_id=_metadata_task(entry.id))) for entry in entries]
    return reply(Upload(message=f"{len(rows)} file(s) uploaded successfully!", files=rows))


async def upload_file(request: Request) -> Response:
    """POST /ddm/file/upload: one file."""
    archive = archive_of(request)
    async with received(request, archive.blobs) as form:
        if len(form.files) != 1:
            raise invalid("file", f"{len(form.files)} files; this route takes one")
        file = _incoming(request, form, 0)
        (entry,) = await run_in_threadpool(archive.add, [file], key=_key(request))
    row = entry.row()
    told = UploadedFile(
        **row,
        file_path=row["path"],
        file_hash=entry.sha256,
        metadata=entry.metadata,
        metadata_task_id=_metadata_task(entry.id),
    )
    return reply(SingleUpload(message="File uploaded successfully!", file=told))


def _incoming(request: Request, form: Form, index: int) -> Incoming:
    part = form.files[index]
    documents = form.documents("metadata-files") or form.documents("metadata-file")
    return Incoming(
        project_id=checked_project(form.text("project_id")),
        name=checked_name(_nth(form, index, "user_filenames", "user_filename") or part.name),
        spool=part.spool,
        part_name=part.name,
        description=checked_text("descriptions", _nth(form, index, "descriptions", "description")),
        use_case=checked_uses(_nth(form, index, "use_case")),
        metadata=parsed_metadata(documents[index]) if index < len(documents) else None,
        user_id=request.app.state.gate.user_id,
    )


def _nth(form: Form, index: int, *names: str) -> str:
    values = next(filter(None, map(form.texts, names)), [])
    return values[index] if index < len(values) else ""


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= KEY_LIMIT:
        raise Refusal(400, f"An Idempotency-Key has 1 to {KEY_LIMIT} characters.")
    return key


def _metadata_task(file_id: str) -> str:
    return f"metadata-{file_id}"


class Chunk(BaseModel):
    """The fields that come with a chunk."""

    project_id: str = ""
    filename: str = ""
    chunk_index: int = Field(ge=0)
    total_chunks: int = Field(ge=1, le=MOST_CHUNKS)
    file_id: str = ""

    @classmethod
    def of(cls, form: Form) -> Chunk:
        """Read the fields of a form."""
        return cls.model_validate({name: form.text(name) for name in cls.model_fields})


@dataclass
class Pending:
    """A file of which the first chunks are here."""

    file: Incoming
    total: int
    arrived: int = 0
    touched: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Chunks:
    """Uploads in chunks that are not complete yet; a restart of the server forgets them."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._pending: dict[str, Pending] = {}

    def take(self, chunk: Chunk, part: Path, user_id: str) -> tuple[str, Entry | None]:
        """Append a chunk; one that comes again is not appended again. The last one makes the file."""
        file_id = chunk.file_id or self._begin(chunk, user_id)
        pending = self._pending.get(file_id)
        if pending is None:  # the last chunk, sent again because its answer was lost?
            return file_id, self._archive.need(file_id)
        with pending.lock:
            if chunk.chunk_index > pending.arrived:
                raise invalid("chunk_index", f"{chunk.chunk_index}; the next chunk is {pending.arrived}")
            try:
                return file_id, self._extend(file_id, pending, chunk.chunk_index, part)
            except BaseException:  # half a chunk may be there, and cannot be taken back
                self._pending.pop(file_id, None)
                pending.file.spool.discard()
                raise

    def close(self) -> None:
        """Forget every incomplete upload."""
        while self._pending:
            self._pending.popitem()[1].file.spool.discard()

    def _begin(self, chunk: Chunk, user_id: str) -> str:
        if chunk.chunk_index:
            raise invalid("file_id", f"chunk {chunk.chunk_index} needs the file_id that chunk 0 was answered with")
        project, name = checked_project(chunk.project_id), checked_name(chunk.filename)
        for stale in [key for key, value in self._pending.items() if value.touched < time.monotonic() - PATIENCE]:
            self._pending.pop(stale).file.spool.discard()
        file_id = str(uuid4())
        file = Incoming(project, name, self._archive.blobs.spool(), user_id=user_id, id=file_id)
        self._pending[file_id] = Pending(file, chunk.total_chunks)
        return file_id

    def _extend(self, file_id: str, pending: Pending, index: int, part: Path) -> Entry | None:
        if index == pending.arrived:
            _append(part, pending.file.spool)
            pending.arrived += 1
            pending.touched = time.monotonic()
        if pending.arrived < pending.total:
            return None
        pending.file.spool.finish()
        (entry,) = self._archive.add([pending.file])
        self._pending.pop(file_id, None)
        return entry


def _append(part: Path, spool: Spool) -> None:
    with part.open("rb") as source:
        while piece := source.read(AT_ONCE):
            spool.write(piece)


async def upload_chunk(request: Request) -> Response:
    """POST /ddm/file/upload/async: one file, chunk after chunk."""
    async with received(request, archive_of(request).blobs) as form:
        if len(form.files) != 1:
            raise invalid("file", f"{len(form.files)} chunks; this route takes one")
        chunk, user_id = Chunk.of(form), request.app.state.gate.user_id
        part = form.files[0].spool.path
        file_id, entry = await run_in_threadpool(request.app.state.chunks.take, chunk, part, user_id)
    if entry is None:
        return reply(AsyncUpload(file_id=file_id, message=f"Chunk {chunk.chunk_index} received."))
    whole = AsyncUpload(
        message="File uploaded and merged.",
        file_id=file_id,
        zenoh_file_path=entry.row()["path"],
        merge_task_id=f"merge-{file_id}",
        metadata_task_id=_metadata_task(file_id),
        project_id=entry.project_id,
    )
    return reply(whole, 202)
