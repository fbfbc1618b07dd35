"""Load and save: the only place where a codec meets a store.

`load` turns a spec or a `Ref` into a value of the type that is asked for; `save` turns a value into the bytes of a
format at a place, and gives the `Ref` that points there; `look` reads no more than what a check needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pxw.data.looking import look
from pxw.data.places import entries, fingerprint, is_whole, stamp, verify
from pxw.lazy import lazily

if TYPE_CHECKING:
    from pxw.data.loading import load
    from pxw.data.sending import copy, save

__all__ = ["copy", "entries", "fingerprint", "is_whole", "load", "look", "save", "stamp", "verify"]

# With them comes Arrow: 100 ms that a run of old scripts does not pay whose tasks hand on no tables.
__getattr__ = lazily(__name__, {"copy": "sending", "load": "loading", "save": "sending"})
