"""Runs statements built once on a connection of whichever database: the text is made once for each dialect."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

from sqlalchemy import Dialect, Executable


class Run(Protocol):
    """Runs a statement in the open transaction; its rows by column name."""

    def __call__(self, statement: Executable, /, **parameters: Any) -> list[dict[str, Any]]: ...


class Executing(Protocol):
    """What psycopg and sqlite3 connections share."""

    def execute(self, query: Any, parameters: Any, /) -> Any: ...


def runner(dialect: Dialect) -> Callable[[Executing], Run]:
    """For a connection, what runs statements in whatever transaction is open on it."""

    @cache
    def compiled(statement: Executable) -> tuple[str, dict[str, Any]]:
        """The text, and the values it has itself."""
        done = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        return str(done), dict(done.params)

    def running(connection: Executing) -> Run:
        def run(statement: Executable, /, **parameters: Any) -> list[dict[str, Any]]:
            text, own = compiled(statement)
            cursor = connection.execute(text, {**own, **parameters})
            if cursor.description is None:
                return []
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

        return run

    return running
