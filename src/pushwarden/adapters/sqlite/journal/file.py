"""journal.db as one process uses it: its writer, its reader and the room it keeps for marks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pushwarden.adapters.clock import wall_clock
from pushwarden.adapters.sqlite.reader import Reader
from pushwarden.adapters.sqlite.reserve import ReserveFile
from pushwarden.adapters.sqlite.writer import Writer
from pushwarden.core.errors import StoreFull


class JournalFile:
    """Already migrated."""

    def __init__(self, path: Path, now_ms: Callable[[], int] = wall_clock) -> None:
        self.reserve = ReserveFile(path.with_name(path.name + "-reserve"))
        self.writer = Writer(path, reserve=self.reserve)
        self.reader = Reader(path)
        self._now_ms = now_ms

    def _require_room(self) -> None:
        """StoreFull while what is left of the disk is for marks alone: no new work is begun."""
        if not self.reserve.ready():
            raise StoreFull

    def close(self) -> None:
        self.writer.close()
        self.reader.close()
