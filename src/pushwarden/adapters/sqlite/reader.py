"""Reading a database file beside its writer: short queries on the event loop, long ones in a thread of their own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pushwarden.adapters.sqlite.driver import open_database, sqlite3, translated

T = TypeVar("T")


class Reader:
    """A connection that cannot write. It sees the last commit of any process.

    Each step of a statement gives up the GIL and waits for it again, so beside a busy loop a query that answers one
    row (json_group_array, group_concat) is far quicker than one that answers many.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.connection = open_database(path, read_only=True)

    def rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[Any]:
        """At once, on the calling thread: for queries of well under a millisecond."""
        try:
            return self.connection.execute(sql, parameters).fetchall()
        except sqlite3.OperationalError as error:
            raise translated(error) from error

    def row(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> Any:
        """The first row, None when there is none."""
        try:
            return self.connection.execute(sql, parameters).fetchone()
        except sqlite3.OperationalError as error:
            raise translated(error) from error

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Several queries that see the same commit. There must be no await inside."""
        self.connection.execute("BEGIN")
        try:
            yield self.connection
        finally:
            self.connection.execute("COMMIT")

    async def long(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Runs the query in a thread, one at a time, on a connection of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, query, self._other)

    def close(self) -> None:
        if "_thread" in self.__dict__:
            self._thread.shutdown()
        if "_other" in self.__dict__:
            self._other.close()
        self.connection.close()

    @cached_property
    def _thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, f"reader of {self._path.name}")

    @cached_property
    def _other(self) -> sqlite3.Connection:
        return open_database(self._path, read_only=True)
