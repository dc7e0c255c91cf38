"""The catalog in the schema `control`: changes one after another whoever makes them, so that the chains stay linear."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import psycopg

from pushwarden.adapters import statements_control as sql
from pushwarden.adapters.catalog_log_sql import SqlTables
from pushwarden.adapters.postgres.desk import Desk
from pushwarden.adapters.postgres.dialect import Dialect
from pushwarden.adapters.statements import runner
from pushwarden.core.audit import AuditEntry
from pushwarden.ports.catalog import Changed, Tables

T = TypeVar("T")
Connection = psycopg.Connection[Any]

SCHEMA = "control"
ALONE = "LOCK TABLE state IN SHARE ROW EXCLUSIVE MODE"
"""Held to the end of the transaction by one writer in the whole installation; readers do not notice it."""
running = runner(Dialect())  # type: ignore[no-untyped-call]


class PostgresCatalog:
    """`Catalog` over one database, with three connections: changes, reads, and long reads beside them."""

    def __init__(self, dsn: str, role: str) -> None:
        self._writes = Desk(dsn, role, SCHEMA)
        self._reads = Desk(dsn, role, SCHEMA, read_only=True)
        self._browses = Desk(dsn, role, SCHEMA, read_only=True)

    async def close(self) -> None:
        for desk in (self._writes, self._reads, self._browses):
            await desk.close()

    async def change(self, entry: AuditEntry, work: Callable[[Tables], Changed[T]]) -> T:
        def transaction(connection: Connection) -> T:
            run = running(connection)
            tables = SqlTables(run)
            changed = work(tables)
            tables.audit.append(changed.complete(entry))
            run(sql.STATE_NEXT)
            return changed.result

        return await self._write(transaction)

    async def read(self, work: Callable[[Tables], T]) -> T:
        return await self._reads.run(lambda connection: work(SqlTables(running(connection))))

    async def browse(self, work: Callable[[Tables], T]) -> T:
        return await self._browses.run(lambda connection: work(SqlTables(running(connection))))

    async def record(self, entry: AuditEntry) -> None:
        await self._write(lambda connection: SqlTables(running(connection)).audit.append(entry))

    async def note(self, work: Callable[[Tables], T]) -> T:
        return await self._write(lambda connection: work(SqlTables(running(connection))))

    async def note_used(self, last_used: Mapping[str, int]) -> None:
        if last_used:
            await self._write(lambda connection: SqlTables(running(connection)).keys.used(last_used))

    async def version(self) -> int:
        found: tuple[int] | None = await self._reads.run(
            lambda connection: connection.execute(sql.STATE_VERSION).fetchone()
        )
        return found[0] if found else 0

    async def _write(self, work: Callable[[Connection], T]) -> T:
        def alone(connection: Connection) -> T:
            connection.execute(ALONE)
            return work(connection)

        return await self._writes.run(alone)
