"""Prefect's server as pxw starts it: transactions that read before they write wait for each other."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

_AT_ONCE = """
    import asyncio, sys
    import sqlalchemy as sa
    from prefect.server.database import provide_database_interface
    from pxw.engines.prefect.serving import writers_wait

    if sys.argv[1] == "as pxw starts it":
        writers_wait()


    async def count(database):
        async with database.session_context(begin_transaction=True) as session:
            seen = (await session.execute(sa.text("SELECT count FROM runs"))).scalar_one()
            await asyncio.sleep(0.2)  # long enough for the other one to write in between
            await session.execute(sa.text(f"UPDATE runs SET count = {seen + 1}"))


    async def main():
        database = provide_database_interface()
        async with database.session_context(begin_transaction=True) as session:
            await session.execute(sa.text("CREATE TABLE runs (count INTEGER)"))
            await session.execute(sa.text("INSERT INTO runs VALUES (0)"))
        await asyncio.gather(count(database), count(database))
        async with database.session_context() as session:
            if (await session.execute(sa.text("SELECT count FROM runs"))).scalar_one() == 2:
                print("both counted")


    asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("how", "said"), [("as pxw starts it", "both counted"), ("as Prefect does", "database is locked")]
)
def test_two_transactions_that_read_and_then_write_wait_for_each_other(how, said, tmp_path):
    path = tmp_path / "server.db"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_AT_ONCE), how],
        env={"PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{path}", "PREFECT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert said in done.stdout + done.stderr  # once Prefect's own way counts both, `serving` can go
