"""Brings database files to the revision this version works with. Alembic is imported only when a file is behind."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from pushwarden.adapters import migrations
from pushwarden.adapters.sqlite.driver import open_database, sqlite3

_WAIT_MS = 30_000


def migrate(paths: Mapping[str, Path], phase: str = "after") -> list[str]:
    """Makes or upgrades the files of the databases named (control, devices, journal); safe to run in two processes.

    phase: `after` for everything, `before` for what may run beside the old code. What was done, a line each; empty when
    there was nothing to do. NewerDatabase when a file is ahead of this version.
    """
    done = []
    for database, path in paths.items():
        target = migrations.target(database, phase)
        stored = revision(path) or _make(path, database)
        if stored is None:
            done.append(f"{path.name}: made at {migrations.target(database)}")
        elif migrations.is_behind(database, stored, target):
            from pushwarden.adapters.sqlite.upgrade import upgrade

            done += [f"{path.name}: {step}" for step in upgrade(path, database, target)]
    return done


def revision(path: Path) -> str | None:
    """The revision a file is at; None for a new one."""
    with contextlib.closing(open_database(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'").fetchone():
            return None
        stored: str = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        return stored


def _make(path: Path, database: str) -> str | None:
    """A new file at the newest revision; the revision another process gave it if that was quicker."""
    newest = migrations.target(database)
    script = f"""
        PRAGMA busy_timeout={_WAIT_MS}; BEGIN IMMEDIATE;
        CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
        INSERT INTO alembic_version VALUES ('{newest}');
        {migrations.schema(database)} COMMIT;
    """  # noqa: S608 (both from our own files)
    with contextlib.closing(open_database(path)) as connection:
        try:
            connection.executescript(script)
        except sqlite3.OperationalError:
            if stored := revision(path):
                return stored
            raise
    return None
