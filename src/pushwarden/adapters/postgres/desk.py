"""A connection in a thread of its own, for work that is itself synchronous: the catalog's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg

from pushwarden.adapters.postgres import engine
from pushwarden.adapters.postgres.engine import connect_now, errors, lost

T = TypeVar("T")


class Desk:
    """One transaction after another; the connection is made when first needed, and anew when it was lost.

    read_only: every transaction sees one moment, and a write in it is refused.
    """

    def __init__(self, dsn: str, role: str, schema: str, *, read_only: bool = False) -> None:
        self._where, self._read_only = (dsn, role, schema), read_only
        self._thread = ThreadPoolExecutor(1, f"{schema} of {role}")
        self._connection: psycopg.Connection[Any] | None = None

    async def run(self, work: Callable[[psycopg.Connection[Any]], T]) -> T:
        """Busy or StoreFull for the server's errors; whatever `work` raises undoes what it did."""
        working = asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)
        await asyncio.wait({working}, timeout=engine.SILENT_SECONDS)
        if not working.done() and self._connection is not None:
            engine.cut(self._connection)
        return await working

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._hang_up)
        self._thread.shutdown()

    def _run(self, work: Callable[[psycopg.Connection[Any]], T]) -> T:
        with errors():
            connection = self._ready()
            with connection.transaction():
                return work(connection)

    def _ready(self) -> psycopg.Connection[Any]:
        if lost(self._connection):
            self._hang_up()
            self._connection = connect_now(*self._where)
            if self._read_only:
                self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                self._connection.read_only = True
        assert self._connection
        return self._connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
