"""Writes stops into the database behind their receipts, as often as it takes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import asdict, replace
from typing import Any

import structlog

from pushwarden.core.audit import AuditEntry
from pushwarden.core.scope import ScopeKind
from pushwarden.ports.catalog import Catalog, Changed, StopRecord, Tables
from pushwarden.ports.stops import StopDiary

FIRST_DELAY = 0.05
LONGEST_DELAY = 5.0
_log = structlog.get_logger("stop")


class _Known(Exception):
    """The database has this stop."""


class StopBook:
    def __init__(self, catalog: Catalog, diary: StopDiary) -> None:
        self._catalog = catalog
        self._diary = diary
        self._waiting: dict[str, StopRecord] = {}
        self._turn = asyncio.Lock()
        self._worker: asyncio.Task[None] | None = None

    def add(self, stop: StopRecord) -> None:
        """Returns at once; the row and its audit entry follow."""
        self._waiting[stop.id] = stop
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work())

    def waiting(self) -> list[StopRecord]:
        """What the database has not taken yet, oldest first."""
        return list(self._waiting.values())

    async def flush(self) -> None:
        """Writes what waits, here and in the diary, or raises what the database raised."""
        pending = await asyncio.to_thread(self._diary.pending)
        self._waiting = {stop.id: stop for stop in pending} | self._waiting
        async with self._turn:
            for stop in list(self._waiting.values()):
                await self._write(stop)
                if self._waiting.get(stop.id) is stop:  # its receipt may have come meanwhile
                    del self._waiting[stop.id]

    async def settled(self) -> None:
        """Until nothing waits."""
        while self._worker and not self._worker.done():
            await asyncio.wait({self._worker})

    async def close(self) -> None:
        """What still waits stays in the diary."""
        if self._worker:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker

    async def _work(self) -> None:
        delay = FIRST_DELAY
        while self._waiting:
            error = await outcome(self.flush())
            if error is None:
                continue
            _log.warning("stop_not_recorded_yet", waiting=len(self._waiting), error=str(error), again_s=delay)
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)

    async def _write(self, stop: StopRecord) -> None:
        def work(tables: Tables) -> Changed[None]:
            if tables.stops.get(stop.id):
                raise _Known
            tables.stops.put(stop)
            return Changed(None, target=stop.id, after=_summary(stop))

        try:
            await self._catalog.change(_entry(stop), work)
        except _Known:
            await self._complete(stop)
        await asyncio.to_thread(self._diary.forget, stop.id)

    async def _complete(self, stop: StopRecord) -> None:
        """The row was written from the diary while the senders were still confirming: the receipt follows."""

        def work(tables: Tables) -> None:
            kept = tables.stops.get(stop.id)
            if kept is not None and kept.receipt is None:
                tables.stops.put(replace(kept, receipt=stop.receipt))

        if stop.receipt is not None:
            await self._catalog.note(work)


async def outcome(work: Coroutine[Any, Any, Any]) -> BaseException | None:
    """What it raised, whatever that was: for work that is tried again until it succeeds."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task})
    finally:
        task.cancel()
    return task.exception()


def _entry(stop: StopRecord) -> AuditEntry:
    action = "push.cancel" if stop.scope.kind is ScopeKind.PUSH else "stop.stop"
    return AuditEntry(stop.stopped_at, stop.actor, action, stop.scope, stop.id, reason=stop.reason)


def _summary(stop: StopRecord) -> dict[str, Any]:
    senders = stop.receipt.senders if stop.receipt else ()
    return {"scope": stop.scope.key, "senders": [asdict(sender) for sender in senders]}
