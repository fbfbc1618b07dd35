"""Blobs and catalogue together: the order of every change, so that a kill at any moment loses nothing.

In: bytes to a temporary file, to the disk, to their final name; then the rows, in one transaction; then the answer.
Out: the rows, in one transaction; then the bytes that no row refers to. What a kill leaves behind is at worst a file
that nothing refers to, and the next start removes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from pxw.ddm.wire import Update, suffix_of
from pxw.errors import PlaceError
from pxw.server.blobs import Blobs, Spool
from pxw.server.catalogue import Catalogue, Entry
from pxw.server.checks import checked_metadata, checked_name, checked_project, checked_text
from pxw.server.errors import Refusal, no_file
from pxw.server.query import Where

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Archive", "Incoming"]

REMEMBERED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file whose bytes are here, and that is not in the catalogue yet."""

    project_id: str
    name: str
    spool: Spool
    part_name: str = ""
    description: str = ""
    use_case: Sequence[str] = ()
    metadata: dict[str, Any] | None = None
    user_id: str = ""
    id: str = ""


class Archive:
    """Everything below one root; a second process on the same root is refused.

    Example:
        ```python
        with Archive(root) as archive:
            spool = archive.blobs.spool()
            spool.write(b"a,b")
            spool.finish()
            (entry,) = archive.add([Incoming("demo", "table.csv", spool)])
        ```
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root = root
        self._lock_file = _locked(root / "lock")
        self._writing = threading.Lock()
        self.blobs = Blobs(root)
        self.catalogue = Catalogue(root / "catalogue.sqlite3")
        self.lost = self._recover()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another process have the root."""
        self.catalogue.close()
        self._lock_file.close()

    def _recover(self) -> list[str]:
        """Remove what a killed process left behind; return the ids of files whose bytes somebody else removed."""
        missing = self.blobs.sweep(self.catalogue.blobs())
        lost = [entry.id for sha256 in missing for entry in self.catalogue.select(Where("sha256 = ?", (sha256,)))]
        with self.catalogue.transaction():
            for file_id in lost:
                self.catalogue.change(file_id, {"sha256": None, "file_size": None})
            self.catalogue.forget(older_than=REMEMBERED)
        return lost

    def add(self, files: Sequence[Incoming], *, key: str | None = None) -> list[Entry]:
        """Take files in, all or none; under a key that was used before, return what was taken in then."""
        request = _digest(files)
        with self._writing:
            if key is not None and (known := self.catalogue.answer(key)) is not None:
                return self._again(known, request)
            try:
                for file in files:
                    self.blobs.keep(file.spool)
                return self._enter(files, key, request)
            except BaseException:
                self._drop_unreferenced({file.spool.sha256 for file in files})
                raise

    def _enter(self, files: Sequence[Incoming], key: str | None, request: str) -> list[Entry]:
        with self.catalogue.transaction():
            entries = [_entry(file, *self.catalogue.stamp()) for file in files]
            for entry in entries:
                self.catalogue.insert(entry)
            if key is not None:
                self.catalogue.remember(key, request, json.dumps([entry.id for entry in entries]))
        return entries

    def _again(self, known: tuple[str, str], request: str) -> list[Entry]:
        asked, answer = known
        if asked != request:
            raise Refusal(422, "This Idempotency-Key came with a different upload before.")
        entries = [self.catalogue.find(file_id) for file_id in json.loads(answer)]
        if not all(entries):
            raise Refusal(409, "The upload with this Idempotency-Key was done, and deleted since.")
        return [entry for entry in entries if entry]

    def delete(self, file_ids: Sequence[str]) -> None:
        """Delete files, all or none, with every byte that nothing else refers to."""
        with self._writing:
            entries = [self.need(file_id) for file_id in dict.fromkeys(file_ids)]
            with self.catalogue.transaction():
                self.catalogue.delete(entry.id for entry in entries)
            self._drop_unreferenced({entry.sha256 for entry in entries if entry.sha256})

    def update(self, file_id: str, update: Update) -> dict[str, Any]:
        """Change what the catalogue says about a file; return what was asked to change."""
        asked = update.model_dump(include=set(Update.model_fields), exclude_none=True)
        changes = {_COLUMN.get(field, field): _checked(field, value) for field, value in asked.items()}
        with self._writing, self.catalogue.transaction():
            self.need(file_id)
            if changes:
                self.catalogue.change(file_id, changes)
        return asked

    def note(self, file_id: str, metadata: dict[str, Any] | None) -> None:
        """Set or remove what the uploader tells about a file."""
        with self._writing, self.catalogue.transaction():
            self.need(file_id)
            self.catalogue.change(file_id, {"metadata": metadata and checked_metadata(metadata)})

    def need(self, file_id: str) -> Entry:
        """The file with this id, or a refusal."""
        entry = self.catalogue.find(file_id)
        if entry is None:
            raise no_file(file_id)
        return entry

    def open(self, entry: Entry) -> BinaryIO:
        """Open the bytes of a file, or refuse."""
        try:
            return self.blobs.open(entry.sha256 or "")
        except OSError:
            raise Refusal(404, f"The bytes of {entry.id} are gone.") from None

    def _drop_unreferenced(self, digests: set[str]) -> None:
        for sha256 in digests:
            if not self.catalogue.refers_to(sha256):
                self.blobs.drop(sha256)


_COLUMN = {"upload_filename": "name", "uploader_metadata": "metadata"}


def _checked(field: str, value: Any) -> Any:
    match field:
        case "project_id":
            return checked_project(value)
        case "upload_filename":
            return checked_name(value)
        case "description":
            return checked_text(field, value)
        case "use_case":
            return [checked_text(field, use) for use in value]
        case _:
            return checked_metadata(value)


def _entry(file: Incoming, file_id: str, created: Any) -> Entry:
    return Entry(
        id=file.id or file_id,
        project_id=file.project_id,
        name=file.name,
        description=file.description,
        use_case=list(file.use_case),
        user_id=file.user_id,
        created=created,
        parent_files=None,
        file_size=file.spool.size,
        file_type=suffix_of(file.name) or suffix_of(file.part_name),
        sha256=file.spool.sha256,
        metadata=file.metadata,
    )


def _digest(files: Sequence[Incoming]) -> str:
    facts = [(file.project_id, file.name, file.spool.sha256) for file in files]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _locked(path: Path) -> BinaryIO:
    lock = path.open("ab")
    for _ in range(20):  # somebody may just be asking whether a server runs here
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            lock.truncate(0)
            lock.write(str(os.getpid()).encode())
            lock.flush()
            return lock
    lock.close()
    raise PlaceError(
        f"another DDM server already runs on {str(path.parent)!r}",
        at=str(path),
        help="use that one, stop it first, or choose another root",
    )
