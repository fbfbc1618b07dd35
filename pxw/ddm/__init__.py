"""DDM, the dataset service of ExtremeXP: the client, and the shapes of its REST interface."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pxw.ddm.catalogue import Entry
    from pxw.ddm.client import Client
    from pxw.ddm.retry import Retry

__all__ = ["Client", "Entry", "Retry"]

_HOMES = {"Client": "pxw.ddm.client", "Entry": "pxw.ddm.catalogue", "Retry": "pxw.ddm.retry"}


def __getattr__(name: str) -> Any:
    # Lazy, because the server and the command line use the shapes without the client's HTTP library.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
