"""Takes a database file through its revisions, each file in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from pushwarden.adapters.migrations.steps import run
from pushwarden.adapters.sqlite.driver import open_database, sqlite3

WAIT_MS = 30_000
"""Another process may be migrating the same file."""


def upgrade(path: Path, database: str, target: str) -> list[str]:
    """The revisions applied, oldest first. ValueError, and no change, when a foreign key would point nowhere."""
    with connected(path) as connection, connection.begin():
        applied = run(connection, database, target)
        _check_foreign_keys(connection)
    return applied


@contextlib.contextmanager
def connected(path: Path) -> Iterator[Connection]:
    """The file through SQLAlchemy. Foreign keys are off: a batch drops tables to remake them, rows and all."""
    engine = create_engine("sqlite://", module=sqlite3, creator=lambda: _opened(path), poolclass=StaticPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _opened(path: Path) -> sqlite3.Connection:
    connection = open_database(path)
    connection.execute(f"PRAGMA busy_timeout={WAIT_MS}")
    connection.execute("PRAGMA foreign_keys=OFF")
    return connection


def _check_foreign_keys(connection: Connection) -> None:
    orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if orphans:
        tables = ", ".join(sorted({str(row[0]) for row in orphans}))
        raise ValueError(f"{len(orphans)} rows of {tables} would point at nothing; mend the revision.")
