"""How a process learns of a new configuration: one indexed read of one row, the body only when it is newer."""

from __future__ import annotations

from pathlib import Path

from pushwarden.adapters.rows_control import unpacked
from pushwarden.adapters.sqlite.engine import Reader
from pushwarden.core.app import Snapshot

NEWER = "SELECT body FROM snapshot WHERE id = 1 AND version > ?"


class SqliteSnapshots:
    """Reads control.db beside the process that writes it. Busy when the file is locked."""

    def __init__(self, path: Path) -> None:
        self._reader = Reader(path)

    async def load_if_newer(self, version: int) -> Snapshot | None:
        """The published Snapshot when its version is above this one."""
        found = self._reader.row(NEWER, (version,))
        return unpacked(found[0]) if found else None

    def close(self) -> None:
        self._reader.close()
