"""Reports of imports in the schema `devices`."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from pushwarden.adapters.import_rows import COLUMNS, read, stored
from pushwarden.adapters.postgres.devices.reads import place
from pushwarden.adapters.postgres.engine import Line
from pushwarden.core.import_report import KEPT, Import
from pushwarden.core.scope import Scope

_PLACE = "organisation = %(organisation)s AND app = %(app)s AND environment = %(environment)s"
_PUT = f"""
INSERT INTO import_report ({COLUMNS}, errors) VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (organisation, app, environment, id) DO UPDATE SET about = excluded.about, errors = excluded.errors
"""  # noqa: S608
_TRIM = f"""
DELETE FROM import_report WHERE {_PLACE} AND number NOT IN
 (SELECT number FROM import_report WHERE {_PLACE} ORDER BY number DESC LIMIT %(kept)s)
"""  # noqa: S608
_LIST = f"SELECT {COLUMNS} FROM import_report WHERE {_PLACE} ORDER BY number DESC"  # noqa: S608
_ONE = f"SELECT {COLUMNS}, errors FROM import_report WHERE {_PLACE} AND id = %(id)s"  # noqa: S608
_DROP = f"DELETE FROM import_report WHERE {_PLACE} AND id = %(id)s"  # noqa: S608
_FORGET = "DELETE FROM import_report WHERE started_at < %s"
EMPTY = f"DELETE FROM import_report WHERE {_PLACE}"  # noqa: S608


class PostgresReports:
    """`Imports` over the schema."""

    _reading: Line
    _writing: Line

    async def keep_import(self, one: Import) -> None:
        async with self._writing.transaction() as connection:
            await connection.execute(_PUT, stored(one))
            await connection.execute(_TRIM, {**place(one.where), "kept": KEPT})

    async def kept_imports(self, where: Scope) -> list[Import]:
        async with self._reading.direct() as connection:
            return [read(row) for row in await _rows(connection, _LIST, place(where))]

    async def kept_import(self, where: Scope, name: str) -> Import | None:
        async with self._reading.direct() as connection:
            rows = await _rows(connection, _ONE, place(where) | {"id": name})
        return read(rows[0][:-1], rows[0][-1]) if rows else None

    async def drop_import(self, where: Scope, name: str) -> bool:
        async with self._writing.direct() as connection:
            return (await connection.execute(_DROP, place(where) | {"id": name})).rowcount > 0

    async def forget_imports(self, before_ms: int) -> int:
        async with self._writing.direct() as connection:
            return (await connection.execute(_FORGET, (before_ms,))).rowcount


async def _rows(connection: AsyncConnection[Any], statement: str, values: dict[str, Any]) -> list[Any]:
    return await (await connection.execute(statement, values, prepare=False, binary=True)).fetchall()
