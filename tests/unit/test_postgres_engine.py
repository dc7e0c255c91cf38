"""Connections to a real PostgreSQL: what they are set to, and what becomes of its errors."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable

import psycopg
import pytest

import postgres_server
from pushwarden.adapters.postgres import engine
from pushwarden.adapters.postgres.desk import Desk
from pushwarden.adapters.postgres.engine import Line, connect_now, translated
from pushwarden.core.errors import Busy, StoreFull


@pytest.fixture
def dsn() -> str:
    return postgres_server.fresh_database(migrated=False)


def test_a_connection_carries_its_role_its_schema_and_its_timeouts(dsn: str) -> None:
    with connect_now(dsn, "bulk-0", "journal") as connection:
        names = ("application_name", "search_path", "statement_timeout", "lock_timeout")
        said = [connection.execute("SELECT current_setting(%s)", (name,)).fetchone()[0] for name in names]
    assert said == ["pushwarden bulk-0", "journal", "10s", "2s"]


@pytest.mark.parametrize(
    ("state", "ours"),
    [("53100", StoreFull), ("53300", Busy), ("40001", Busy), ("57P01", Busy), ("08006", Busy), ("55P03", Busy)],
)
def test_the_servers_troubles_are_busy_or_full_with_one_sentence(state: str, ours: type[Exception]) -> None:
    found = translated(psycopg.errors.lookup(state)() if state != "08006" else psycopg.errors.ConnectionFailure())
    assert type(found) is ours
    assert str(found).endswith((".", "there."))


def test_a_mistake_of_ours_stays_what_it_is(dsn: str) -> None:
    async def scene(line: Line) -> None:
        with pytest.raises(psycopg.errors.UndefinedTable):
            async with line.transaction() as connection:
                await connection.execute("SELECT * FROM nothing")

    run(dsn, scene)


def test_a_line_heals_after_the_server_was_killed() -> None:
    server = postgres_server.own_server()
    dsn = postgres_server.database_of(server)

    async def scene(line: Line) -> None:
        async with line.transaction() as connection:
            await connection.execute("CREATE TABLE kept (n int)")
        server.stop(signal.SIGKILL)
        for _ in range(2):
            with pytest.raises(Busy, match="database"):
                async with line.transaction() as connection:
                    await connection.execute("INSERT INTO kept VALUES (1)")
        server.start()
        async with line.transaction() as connection:
            await connection.execute("INSERT INTO kept VALUES (2)")
            rows = await (await connection.execute("SELECT n FROM kept")).fetchall()
        assert rows == [(2,)]

    run(dsn, scene, schema="public")
    server.stop()


def test_a_server_that_stands_still_is_busy_and_does_not_hold_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    server = postgres_server.own_server()
    dsn = postgres_server.database_of(server)

    async def scene(line: Line) -> None:
        desk = Desk(dsn, "test", "public")
        for healthy in (True, False, True):
            monkeypatch.setattr(engine, "SILENT_SECONDS", 60.0 if healthy else 0.2)
            with contextlib.nullcontext() if healthy else postgres_server.frozen(server):
                for work in (by_line(line), desk.run(lambda connection: connection.execute("SELECT 1"))):
                    with contextlib.nullcontext() if healthy else pytest.raises(Busy, match="database"):
                        await work
        await desk.close()

    async def by_line(line: Line) -> None:
        async with line.transaction() as connection:
            await connection.execute("SELECT 1")

    run(dsn, scene)
    server.stop()


def test_an_unreachable_server_is_busy_with_a_sentence() -> None:
    with pytest.raises(Busy, match="PUSHWARDEN_STORE"):
        connect_now("postgresql://nobody@127.0.0.1:1/none", "api", "control")


def run(dsn: str, scene: Callable[[Line], Awaitable[None]], schema: str = "public") -> None:
    async def whole() -> None:
        line = Line(dsn, "test", schema)
        try:
            await scene(line)
        finally:
            await line.close()

    asyncio.run(whole())
