"""Load and save: the only place where a codec meets a store.

`load` turns a spec or a `Ref` into a value of the type that is asked for; `save` turns a value into the bytes of a
format at a place, and gives the `Ref` that points there; `look` reads no more than what a check needs.
"""

from pxw.data.loading import load
from pxw.data.looking import look
from pxw.data.places import entries, fingerprint, is_whole, stamp, verify
from pxw.data.sending import copy, save

__all__ = ["copy", "entries", "fingerprint", "is_whole", "load", "look", "save", "stamp", "verify"]
