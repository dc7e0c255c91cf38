"""The database as a whole: migrated, looked at, copied with PostgreSQL's own programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pushwarden.adapters.migrations import DATABASES
from pushwarden.adapters.postgres import migrate as migrating
from pushwarden.adapters.postgres.engine import connect_now, errors
from pushwarden.ports.stores import CannotCopy

OLDEST = 140_000
COPY = "pushwarden.pgdump"
LEAST_ROOM = 20
"""Connections that should still be free: a process that starts takes up to eight."""
_LASTING = ("fsync", "full_page_writes", "synchronous_commit")
_LOOK = (
    "SELECT current_setting('server_version'), current_setting('server_version_num')::int, pg_is_in_recovery(),"
    " current_setting('max_connections')::int - (SELECT count(*) FROM pg_stat_activity WHERE backend_type ="
    " 'client backend'), pg_size_pretty(pg_database_size(current_database()))"
)


class PostgresKeeping:
    name = "postgres"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def migrate(self, phase: str = "after") -> list[str]:
        return migrating.migrate(self._dsn, phase)

    def revisions(self) -> dict[str, str | None]:
        return migrating.revisions(self._dsn)

    def health(self) -> list[tuple[str, bool, str]]:
        with connect_now(self._dsn, "doctor", "public") as connection, errors():
            version, number, standby, room, size = connection.execute(_LOOK).fetchone() or ("", 0, True, 0, "")
            off = [name for name in _LASTING if connection.execute(f"SHOW {name}").fetchone() == ("off",)]
        lost = f"PostgreSQL has {' and '.join(off)} off: what was accepted may be lost. Turn them on."
        return [
            ("postgres", number >= OLDEST and not standby, _words(version, number, standby, size)),
            ("durable", not off, lost if off else "What PostgreSQL has committed is on its disk."),
            ("connections", room >= LEAST_ROOM, f"{room} connections are free; {LEAST_ROOM} should be."),
        ]

    def tidy(self) -> None:
        """PostgreSQL's own background processes do it."""

    def dump(self, folder: Path) -> list[Path]:
        """One snapshot of all three schemas."""
        copy = folder / COPY
        schemas = [f"--schema={name}" for name in DATABASES]
        self._run("pg_dump", "--format=custom", "--no-owner", *schemas, f"--file={copy}")
        copy.chmod(0o600)
        return [copy]

    def load(self, folder: Path) -> None:
        if not (folder / COPY).exists():
            raise CannotCopy(f"{folder} has no {COPY}; it is no backup of PostgreSQL.")
        if any(self.revisions().values()):
            raise CannotCopy("The database holds Pushwarden's tables already; name an empty one in PUSHWARDEN_STORE.")
        self._run("pg_restore", "--no-owner", "--single-transaction", "--exit-on-error", str(folder / COPY))

    def _run(self, program: str, *arguments: str) -> None:
        path = shutil.which(program)
        if path is None:
            raise CannotCopy(f"{program} is not on PATH; install PostgreSQL's client programs of the server's version.")
        command, environ = _called(path, self._dsn, arguments)
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            words = " / ".join(done.stderr.strip().splitlines()[-3:])
            raise CannotCopy(f"{program} ended with {done.returncode}: {words}")


def _called(path: str, dsn: str, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Other users see a command line but no environment, so the password stands in that."""
    said = conninfo_to_dict(dsn)
    password = said.pop("password", None)
    own = {"PGPASSWORD": str(password)} if password else {}
    return [path, f"--dbname={make_conninfo('', **said)}", *arguments], {**os.environ, **own}


def _words(version: str, number: int, standby: bool, size: str) -> str:
    if standby:
        return f"PostgreSQL {version} is a standby and takes no writes; name the primary in PUSHWARDEN_STORE."
    if number < OLDEST:
        return f"PostgreSQL {version} is too old; 14 or newer is needed."
    return f"PostgreSQL {version} answers; the database takes {size}."
