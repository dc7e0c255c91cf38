"""Brings a PostgreSQL database to the revision this version works with: schemas control, devices and journal."""

from __future__ import annotations

import psycopg

from pushwarden.adapters import migrations
from pushwarden.adapters.migrations import DATABASES
from pushwarden.adapters.postgres.engine import connect_now, errors


def migrate(dsn: str, phase: str = "after") -> list[str]:
    """What was done, a line each; empty when there was nothing to do. Safe to run in two processes.

    phase: `after` for everything, `before` for what may run beside the old code. NewerDatabase when the database is
    ahead of this version; Busy when it cannot be reached.
    """
    done = []
    for database, stored in revisions(dsn).items():
        target = migrations.target(database, phase if stored else "after")
        if stored is None or migrations.is_behind(database, stored, target):
            from pushwarden.adapters.postgres.upgrade import upgrade

            done += [f"{database}: {step}" for step in upgrade(dsn, database, target)]
    return done


def revisions(dsn: str) -> dict[str, str | None]:
    """The revision each of the three schemas is at; None for one that is not there."""
    with connect_now(dsn, "migrate", "public") as connection, errors():
        return {database: _revision(connection, database) for database in DATABASES}


def _revision(connection: psycopg.Connection[tuple[str | None]], database: str) -> str | None:
    (there,) = connection.execute("SELECT to_regclass(%s)::text", (f"{database}.alembic_version",)).fetchone() or (
        None,
    )
    if not there:
        return None
    query = psycopg.sql.SQL("SELECT version_num FROM {}").format(psycopg.sql.Identifier(database, "alembic_version"))
    (stored,) = connection.execute(query).fetchone() or (None,)
    return stored
