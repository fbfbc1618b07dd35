"""The way of bytes to a DDM: one upload however often it is sent, and read back before it counts as done."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Literal

from pxw.ddm.catalogue import Catalogue, Entry
from pxw.ddm.delivery import Delivery
from pxw.ddm.retry import Attempts, Setback
from pxw.ddm.wire import Upload
from pxw.errors import (
    DatasetAlteredError,
    DDMError,
    DDMNotFoundError,
    DDMProtocolError,
    DDMRejectedError,
    DDMUnavailableError,
)

if TYPE_CHECKING:
    from pxw.ddm.parcel import Parcel
    from pxw.ddm.transport import Transport

__all__ = ["Uploads", "Verify"]

Verify = Literal["size", "hash", "none"]
"""How an upload is read back: by its length, whole, or not at all."""

_SMALL = 2**20  # bytes; to read so few back whole costs no more than to ask for their number


class Uploads:
    """Uploads to one DDM."""

    def __init__(self, transport: Transport, catalogue: Catalogue) -> None:
        self._transport = transport
        self._catalogue = catalogue
        self._last = datetime.min.replace(tzinfo=UTC)
        self._lock = Lock()

    def moment(self) -> datetime:
        """When an upload begins: later than every one before, whatever the clock does."""
        with self._lock:
            self._last = max(self._transport.clock.now(), self._last + timedelta(microseconds=1))
            return self._last

    def send(self, parcel: Parcel, verify: Verify) -> Entry:
        """Upload and read back."""
        entry = self._stored(parcel)
        if entry.name != parcel.name:
            raise DDMRejectedError(
                f"the DDM took the file as {entry.name!r} instead of {parcel.name!r}",
                at=str(entry),
                help="choose a name that it keeps",
            )
        if parcel.size and verify != "none":  # a real DDM never gives an empty file back
            self._read_back(parcel, entry, verify)
        self._catalogue.remember(entry)
        return entry

    def _stored(self, parcel: Parcel) -> Entry:
        attempts = self._transport.attempts(parcel.size)
        while True:
            try:
                entry = self._post(parcel)
            except Setback as setback:
                again = attempts.pause(setback)
                if setback.doubtful and (found := self._single(parcel)):
                    return found
                if not again:
                    raise attempts.outcome(setback) from setback.__cause__
            else:
                with suppress(DDMError):  # it is stored; whether twice, the next listing tells
                    return (attempts.made and self._single(parcel)) or entry
                return entry

    def _post(self, parcel: Parcel) -> Entry:
        path = self._transport.route("/files/upload")
        answer = self._transport.ask_once(
            "POST",
            path,
            Upload,
            content=parcel,
            headers=parcel.headers,
            timeout=self._transport.timeout(parcel.size),
        )
        if len(answer.files) != 1:
            at = f"POST {self._transport.url}{path}"
            raise DDMProtocolError(f"the DDM answers with {len(answer.files)} files to the upload of one", at=at)
        entry = Entry.of(answer.files[0])
        return entry if entry.upload_id else replace(entry, **parcel.known)

    def _single(self, parcel: Parcel) -> Entry | None:
        """What the service lists of an upload that was sent more than once; of two rows one goes."""
        entry = self._catalogue.of_upload(parcel.project, parcel.name, parcel.upload_id)
        if entry is None:
            return None
        for twin in entry.twins:
            with suppress(DDMError):  # a twin that stays does no harm: listings count an upload once
                self._catalogue.remove(twin)
        return replace(entry, twins=())

    def _read_back(self, parcel: Parcel, entry: Entry, verify: Verify) -> None:
        delivery = Delivery(
            self._transport,
            self._transport.route(f"/file/{entry.id}"),
            sha256=entry.sha256,
            size=parcel.size if parcel.guarded else None,
            patience=Attempts(self._transport.retry.patient(parcel.size), self._transport.clock),
        )
        try:
            if verify == "hash" or parcel.size <= _SMALL or not parcel.guarded:
                delivery.run()
            else:
                delivery.measure()
        except (DDMNotFoundError, DatasetAlteredError) as error:
            with suppress(DDMError):  # the row would be the newest version, and nobody could read it
                self._catalogue.remove(entry.id)
            if isinstance(error, DatasetAlteredError):
                raise
            raise DDMUnavailableError(
                f"the DDM took '{entry.project}/{entry.name}' and never gave it back: its storage may be down",
                at=str(entry),
                details=error.details,
                help="upload it again later",
            ) from error
