"""The catalogue: one SQLite database in WAL mode, one connection that writes and one that reads."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from pxw.ddm.wire import PROJECT_LIMIT, FileRow, file_path
from pxw.server.query import Where, stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["Catalogue", "Entry", "Node"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    use_case TEXT NOT NULL,
    user_id TEXT NOT NULL,
    created TEXT NOT NULL,
    parent_files TEXT,
    file_size INTEGER,
    file_type TEXT NOT NULL,
    sha256 TEXT,
    metadata TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_by_project ON files (project_id, name);
CREATE INDEX IF NOT EXISTS files_by_blob ON files (sha256);
CREATE INDEX IF NOT EXISTS files_by_date ON files (created);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    body TEXT NOT NULL,
    created TEXT NOT NULL
) WITHOUT ROWID;
"""

_TREE = """
SELECT 'folder' AS kind, substr(project_id, :skip, instr(substr(project_id, :skip) || '/', '/') - 1) AS name,
       NULL AS id, coalesce(sum(file_size), 0) AS size, max(created) AS created, count(*) AS files
FROM files WHERE project_id >= :below AND project_id < :beyond AND length(project_id) >= :skip GROUP BY 2
UNION ALL
SELECT 'file', name, id, file_size, created, 1 FROM files WHERE project_id = :parent
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as the catalogue stores it; without a digest, its bytes were lost."""

    id: str
    project_id: str
    name: str
    description: str
    use_case: list[str]
    user_id: str
    created: datetime
    parent_files: Any
    file_size: int | None
    file_type: str
    sha256: str | None
    metadata: dict[str, Any] | None

    def row(self, **more: Any) -> dict[str, Any]:
        """The fields that it shows on the wire, under their names there."""
        path = file_path(self.project_id, self.id, self.file_type) if self.sha256 else ""
        shared = {field: getattr(self, field) for field in FileRow.model_fields if hasattr(self, field)}
        return {**shared, "filename": self.name, "upload_filename": self.name, "path": path, **more}


@dataclass(frozen=True, slots=True)
class Node:
    """A folder or a file at one level of the tree."""

    kind: Literal["folder", "file"]
    name: str
    id: str | None
    size: int | None
    created: str
    files: int


class Catalogue:
    """The catalogue below one root. Readers may come from any thread; there is one writer, the archive."""

    def __init__(self, path: Path) -> None:
        self._writer = _connect(path)
        self._writer.executescript(_SCHEMA)
        self._reader = _connect(path)
        self._reading = threading.Lock()
        (newest,) = self._writer.execute("SELECT max(created) FROM files").fetchone()
        self._newest = datetime.fromisoformat(newest) if newest else datetime.min.replace(tzinfo=UTC)

    def close(self) -> None:
        """Close both connections."""
        self._reader.close()
        self._writer.close()

    # Reading

    def find(self, file_id: str) -> Entry | None:
        """The file with this id."""
        return next(iter(self.select(Where("id = ?", (file_id,)))), None)

    def select(self, where: Where, order: str = "id", limit: int = -1, offset: int = 0) -> list[Entry]:
        """The files that fit, in this order."""
        sql = f"SELECT * FROM files WHERE {where.sql} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608 - bound values
        return [_entry(row) for row in self._read(sql, (*where.values, limit, offset))]

    def count(self, where: Where = Where()) -> int:  # noqa: B008 - immutable
        """How many files fit."""
        (row,) = self._read(f"SELECT count(*) FROM files WHERE {where.sql}", where.values)  # noqa: S608 - bound values
        return int(row[0])

    def level(self, parent: str, containing: str, order: str, limit: int, offset: int) -> tuple[list[Node], int]:
        """One page of the folders, then files, of a project; and how many there are."""
        prefix = f"{parent}/" if parent else ""
        names = {
            "parent": parent,
            "below": prefix,
            "beyond": f"{parent}0" if parent else chr(0x10FFFF) * PROJECT_LIMIT,  # '0' follows '/'
            "skip": len(prefix) + 1,
            "filter": containing,
        }
        level = f"FROM ({_TREE}) WHERE instr(name, :filter) > 0 OR :filter = ''"
        page = f"SELECT * {level} ORDER BY kind DESC, {order}, id LIMIT :limit OFFSET :offset"
        rows = self._read(page, {**names, "limit": limit, "offset": offset})
        (total,) = self._read(f"SELECT count(*) {level}", names)
        return [Node(*row) for row in rows], int(total[0])

    def _read(self, sql: str, values: Mapping[str, Any] | tuple[Any, ...] = ()) -> list[Any]:
        with self._reading:
            return self._reader.execute(sql, values).fetchall()

    # Writing

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it, or nothing."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def stamp(self) -> tuple[str, datetime]:
        """An id and a time, both later than every one before, whatever the machine's clock does."""
        self._newest = max(datetime.now(UTC), self._newest + timedelta(microseconds=1))
        return _time_ordered_id(self._newest), self._newest

    def insert(self, entry: Entry) -> None:
        """Add a file."""
        values = [_cell(getattr(entry, field)) for field in Entry.__dataclass_fields__]
        self._writer.execute(f"INSERT INTO files VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608 - marks

    def change(self, file_id: str, changes: Mapping[str, Any]) -> None:
        """Change columns of a file."""
        columns = ", ".join(f"{column} = ?" for column in changes)
        values = (*map(_cell, changes.values()), file_id)
        self._writer.execute(f"UPDATE files SET {columns} WHERE id = ?", values)  # noqa: S608 - the archive's names

    def delete(self, file_ids: Iterable[str]) -> None:
        """Remove files."""
        self._writer.executemany("DELETE FROM files WHERE id = ?", [(file_id,) for file_id in file_ids])

    def refers_to(self, sha256: str) -> bool:
        """Whether any file has these bytes."""
        return self._writer.execute("SELECT 1 FROM files WHERE sha256 = ? LIMIT 1", (sha256,)).fetchone() is not None

    def blobs(self) -> dict[str, int]:
        """Every digest that a file has, and its size."""
        return dict(self._writer.execute("SELECT DISTINCT sha256, file_size FROM files WHERE sha256 IS NOT NULL"))

    def answer(self, key: str) -> tuple[str, str] | None:
        """What was asked and answered under an idempotency key."""
        found = self._writer.execute("SELECT request, body FROM answers WHERE key = ?", (key,)).fetchone()
        return (found[0], found[1]) if found else None

    def remember(self, key: str, request: str, body: str) -> None:
        """Keep an answer, for the same request sent again."""
        self._writer.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", (key, request, body, stored(self._newest)))

    def forget(self, *, older_than: timedelta) -> None:
        """Drop the answers that nobody will ask for again."""
        self._writer.execute("DELETE FROM answers WHERE created < ?", (stored(datetime.now(UTC) - older_than),))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # an acknowledged upload survives a power cut
    return connection


def _time_ordered_id(moment: datetime) -> str:
    # As UUID version 7: 48 bits of milliseconds; then the microseconds within, so that the order is total.
    micros = (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
    millis, rest = divmod(micros, 1_000)
    return str(UUID(int=millis << 80 | 0x7 << 76 | rest << 64 | 0b10 << 62 | secrets.randbits(62)))


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return stored(value)
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def _entry(row: tuple[Any, ...]) -> Entry:
    file_id, project, name, description, uses, user, created, parents, size, kind, sha256, metadata = row
    return Entry(
        file_id,
        project,
        name,
        description,
        json.loads(uses),
        user,
        datetime.fromisoformat(created),
        json.loads(parents) if parents else None,
        size,
        kind,
        sha256,
        json.loads(metadata) if metadata else None,
    )
