"""What old scripts print in a run without Prefect, which has no log of its own."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

__all__ = ["scripts_printing_to"]


class _ToConsole(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        task = record.name.removeprefix("pxw.scripts.")
        style = "yellow" if record.levelno >= logging.WARNING else ""
        self._console.print(Text.assemble((f"{task} | ", "dim"), (record.getMessage(), style)))


@contextmanager
def scripts_printing_to(console: Console) -> Iterator[None]:
    """Show each line that a script prints, with its task, while the block runs."""
    logger, handler = logging.getLogger("pxw.scripts"), _ToConsole(console)
    level, logger.propagate = logger.level, False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = True
