"""The schema `journal` as one process uses it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from psycopg import AsyncConnection

from pushwarden.adapters.clock import wall_clock
from pushwarden.adapters.postgres.engine import Line
from pushwarden.core.scope import Scope

# The tables of a new journal are empty and never analysed: a plan made then would read them whole when they are full.
SESSION = {"synchronous_commit": "on", "enable_seqscan": "off", "plan_cache_mode": "force_generic_plan"}

_Connection = AsyncConnection[Any]
_ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class JournalSchema:
    """Already migrated: a line that writes and one that reads."""

    def __init__(self, dsn: str, role: str, now_ms: Callable[[], int] = wall_clock) -> None:
        self._writing = Line(dsn, role, "journal", SESSION)
        self._reading = Line(dsn, role, "journal", SESSION)
        self._now_ms = now_ms

    @contextlib.asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[_Connection]:
        """Several queries that see the same commit."""
        async with self._reading.transaction() as connection:
            await connection.execute(_ONE_SNAPSHOT)
            yield connection

    async def _in_parts(self, statement: str, values: dict[str, Any]) -> int:
        """Each part its own transaction, until one changes nothing."""
        count = 0
        while True:
            async with self._writing.direct() as connection:
                part = (await connection.execute(statement, values)).rowcount
            if not part:
                return count
            count += part

    async def close(self) -> None:
        await self._writing.close()
        await self._reading.close()


async def rows_of(connection: _Connection, statement: str, values: dict[str, Any] | None = None) -> list[Any]:
    return await (await connection.execute(statement, values, binary=True)).fetchall()


def scoped(template: str, where: Scope) -> tuple[str, dict[str, Any]]:
    """The statement with its `/* scope */` filled in, and the parameters that go with it."""
    named = {
        "organisation": where.organisation, "app": where.app, "environment": where.environment,
        "schedule": where.schedule, "cohort": where.cohort, "id": where.push,
    }  # fmt: skip
    named = {column: value for column, value in named.items() if value}
    conditions = " AND ".join(f"push.{column} = %({column})s" for column in named) or "true"
    return template.replace("/* scope */", conditions), dict(named)
