"""Takes one schema of the database through its revisions, in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from pushwarden.adapters.migrations.steps import run
from pushwarden.adapters.postgres import dialect
from pushwarden.adapters.postgres.engine import connect_now

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('pushwarden migrate'))"
"""Another process may be migrating the same database."""
WAIT_MS = 30_000


def upgrade(dsn: str, database: str, target: str) -> list[str]:
    """The revisions applied, oldest first."""
    with connected(dsn, database) as connection, connection.begin():
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {WAIT_MS}")
        connection.exec_driver_sql(_LOCK)
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {database}")
        return run(connection, database, target)


@contextlib.contextmanager
def connected(dsn: str, database: str) -> Iterator[Connection]:
    """The schema through SQLAlchemy."""

    def opened() -> object:
        connection = connect_now(dsn, "migrate", database, statement_ms=0)
        connection.autocommit = False
        return connection

    engine = create_engine(dialect.URL, creator=opened, poolclass=StaticPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
