"""Which task run writes to which place: noted in the run's folder and, where machines share none, in the object store.

A claim is a file, or an object, that is made unless there is one; it holds whose it is.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from pathlib import Path

    from pxw.specs import Remote

__all__ = ["taken", "taken_away", "withdraw_away"]


def taken(claims: Path, place: str, owner: str) -> str | None:
    """Who else has taken a place; `None` if this owner has, or takes it now."""
    claims.mkdir(parents=True, exist_ok=True)
    mark = claims / _name_of(place)
    mine = claims / uuid4().hex
    mine.write_text(owner)
    try:
        mark.hardlink_to(mine)  # appears with what it says, or was there before
    except FileExistsError:
        return _unless(owner, mark.read_text())
    finally:
        mine.unlink()
    return None


def taken_away(claims: Remote, place: str, owner: str) -> str | None:
    """The same for all machines that share an object store."""
    from pxw.stores import bucket  # noqa: PLC0415 - brings obstore

    url = f"{claims.url}{_name_of(place)}"
    return None if bucket.create(url, owner.encode()) else _unless(owner, bucket.read(url).decode())


def withdraw_away(claims: Remote) -> None:
    """Forget all claims of a run in an object store."""
    from pxw.stores import bucket  # noqa: PLC0415 - as above

    if found := bucket.below(claims.url):
        bucket.delete([each.url for each in found])


def _name_of(place: str) -> str:
    return hashlib.sha256(os.fsencode(place)).hexdigest()[:32]


def _unless(owner: str, other: str) -> str | None:
    return None if other == owner else other
