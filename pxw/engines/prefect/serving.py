"""`python -m pxw.engines.prefect.serving server start`: Prefect's own server, whose writers wait for each other.

On SQLite most of Prefect's transactions begin as readers and write later. When another one has written in between,
SQLite refuses the write at once, the server answers 503, and the client sleeps for two seconds before it asks again:
so long did an experiment stand still before its next run. A transaction that begins as a writer waits its turn, which
is over in milliseconds.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from prefect.cli import app

__all__ = ["writers_wait"]


def writers_wait() -> None:
    """Have transactions on SQLite begin as writers; other databases do not need it."""
    with suppress(ImportError, AttributeError):  # a later Prefect may name it otherwise, or have mended it
        from prefect.server.database.configurations import AioSqliteConfiguration  # noqa: PLC0415

        begin: Any = AioSqliteConfiguration.begin_transaction
        as_writer: Any = lambda self, session, with_for_update=True: begin(self, session, with_for_update=True)  # noqa: ARG005, E731 - Prefect calls it so
        AioSqliteConfiguration.begin_transaction = as_writer  # type: ignore[method-assign]


if __name__ == "__main__":
    writers_wait()
    app()
