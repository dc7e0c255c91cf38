"""The chores process: checkpoints, retention, and shards held for a reason that is gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from pushwarden.adapters.clock import SystemClock
from pushwarden.adapters.fence_file import FenceFile
from pushwarden.adapters.sqlite.control import SqliteCatalog
from pushwarden.adapters.sqlite.devices import SqliteDevices
from pushwarden.adapters.sqlite.engine import checkpoint
from pushwarden.adapters.sqlite.journal import SqliteJournal
from pushwarden.core.errors import Busy, StoreFull
from pushwarden.settings import Settings
from pushwarden.wiring.run import ready, termination

CHECKPOINT_SECONDS = 1.0
RETAIN_SECONDS = 600.0
log = structlog.get_logger("chores")


class Chores:
    """Each chore on its own beat; one that finds a store locked waits for its next turn."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.clock = settings, SystemClock()
        self.journal = SqliteJournal(settings.journal_db)
        self.catalog = SqliteCatalog(settings.control_db)
        self.devices = SqliteDevices(settings.devices_db)
        self.fence = FenceFile(settings.fence_file)

    async def run(self, ended: asyncio.Event) -> None:
        beats = [
            asyncio.create_task(self.beat(CHECKPOINT_SECONDS, self.checkpoint)),
            asyncio.create_task(self.beat(RETAIN_SECONDS, self.retain)),
        ]
        await ended.wait()
        for beat in beats:
            beat.cancel()
        self.journal.close()
        self.catalog.close()
        self.devices.close()

    async def beat(self, seconds: float, chore: Callable[[], Awaitable[None]]) -> None:
        """For ever."""
        while True:
            with contextlib.suppress(Busy, StoreFull):
                await chore()
            await asyncio.sleep(seconds)

    async def checkpoint(self) -> None:
        """Moves the write-ahead logs into the files; nobody else does, so that no commit pays for it."""
        settings = self.settings
        for path in (settings.journal_db, settings.devices_db, settings.control_db):
            await asyncio.to_thread(checkpoint, path)

    async def retain(self) -> None:
        now_ms = self.clock.now_ms()
        dropped = await self.journal.retain(now_ms)
        tombstones = await self.devices.retain(now_ms)
        if dropped or tombstones:
            log.info("retention", dropped=dropped, tombstones=tombstones)


async def main(settings: Settings, _: str) -> None:
    """The chores role: until SIGTERM."""
    ended = termination()
    chores = Chores(settings)
    ready()
    await chores.run(ended)
