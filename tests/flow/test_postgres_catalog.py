"""The catalog of two processes on one PostgreSQL: one chain, one configuration, and what is left when it is gone."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator

import pytest

import postgres_server
from pushwarden.adapters.postgres.control import ALONE, PostgresCatalog
from pushwarden.adapters.postgres.engine import connect_now
from pushwarden.adapters.postgres.migrate import migrate
from pushwarden.adapters.postgres.snapshot import PostgresSnapshots
from pushwarden.core.app import App, Snapshot
from pushwarden.core.audit import AuditEntry
from pushwarden.core.chain import verify
from pushwarden.core.errors import Busy, Invalid
from pushwarden.core.organisation import Organisation
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Changed, Tables

SHOP = App("acme", "shop", "Shop")


def entry(at: int = 1) -> AuditEntry:
    return AuditEntry(at, "alice", "app.create", Scope("acme"))


@pytest.fixture
def dsn() -> str:
    return postgres_server.fresh_database()


@pytest.fixture
def catalogs(dsn: str) -> Iterator[tuple[PostgresCatalog, PostgresCatalog]]:
    pair = PostgresCatalog(dsn, "api"), PostgresCatalog(dsn, "bulk-0")
    yield pair
    for catalog in pair:
        asyncio.run(catalog.close())


def test_two_processes_that_write_at_once_make_one_intact_chain(
    catalogs: tuple[PostgresCatalog, PostgresCatalog],
) -> None:
    first, second = catalogs

    async def scene() -> None:
        await asyncio.gather(*(one.record(entry(at)) for at in range(20) for one in catalogs))
        kept = await first.read(lambda tables: tables.audit.after("acme", 0, 100))
        assert [row.sequence for row in kept] == list(range(1, 41))
        assert verify("acme", ((row.sequence, row.body, row.hash) for row in kept)).intact
        assert await second.version() == 0

    asyncio.run(scene())


def test_a_new_configuration_is_read_once(catalogs: tuple[PostgresCatalog, PostgresCatalog], dsn: str) -> None:
    def work(tables: Tables) -> Changed[None]:
        return Changed(tables.snapshots.put(Snapshot(3, {("acme", "shop"): SHOP}, {})))

    async def scene() -> None:
        snapshots = PostgresSnapshots(dsn, "bulk-0")
        assert await snapshots.load_if_newer(0) is None
        await catalogs[0].change(entry(), work)
        found = await snapshots.load_if_newer(2)
        assert found and found.app("acme", "shop") == SHOP
        assert await snapshots.load_if_newer(3) is None
        await snapshots.close()

    asyncio.run(scene())


def test_a_change_behind_a_stuck_writer_is_busy_and_leaves_nothing(
    catalogs: tuple[PostgresCatalog, PostgresCatalog], dsn: str
) -> None:
    with connect_now(dsn, "stuck", "control") as stuck, stuck.transaction():
        stuck.execute(ALONE)
        with pytest.raises(Busy, match="locked by another process"):
            asyncio.run(catalogs[0].record(entry()))
        assert asyncio.run(catalogs[0].read(lambda tables: tables.audit.chains())) == []


def test_writing_where_one_only_reads_is_refused(catalogs: tuple[PostgresCatalog, PostgresCatalog]) -> None:
    with pytest.raises(Busy):
        asyncio.run(catalogs[0].read(lambda tables: tables.organisations.insert(Organisation("a", "A"))))


def test_a_nul_character_is_refused_with_a_sentence(catalogs: tuple[PostgresCatalog, PostgresCatalog]) -> None:
    def work(tables: Tables) -> Changed[None]:
        return Changed(tables.organisations.insert(Organisation("a", "A\0B")))

    with pytest.raises(Invalid, match="NUL"):
        asyncio.run(catalogs[0].change(entry(), work))


def test_a_killed_server_loses_no_change_and_is_found_again() -> None:
    server = postgres_server.own_server()
    dsn = postgres_server.database_of(server)
    migrate(dsn)
    catalog = PostgresCatalog(dsn, "api")
    asyncio.run(catalog.record(entry(1)))
    server.stop(signal.SIGKILL)
    with pytest.raises(Busy):
        asyncio.run(catalog.record(entry(2)))
    server.start()
    asyncio.run(catalog.record(entry(3)))
    kept = asyncio.run(catalog.read(lambda tables: tables.audit.after("acme", 0, 10)))
    assert [json.loads(row.body)["at"] for row in kept] == [1, 3]
    asyncio.run(catalog.close())
    server.stop()
