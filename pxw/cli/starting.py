"""A quick start: what a command imports is no garbage, and to look for some is a quarter of the time until it runs."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["started", "starting"]


@contextmanager
def starting() -> Iterator[None]:
    """Collect no garbage until the command is `started`, or over."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def started() -> None:
    """Collect garbage from now on, and never look at what is there already, not even when the process ends."""
    gc.freeze()
    gc.enable()
