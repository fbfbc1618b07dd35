"""What a DDM lists, made exact: the real service matches substrings, in pages, with wildcards live."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Self

from pxw.ddm.retry import ALWAYS, Setback
from pxw.ddm.wire import Envelope, FileRow, Listing
from pxw.errors import DDMAmbiguousError, DDMNotFoundError, DDMProtocolError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pxw.ddm.transport import Query, Transport

__all__ = ["Catalogue", "Entry", "before", "newest"]

_PAGE = 5_000  # rows; the real service has no maximum, and one page cannot be torn by those who write meanwhile
_EVERYTHING = 1_000_000
_MEMORY = 60.0  # seconds for which one's own uploads are expected in listings
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_STALE = Setback(DDMProtocolError("a listing that is older than the last upload"), tries=ALWAYS)


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of one file in a DDM.

    Where only the id is known, and perhaps what the bytes must be, the rest can be left out.

    >>> print(Entry("0192", size=5))
    0192, 5 bytes
    """

    id: str
    project: str = ""
    name: str = ""
    size: int | None = None
    sha256: str | None = None
    """Of the bytes; None if neither pxw uploaded the file nor its server holds it."""
    when: datetime | None = None
    """When it was uploaded: noted by pxw, else the service's `created`."""
    description: str = ""
    use_case: tuple[str, ...] = ()
    user_id: str | None = None
    upload_id: str | None = None
    """Of the upload; None if somebody else's program made it."""
    twins: tuple[str, ...] = ()
    """Ids of further rows of the very same upload, made by a request that was sent twice."""

    @classmethod
    def of(cls, row: FileRow, twins: Iterable[str] = ()) -> Self:
        """Read a row of the catalogue."""
        note = Envelope.of(row.description)
        return cls(
            id=row.id,
            project=row.project_id,
            name=row.filename or row.upload_filename,
            size=note.size if note and note.size is not None else row.file_size,
            sha256=note.sha256 if note and note.sha256 else row.sha256,
            when=note.at if note else row.created,
            description=Envelope.text_of(row.description),
            use_case=tuple(row.use_case),
            user_id=row.user_id,
            upload_id=note.upload_id if note else None,
            twins=tuple(twins),
        )

    def __str__(self) -> str:
        facts = [f"{self.project}/{self.name}: id {self.id}" if self.name else self.id]
        if self.size is not None:
            facts.append(f"{self.size:,} bytes")
        if self.when is not None:
            facts.append(f"{self.when:%Y-%m-%d %H:%M:%S} UTC")
        return ", ".join(facts)


