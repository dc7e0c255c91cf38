"""Reports of imports in devices.db."""

from __future__ import annotations

from functools import partial

from pushwarden.adapters.import_rows import COLUMNS, read, stored
from pushwarden.adapters.sqlite.device_writes import place
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.sqlite.engine import Reader, Writer
from pushwarden.core.import_report import KEPT, Import
from pushwarden.core.scope import Scope

_PLACE = "organisation = ? AND app = ? AND environment = ?"
_PUT = f"""
INSERT INTO import_report ({COLUMNS}, errors) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (organisation, app, environment, id) DO UPDATE SET about = excluded.about, errors = excluded.errors
"""  # noqa: S608
_TRIM = f"""
DELETE FROM import_report WHERE {_PLACE} AND number NOT IN
 (SELECT number FROM import_report WHERE {_PLACE} ORDER BY number DESC LIMIT ?)
"""  # noqa: S608
_LIST = f"SELECT {COLUMNS} FROM import_report WHERE {_PLACE} ORDER BY number DESC"  # noqa: S608
_ONE = f"SELECT {COLUMNS}, errors FROM import_report WHERE {_PLACE} AND id = ?"  # noqa: S608
_DROP = f"DELETE FROM import_report WHERE {_PLACE} AND id = ?"  # noqa: S608
_FORGET = "DELETE FROM import_report WHERE started_at < ?"
EMPTY = f"DELETE FROM import_report WHERE {_PLACE}"  # noqa: S608


class SqliteReports:
    """`Imports` over devices.db."""

    _reader: Reader

    @property
    def _writer(self) -> Writer:
        raise NotImplementedError

    async def keep_import(self, one: Import) -> None:
        await self._writer.run(partial(_keep, one=one))

    async def kept_imports(self, where: Scope) -> list[Import]:
        return [read(row) for row in self._reader.rows(_LIST, place(where))]

    async def kept_import(self, where: Scope, name: str) -> Import | None:
        rows = self._reader.rows(_ONE, (*place(where), name))
        return read(rows[0][:-1], rows[0][-1]) if rows else None

    async def drop_import(self, where: Scope, name: str) -> bool:
        dropped = await self._writer.run(partial(_run, statement=_DROP, values=(*place(where), name)))
        return dropped > 0

    async def forget_imports(self, before_ms: int) -> int:
        return await self._writer.run(partial(_run, statement=_FORGET, values=(before_ms,)))


def _keep(connection: sqlite3.Connection, one: Import) -> None:
    connection.execute(_PUT, stored(one))
    connection.execute(_TRIM, (*place(one.where), *place(one.where), KEPT))


def _run(connection: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> int:
    return connection.execute(statement, values).rowcount
