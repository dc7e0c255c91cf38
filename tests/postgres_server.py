"""A real PostgreSQL for the tests: one server a worker, started when first asked for; databases from a template.

dsn = postgres_server.fresh_database()                  # migrated
dsn = postgres_server.fresh_database(migrated=False)    # empty
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pushwarden.wiring.local_postgres import LocalPostgres, NoServer
from real import absent

ending = contextlib.ExitStack()
"""Closed by conftest when the worker has no test left: xdist's workers run nothing at exit."""
_numbers = itertools.count(1)


@cache
def server() -> LocalPostgres:
    """The worker's server, which no test may break. It ends with the worker, however that ends."""
    return own_server()


def own_server() -> LocalPostgres:
    """A server a test may kill and start again. Without the programs the test is skipped, or fails when CI=true."""
    folder = Path(tempfile.mkdtemp(prefix="pwpg-", dir="/tmp"))
    ending.callback(shutil.rmtree, folder, ignore_errors=True)
    try:
        started = LocalPostgres(folder, durable=False).start()
    except NoServer as reason:
        absent(str(reason))
        raise
    ending.callback(started.stop)
    return started


def fresh_database(*, migrated: bool = True) -> str:
    """The DSN of a database of the test's own; migrated: with all tables, as this version makes them."""
    name = f"t{next(_numbers)}"
    server().create(name, _template() if migrated else "template0")
    return server().dsn(name)


def database_of(own: LocalPostgres, name: str = "pushwarden") -> str:
    """The DSN of an empty database on a server of the test's own."""
    own.create(name)
    return own.dsn(name)


@contextlib.contextmanager
def frozen(server: LocalPostgres) -> Iterator[None]:
    """Every process of the server stands still."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    pids = [server.pid, *map(int, children)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@cache
def _template() -> str:
    from pushwarden.adapters.postgres.migrate import migrate

    server().create("migrated")
    migrate(server().dsn("migrated"))
    return "migrated"
