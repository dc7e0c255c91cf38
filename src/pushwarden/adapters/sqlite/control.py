"""The catalog in control.db: one writer thread changes it, a reader beside it answers, its version is a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from sqlalchemy.dialects import sqlite

from pushwarden.adapters import statements_control as sql
from pushwarden.adapters.catalog_log_sql import SqlTables
from pushwarden.adapters.sqlite.engine import Reader, Writer, sqlite3
from pushwarden.adapters.statements import runner
from pushwarden.core.audit import AuditEntry
from pushwarden.ports.catalog import Changed, Tables

T = TypeVar("T")

running = runner(sqlite.dialect(paramstyle="named"))


class SqliteCatalog:
    """`Catalog` over one file. Several processes may open it; each has its own writer thread."""

    def __init__(self, path: Path) -> None:
        self._writer = Writer(path, synchronous="FULL")
        self._reader = Reader(path)

    def close(self) -> None:
        self._writer.close()
        self._reader.close()

    async def change(self, entry: AuditEntry, work: Callable[[Tables], Changed[T]]) -> T:
        def transaction(connection: sqlite3.Connection) -> T:
            run = running(connection)
            tables = SqlTables(run)
            changed = work(tables)
            tables.audit.append(changed.complete(entry))
            run(sql.STATE_NEXT)
            return changed.result

        return await self._writer.run(transaction)

    async def read(self, work: Callable[[Tables], T]) -> T:
        with self._reader.snapshot() as connection:
            return work(SqlTables(running(connection)))

    async def browse(self, work: Callable[[Tables], T]) -> T:
        def query(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN")
            try:
                return work(SqlTables(running(connection)))
            finally:
                connection.execute("COMMIT")

        return await self._reader.long(query)

    async def record(self, entry: AuditEntry) -> None:
        def transaction(connection: sqlite3.Connection) -> None:
            SqlTables(running(connection)).audit.append(entry)

        await self._writer.run(transaction)

    async def note(self, work: Callable[[Tables], T]) -> T:
        return await self._writer.run(lambda connection: work(SqlTables(running(connection))))

    async def note_used(self, last_used: Mapping[str, int]) -> None:
        def transaction(connection: sqlite3.Connection) -> None:
            SqlTables(running(connection)).keys.used(last_used)

        if last_used:
            await self._writer.run(transaction)

    async def version(self) -> int:
        found: tuple[int] | None = self._reader.row(sql.STATE_VERSION)
        return found[0] if found else 0