class Catalogue:
    """The files that a DDM lists.

    It remembers what was uploaded and deleted through it, because a listing may be older than that.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._fresh: dict[str, tuple[Entry, float]] = {}
        self._gone: set[str] = set()
        self._lock = Lock()

    def remember(self, entry: Entry) -> None:
        """Expect an upload in the listings of the next minute."""
        now = self._transport.clock.monotonic()
        with self._lock:
            self._fresh[entry.id] = (entry, now)
            while (oldest := next(iter(self._fresh.items())))[1][1] < now - _MEMORY:
                del self._fresh[oldest[0]]

    def remove(self, id_: str) -> None:
        """Delete a row and its bytes."""
        self._transport.delete(self._transport.route(f"/file/{id_}/delete"))
        with self._lock:
            self._gone.add(id_)
            self._fresh.pop(id_, None)

    def remove_upload(self, entry: Entry) -> None:
        """Delete an upload with every row of it, lest one of them takes its place."""
        listed = self.of_upload(entry.project, entry.name, entry.upload_id) if entry.upload_id else None
        for twin in {listed.id, *listed.twins} - {entry.id} if listed else ():
            with suppress(DDMNotFoundError):  # a listing may be old
                self.remove(twin)
        self.remove(entry.id)

    def versions(self, project: str, name: str | None = None) -> list[Entry]:
        """Every version of one file, or of every file of exactly this project."""
        rows = [row for row in self.rows(project, name or "") if row.project_id == project]
        entries = _once_each(rows)
        if name is None:
            return entries
        # The second name column counts only for others' files, and where no file has the first.
        return [entry for entry in entries if entry.name == name] or _once_each(
            row for row in rows if name in row.names and Envelope.of(row.description) is None
        )

    def below(self, project: str) -> list[Entry]:
        """Every version of every file of this project and the projects below it; of all, if it is empty."""
        prefix = f"{project}/" if project else ""
        return _once_each(row for row in self.rows(project) if f"{row.project_id}/".startswith(prefix))

    def of_upload(self, project: str, name: str, upload_id: str) -> Entry | None:
        """What became of an upload, as far as the service lists it."""
        return next((entry for entry in _once_each(self.rows(project, name)) if entry.upload_id == upload_id), None)

    def find(self, project: str, name: str, *, id: str | None = None, as_of: datetime | None = None) -> Entry:  # noqa: A002 - the word of the wire
        """The newest version of a file, or the one that is pinned.

        Raises:
            DDMNotFoundError: no such file; the error names the nearest.
            DDMAmbiguousError: nothing tells which version is the newest.
        """
        versions = self.versions(project, name)
        fitting = [entry for entry in before(versions, as_of) if id is None or id in (entry.id, *entry.twins)]
        if fitting:
            return newest(fitting, dates_truly=self._transport.generation.dates_truly)
        raise self._missing(project, name, versions)

    def latest(self, project: str, as_of: datetime | None = None) -> list[Entry]:
        """The newest version of each file of exactly this project, by name."""
        by_name: dict[str, list[Entry]] = {}
        for entry in before(self.versions(project), as_of):
            by_name.setdefault(entry.name, []).append(entry)
        truly = self._transport.generation.dates_truly
        return [newest(by_name[name], dates_truly=truly) for name in sorted(by_name)]

    def _missing(self, project: str, name: str, versions: Sequence[Entry]) -> DDMNotFoundError:
        at = self._transport.url
        if versions:
            return DDMNotFoundError(f"no such version of '{project}/{name}'", at=at, details=map(str, versions))
        if names := sorted({entry.name for entry in self.versions(project)}):
            return DDMNotFoundError(f"no file {name!r} in project {project!r}", at=at, help=_hint(name, names))
        return self.no_project(project)

    def no_project(self, project: str) -> DDMNotFoundError:
        """The error for a project without files."""
        projects = sorted({entry.project for entry in self.below(project.partition("/")[0])})
        return DDMNotFoundError(
            f"no files in project {project!r}", at=self._transport.url, help=_hint(project, projects)
        )

    def rows(self, project: str = "", name: str = "") -> list[FileRow]:
        """Every finished row that the service finds, which are at least those that fit."""
        attempts = self._transport.attempts()
        while True:
            rows = [row for row in self._complete(project, name) if row.id not in self._gone]
            stale = self._expected(project, name) - {row.id for row in rows}
            if not stale or not attempts.pause(_STALE):
                return [row for row in rows if row.finished]

    def _expected(self, project: str, name: str) -> set[str]:
        """Ids that a listing must show, unless it is stale, or somebody else deleted them."""
        since = self._transport.clock.monotonic() - _MEMORY
        with self._lock:
            fresh = [entry for entry, when in self._fresh.values() if when >= since]
        return {entry.id for entry in fresh if entry.project == project and name in ("", entry.name)}

    def _complete(self, project: str, name: str) -> list[FileRow]:
        filters: Query = [("project_id", _narrow(project)), ("filename", _narrow(name))]
        filters = [(key, value) for key, value in filters if value]
        for listing in (self._paged, self._paged, self._whole):
            rows = listing(filters)
            if rows is not None:
                return rows
        raise DDMProtocolError(
            "the listing of the DDM is never complete",
            at=self._transport.url,
            help="does a proxy in front of the service remove query parameters?",
        )

    def _paged(self, filters: Query) -> list[FileRow] | None:
        """Page through the listing; None if rows may be missing."""
        rows: dict[str, FileRow] = {}
        page, size = 1, _PAGE
        promised: int | None = None
        while True:
            answer = self._list([*filters, ("page", page), ("perPage", size), ("sort", "id,asc")])
            promised = answer.filtered_total if promised is None else promised
            if answer.page != page or answer.filtered_total < promised:
                return None  # the page that was asked for got lost, or rows went and the others moved up
            rows.update((row.id, row) for row in answer.data)
            if len(rows) >= answer.filtered_total:
                return list(rows.values())
            if not answer.data:
                return list(rows.values()) if len(rows) >= promised else None
            page, size = page + 1, answer.per_page

    def _whole(self, filters: Query) -> list[FileRow] | None:
        """Everything in one answer, for a proxy that leaves only the first query parameter."""
        del filters
        answer = self._list([("perPage", _EVERYTHING)])
        return answer.data if len(answer.data) >= answer.filtered_total else None

    def _list(self, query: Query) -> Listing:
        return self._transport.ask("GET", self._transport.generation.listing, Listing, params=query)


def before(entries: Iterable[Entry], as_of: datetime | None) -> list[Entry]:
    """Those that were there at a moment; one without a time zone is local time."""
    if as_of is None:
        return list(entries)
    return [entry for entry in entries if entry.when is not None and entry.when <= as_of.astimezone()]


def newest(entries: Sequence[Entry], *, dates_truly: bool) -> Entry:
    """The newest of several versions of one file.

    Raises:
        DDMAmbiguousError: two that differ may both be it.
    """
    best = max(entries, key=lambda entry: (entry.when or _LONG_AGO, entry.id))
    rivals = [entry for entry in entries if entry is not best and _may_be_newer(entry, best, dates_truly)]
    rivals = [entry for entry in rivals if entry.sha256 is None or entry.sha256 != best.sha256]
    if not rivals:
        return best
    raise DDMAmbiguousError(
        f"{len(rivals) + 1} versions of '{best.project}/{best.name}' may be the newest",
        details=map(str, [best, *rivals]),
        help="pin one by its id",
    )


def _may_be_newer(entry: Entry, best: Entry, dates_truly: bool) -> bool:
    if dates_truly or (entry.upload_id is None) == (best.upload_id is None):
        return entry.when == best.when
    # One was dated by pxw, the other by the start of the service: it came at any time after that.
    return entry.upload_id is None


def _once_each(rows: Iterable[FileRow]) -> list[Entry]:
    """Entries of rows, one for each upload: a request that was sent twice makes two rows."""
    uploads: dict[str, list[FileRow]] = {}
    for row in rows:
        note = Envelope.of(row.description)
        uploads.setdefault(note.upload_id if note else f"row {row.id}", []).append(row)
    groups = (sorted(group, key=lambda row: row.id) for group in uploads.values())
    return [Entry.of(first, twins=(row.id for row in others)) for first, *others in groups]


def _narrow(text: str) -> str:
    """A filter that finds `text` among others: its start, up to what the service gives a meaning of its own.

    >>> _narrow("runs/a_1"), _narrow("a,b.csv"), _narrow(",")
    ('runs/a_1', 'a', '')
    """
    return re.split(r"[,\\]", text)[0].strip()


def _hint(name: str, names: Sequence[str]) -> str:
    hint = nearest(name, names)
    return hint if len(hint) <= 500 else f"{hint[:499]}…"
