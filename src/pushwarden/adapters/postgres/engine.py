"""How a PostgreSQL connection is opened here, and which of our errors its errors are."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pushwarden.core.errors import Busy, Invalid, PushwardenError, StoreFull

__all__ = ["Line", "connect", "connect_now", "cut", "errors", "lost", "translated"]

CONNECT_SECONDS = 3
STATEMENT_MS = 10_000
LOCK_MS = 2_000
"""As long as SQLite's writers wait for each other."""
IDLE_IN_TRANSACTION_MS = 15_000
"""A process that froze inside a transaction loses it, and its locks, after this time."""
SILENT_SECONDS = 15.0
"""As long for a server that stands still itself: who waits for it learns that it is away."""
DEAD_MS = 10_000
"""Bytes nobody acknowledged for so long: the server's machine is gone."""

_PLACE: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": DEAD_MS, "keepalives_idle": 5,
          "keepalives_interval": 2, "keepalives_count": 3, "target_session_attrs": "read-write"}  # fmt: skip
"""What the DSN may say otherwise."""
_SESSION = (
    "SELECT set_config('search_path', %s, false), set_config('statement_timeout', %s, false),"
    " set_config('lock_timeout', %s, false), set_config('idle_in_transaction_session_timeout', %s, false),"
    " set_config('jit', 'off', false), set_config('timezone', 'UTC', false)"
)

# https://www.postgresql.org/docs/current/errcodes-appendix.html; two characters are a class.
_FULL = {
    "53100": "The database server's disk is full; nothing was recorded. Free some space there.",
    "58030": "The database server's disk gave an error; nothing was recorded. Look at the server's log.",
}
_BUSY = {
    "08": "The connection to the database was lost; try again in a moment.",
    "25006": "The database takes no writes right now (a standby?); point PUSHWARDEN_STORE at the primary.",
    "25P03": "The database gave up on a transaction that stood still; nothing was recorded. Try again in a moment.",
    "40": "Two transactions were in each other's way; nothing was recorded. Try again in a moment.",
    "53": "The database server has no connection or memory left; raise its max_connections, or try again in a moment.",
    "55P03": "The database row is locked by another process; nothing was recorded. Try again in a moment.",
    "57": "The database server is stopping, starting or gave up on a statement; try again in a moment.",
}
NUL = "A text has a NUL character in it, which the database does not keep; leave it out."
_NUL_STATE = "22021"
UNREACHABLE = "The database cannot be reached; start it, or look at PUSHWARDEN_STORE."


async def connect(
    dsn: str, role: str, schema: str, *, autocommit: bool = True, session: Mapping[str, str] | None = None
) -> AsyncConnection[Any]:
    """role: which process asks; pg_stat_activity shows it. schema: control, devices or journal. Busy when unreachable.

    session: settings of the server's that hold for this connection. TLS is what the DSN says (`sslmode=verify-full`).
    """
    with errors():
        connection = await AsyncConnection.connect(_named(dsn, role), autocommit=autocommit)
        await connection.execute(_SESSION, _values(schema))
        for name, value in (session or {}).items():
            await connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        if not autocommit:
            await connection.commit()
        return connection


def connect_now(dsn: str, role: str, schema: str, *, statement_ms: int = STATEMENT_MS) -> Connection[Any]:
    """The same for a thread, in autocommit mode: for work that is itself synchronous."""
    with errors():
        connection = psycopg.connect(_named(dsn, role), autocommit=True)
        connection.execute(_SESSION, _values(schema, statement_ms))
        return connection


def _named(dsn: str, role: str) -> str:
    return make_conninfo("", **{**_PLACE, **conninfo_to_dict(dsn), "application_name": f"pushwarden {role}"})


def _values(schema: str, statement_ms: int = STATEMENT_MS) -> tuple[str, ...]:
    return schema, str(statement_ms), str(LOCK_MS), str(IDLE_IN_TRANSACTION_MS)


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """psycopg's errors inside become ours where the cause is the server and not a mistake of ours."""
    try:
        yield
    except psycopg.Error as error:
        ours = translated(error)
        if ours is error:
            raise
        raise ours from error


def translated(error: psycopg.Error) -> PushwardenError | psycopg.Error:
    """Busy, StoreFull or Invalid; any other error is a mistake of ours and stays what it is."""
    state = error.sqlstate
    if state == _NUL_STATE or (state is None and isinstance(error, psycopg.DataError)):
        return Invalid(NUL)
    if state is None:
        return Busy(UNREACHABLE) if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else error
    if state in _FULL:
        return StoreFull(_FULL[state])
    sentence = _BUSY.get(state) or _BUSY.get(state[:2])
    return Busy(sentence) if sentence else error


def lost(connection: Connection[Any] | AsyncConnection[Any] | None) -> bool:
    """Whether a new one is needed. On an idle connection the server has nothing to say but that it ends."""
    if connection is None or connection.closed:
        return True
    return bool(select.select([connection.fileno()], [], [], 0)[0])


def cut(connection: Connection[Any] | AsyncConnection[Any]) -> None:
    """Ends the connection under whoever waits for its answer; to them it was lost."""
    if not connection.closed:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as ours:
            ours.shutdown(socket.SHUT_RDWR)


class Line:
    """One connection for one transaction at a time: made when first needed, and made anew when it was lost."""

    def __init__(self, dsn: str, role: str, schema: str, session: Mapping[str, str] | None = None) -> None:
        self._where, self._session = (dsn, role, schema), session
        self._turn = asyncio.Lock()
        self._connection: AsyncConnection[Any] | None = None

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection[Any]]:
        """BEGIN … COMMIT around the block, ROLLBACK when it raises. Busy or StoreFull for the server's errors."""
        async with self.direct() as connection, connection.transaction():
            yield connection

    @contextlib.asynccontextmanager
    async def direct(self) -> AsyncIterator[AsyncConnection[Any]]:
        """Every statement commits by itself."""
        async with self._turn:
            with errors():
                if lost(self._connection):
                    await self.close()
                    self._connection = await connect(*self._where, session=self._session)
                assert self._connection
                late = asyncio.get_running_loop().call_later(SILENT_SECONDS, cut, self._connection)
                try:
                    yield self._connection
                finally:
                    late.cancel()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
