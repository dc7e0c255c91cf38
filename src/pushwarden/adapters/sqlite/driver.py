"""The SQLite that is used, how a database file is opened, and which of our errors its errors are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from pushwarden.core.errors import Busy, PushwardenError, StoreFull

if TYPE_CHECKING:
    import sqlite3
else:
    import pysqlite3.dbapi2 as sqlite3

__all__ = ["open_database", "sqlite3", "translated"]

# Before 3.51.3 two processes could corrupt a file when one reset the WAL while the other checkpointed it (sqlite.org).
OLDEST_SQLITE = (3, 51, 3)
_BUSY, _LOCKED = 5, 6
_UNWRITABLE = {
    8: "The database is read-only for this process; give it write permission to the data directory.",
    10: "The disk gave an error; nothing was recorded. Check the disk and its mount.",
    13: "The disk is full; nothing was recorded. Free some space.",
    14: "The database file cannot be opened; check that the data directory exists and is writable.",
}


def require(version: tuple[int, ...]) -> None:
    """RuntimeError when the SQLite library is older than the first one without the WAL-reset bug."""
    if version < OLDEST_SQLITE:
        found, wanted = ".".join(map(str, version)), ".".join(map(str, OLDEST_SQLITE))
        raise RuntimeError(
            f"SQLite {found} can corrupt a WAL database; install pysqlite3 with SQLite {wanted} or newer."
        )


require(sqlite3.sqlite_version_info)


def open_database(path: Path, *, synchronous: str = "FULL", read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode that may move between threads, but serves one at a time.

    synchronous: FULL (durable at commit) or NORMAL (durable at checkpoint). A writer never waits in SQLite: a locked
    database is SQLITE_BUSY at once. Checkpoints are left to `checkpoint`. StoreFull when it cannot be opened.
    """
    if not read_only:
        _create(path)
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw", uri=True, timeout=2, isolation_level=None, check_same_thread=False
        )
        connection.executescript(
            f"""
            PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA wal_autocheckpoint=0; PRAGMA mmap_size=0;
            PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA query_only={"ON" if read_only else "OFF"};
            PRAGMA busy_timeout={250 if read_only else 0};
            """
        )
    except sqlite3.OperationalError as error:
        raise translated(error) from error
    return connection


def _create(path: Path) -> None:
    """Its owner's alone: SQLite gives the -wal and -shm files the mode of the database."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreFull(f"{path.name} cannot be created: {error.strerror}. Check the data directory.") from error


def translated(error: sqlite3.Error) -> PushwardenError | sqlite3.Error:
    """Busy or StoreFull where SQLite says so; any other error is a mistake of ours and stays what it is."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (_BUSY, _LOCKED):
        return Busy()
    return StoreFull(_UNWRITABLE[code]) if code in _UNWRITABLE else error
