"""Runs a database's revisions through Alembic, each database in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from pushwarden.adapters.migrations import HOME
from pushwarden.adapters.sqlite.driver import open_database, sqlite3

WAIT_MS = 30_000
"""Another process may be migrating the same file."""


def upgrade(path: Path, database: str, target: str) -> list[str]:
    """The revisions applied, oldest first. ValueError, and no change, when a foreign key would point nowhere."""
    config = Config()
    config.set_main_option("script_location", str(HOME / database).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    applied: list[str] = []

    def steps(revision: Any, context: Any) -> Any:
        return script._upgrade_revs(target, revision)

    def note(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
        applied.append(step.up_revision_id)

    with connected(path) as connection, EnvironmentContext(config, script, fn=steps, destination_rev=target) as env:
        env.configure(connection=connection, render_as_batch=True, transactional_ddl=True, on_version_apply=note)
        with connection.begin():
            env.run_migrations()
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
