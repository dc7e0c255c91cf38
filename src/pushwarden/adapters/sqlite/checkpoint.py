"""Checkpoints, which nobody but chores runs: writers never pay for them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from pushwarden.adapters.sqlite.driver import open_database


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Sizes in bytes after it. complete: every frame of the WAL is in the database file."""

    complete: bool
    wal_bytes: int
    database_bytes: int


def checkpoint(path: Path, *, truncate_above: int = 64 << 20) -> Checkpoint:
    """Copies what readers allow from the WAL into the file; a WAL above the limit (bytes) is also cut to nothing.

    Copying blocks nobody; cutting holds the write lock for a moment and gives up at once when it is taken.
    """
    wal = path.with_name(path.name + "-wal")
    with contextlib.closing(open_database(path)) as connection:
        _, frames, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if frames == copied and _size(wal) > truncate_above:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return Checkpoint(frames == copied, _size(wal), _size(path))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
