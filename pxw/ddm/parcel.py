"""What an upload sends: one file with all that is said about it, as a stream that can be sent again."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pxw.cache import placing, room
from pxw.ddm.wire import PROJECT_LIMIT, Envelope
from pxw.errors import DDMRejectedError, MissingDataError, PlaceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from pxw.ddm.delivery import Progress

__all__ = ["Data", "Parcel", "check_address", "opened"]

Data = Path | str | bytes | bytearray | memoryview | BinaryIO
"""What can be uploaded: the path of a file, bytes, or an open binary stream."""

_CHUNK = 2**18  # bytes that are read, hashed and sent at once


@dataclass
class Parcel:
    """One upload, however often it has to be sent.

    The digest is taken of the very bytes that are sent, and follows them: the file is read once, and one that
    changes meanwhile cannot get a wrong digest.
    """

    file: BinaryIO
    size: int
    project: str
    name: str
    at: datetime
    description: str = ""
    use_case: Sequence[str] = ()
    metadata: Mapping[str, Any] | None = None
    guarded: bool = True
    progress: Progress | None = None
    upload_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        self._start = self.file.tell()
        self._boundary = f"pxw-{uuid.uuid4().hex}"
        self._json = None if self.metadata is None else _json_of(self.metadata)
        self._sha256 = ""

    @property
    def known(self) -> dict[str, Any]:
        """What is known of the upload once it was sent, whatever the service tells about it."""
        note = {"upload_id": self.upload_id, "when": self.at, "description": self.description}
        return note | self._content(self._sha256)

    @property
    def headers(self) -> dict[str, str]:
        """Those of the request; the service of pxw knows by the key that it got the same upload again."""
        length = len(self._head()) + self.size + len(self._tail("0" * 64))
        return {
            "Content-Type": f"multipart/form-data; boundary={self._boundary}",
            "Content-Length": str(length),
            "Idempotency-Key": self.upload_id,
        }

    def __iter__(self) -> Iterator[bytes]:
        self.file.seek(self._start)
        digest, sent = hashlib.sha256(), 0
        yield self._head()
        while sent < self.size and (chunk := self.file.read(min(_CHUNK, self.size - sent))):
            digest.update(chunk)
            yield chunk
            sent += len(chunk)
            if self.progress:
                self.progress(sent, self.size)
        if sent < self.size or self.file.read(1):
            raise PlaceError(f"{self.name!r} changed while it was uploaded", help="upload it when it is complete")
        self._sha256 = digest.hexdigest()
        yield self._tail(self._sha256)

    def _head(self) -> bytes:
        # A real DDM rewrites what it knows by the suffix (csv, json, ...) and unpickles pickles; it knows no `.bin`.
        file_name = f"{self.name}.bin" if self.guarded else self.name
        return (
            self._field("project_id", self.project)
            + self._field("user_filenames", self.name)
            + self._field("use_case", json.dumps(list(self.use_case)))
            + self._metadata()
            + self._opening("files", file_name, "application/octet-stream")
        )

    def _metadata(self) -> bytes:
        if self._json is None:
            return b""
        # An empty file name, as the old helper sends it, gets lost on the way.
        opening = self._opening("metadata-files", "metadata.json", "application/json")
        return opening + self._json + b"\r\n"

    def _tail(self, sha256: str) -> bytes:
        note = Envelope(upload_id=self.upload_id, at=self.at, **self._content(sha256))
        described = self._field("descriptions", note.seal(self.description))
        return b"\r\n" + described + f"--{self._boundary}--\r\n".encode()

    def _content(self, sha256: str) -> dict[str, Any]:
        return {"sha256": sha256, "size": self.size} if self.guarded else {}

    def _field(self, name: str, value: str) -> bytes:
        return self._opening(name) + value.encode() + b"\r\n"

    def _opening(self, name: str, file_name: str = "", kind: str = "") -> bytes:
        disposition = f'form-data; name="{name}"'
        if file_name:
            disposition += f'; filename="{_escaped(file_name)}"'
        lines = [f"--{self._boundary}", f"Content-Disposition: {disposition}"]
        if kind:
            lines.append(f"Content-Type: {kind}")
        return "\r\n".join([*lines, "", ""]).encode()


@contextmanager
def opened(data: Data, spool: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Open what is to be uploaded, with its number of bytes; a stream that cannot go back is copied below `spool`."""
    if isinstance(data, str | Path):
        with placing("read", Path(data)), _file(Path(data)) as file:
            yield file, os.fstat(file.fileno()).st_size
    elif isinstance(data, bytes | bytearray | memoryview):
        yield io.BytesIO(data), memoryview(data).nbytes
    elif data.seekable():
        start = data.tell()
        size = data.seek(0, io.SEEK_END) - start
        data.seek(start)
        yield data, size
    else:
        with room(spool) as copy:
            shutil.copyfileobj(data, copy, _CHUNK)
            size = copy.tell()
            copy.seek(0)
            yield copy, size


def check_address(project: str, name: str) -> None:
    """Refuse, before anything is sent, an address that a DDM mishandles: a real one leaves a broken row behind.

    >>> check_address("demo/titanic", "input.csv")
    """
    fault = _fault_of_project(project) or _fault_of_name(name)
    if fault:
        raise DDMRejectedError(fault, at=f"{project!r} / {name!r}"[:300])


def _fault_of_project(project: str) -> str:
    if not all(project.split("/")):
        return "a project id is words between single slashes"
    if bad := re.search(rf"[*#?$]|{_UNSENDABLE}", project):
        return f"a project id cannot hold {bad[0]!r}"
    if len(project) > PROJECT_LIMIT:
        return f"a project id has at most {PROJECT_LIMIT} characters, this one {len(project)}"
    return ""


def _fault_of_name(name: str) -> str:
    if not name:
        return "a file needs a name"
    if bad := re.search(_UNSENDABLE, name):
        return f"a file name cannot hold {bad[0]!r}"
    return ""


_UNSENDABLE = r"[\x00-\x1f\x7f\ud800-\udfff]"  # control characters, and what a broken file name decodes to


def _file(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise MissingDataError("no such file to upload", at=str(path)) from None


def _json_of(metadata: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(dict(metadata), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise DDMRejectedError(f"metadata that JSON cannot hold: {error}") from error


def _escaped(file_name: str) -> str:
    """A file name between quotes, as browsers write it."""
    return file_name.replace('"', "%22")
