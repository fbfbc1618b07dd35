"""Where bytes go: the files of this machine, a DDM, an object store.

A dataset's place tells its store. Each is imported when a dataset of its kind is met: files of this machine cost no
HTTP library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxw.addresses import OBJECT_SCHEMES, scheme_of, shown_url
from pxw.errors import SpecError
from pxw.specs import Ref
from pxw.stores import local

if TYPE_CHECKING:
    from pxw.specs import Placed
    from pxw.stores.base import AwayStore, Store

__all__ = ["away", "store_of"]


def store_of(source: Ref | Placed) -> Store:
    """The store of a dataset.

    >>> from pxw.specs import Local
    >>> store_of(Local("x.csv")).__name__
    'pxw.stores.local'
    """
    return away(source) or local


def away(source: Ref | Placed) -> AwayStore | None:
    """The store of a dataset that lives on another machine; `None` for files of this one."""
    scheme = scheme_of(source.place if isinstance(source, Ref) else source.address)
    if not scheme:
        return None
    if scheme == "ddm":
        from pxw.stores import ddm  # noqa: PLC0415 - brings httpx

        return ddm
    if scheme in OBJECT_SCHEMES:
        from pxw.stores import objects  # noqa: PLC0415 - brings obstore

        return objects
    raise SpecError(
        f"no store is known for {shown_url(str(source))}", help=f"there are ddm, {', '.join(OBJECT_SCHEMES)}"
    )
