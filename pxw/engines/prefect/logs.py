"""What Prefect would write to the terminal, on the console that also shows the progress."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import prefect
from prefect.logging.configuration import ensure_logging_setup
from prefect.logging.handlers import PrefectConsoleHandler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

__all__ = ["logging_to"]


class _ToConsole(logging.Handler):
    def __init__(self, console: Console, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self._console = console
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        style = "red" if record.levelno >= logging.ERROR else "yellow" if record.levelno >= logging.WARNING else "dim"
        self._console.print(self.format(record), style=style, markup=False)


_PREFECT = f"{Path(prefect.__file__).parent}/"
_TOLD = ("task_engine", "flow_engine", "engine", "task_runners", "futures", "services")


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record is the user's own, or a warning; what the progress shows already is none."""
    if not record.pathname.startswith(_PREFECT):
        return True
    return record.levelno >= (logging.CRITICAL if record.module in _TOLD else logging.WARNING)


@contextmanager
def logging_to(console: Console, *, everything: bool) -> Iterator[None]:
    """Send what Prefect would write to the terminal to our console, while the block runs.

    Args:
        console: where the progress is shown, too.
        everything: also Prefect's own lines about states, which the progress shows in its own way.
    """
    ensure_logging_setup()
    with ExitStack() as undo:
        for handler in [handler for handler in logging.root.handlers if isinstance(handler, PrefectConsoleHandler)]:
            ours = _ToConsole(console, handler.formatter)
            if not everything:
                ours.addFilter(_is_news)
            logging.root.removeHandler(handler)
            logging.root.addHandler(ours)
            undo.callback(logging.root.addHandler, handler)
            undo.callback(logging.root.removeHandler, ours)
        yield
