"""Stop, cancel, resume, and what is stopped now. Stopped = fence file ∪ database; a resume needs both."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

from pushwarden.control.brake import record_of
from pushwarden.control.ramps import Ramps, Steps
from pushwarden.control.stop_book import outcome
from pushwarden.control.stop_care import reconcile, sweep
from pushwarden.control.stop_parts import Held, Parts, Resumed, Standing, lift, patiently, standing_ids
from pushwarden.core.errors import Busy, Conflict, NotFound, StoreFull
from pushwarden.core.lane import Class
from pushwarden.core.receipt import Receipt
from pushwarden.core.scope import Scope, ScopeKind
from pushwarden.ports.catalog import StopRecord

PATIENCE_SECONDS = 0.5
LATE_SECONDS = (0.1, 0.3, 1.0, 3.0, 8.0, 15.0)
"""Together longer than any answer is awaited."""

__all__ = ["Held", "Parts", "Resumed", "Standing", "Stops"]


class Stops:
    """`start` once the catalog can be read; `stop` works before that, and without it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._recent: dict[Scope, StopRecord] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._releasing: set[asyncio.Task[None]] = set()
        self.ramps = Ramps(parts)

    async def start(self) -> list[str]:
        """Makes file and database agree, then frees ended cancels once a second. Sentences on what was mended."""
        mended = await reconcile(self._parts)
        self._sweeper = asyncio.get_running_loop().create_task(sweep(self._parts))
        return mended

    async def close(self) -> None:
        if self._sweeper:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
        for task in self._releasing:
            task.cancel()
        await self._parts.book.close()
        self._parts.brake.close()

    async def stop(self, scope: Scope, actor: str, reason: str = "") -> Receipt:
        """The receipt, once every sender confirmed or is ended; the database learns of it behind the reply."""
        receipt = await self._parts.brake.stop(scope, actor, reason)
        self._recent[scope] = record_of(receipt)
        self._parts.book.add(record_of(receipt))
        return receipt

    def _late(self, scope: Scope) -> None:
        """Shards whose last answers were awaited while it was stopped go back as held: they are released too."""
        task = asyncio.get_running_loop().create_task(self._release_late(scope))
        self._releasing.add(task)
        task.add_done_callback(self._releasing.discard)

    async def _release_late(self, scope: Scope) -> None:
        for wait in LATE_SECONDS:
            await asyncio.sleep(wait)
            if any(stop.scope == scope for stop in self._parts.fence.stops()):
                return
            with contextlib.suppress(Busy, StoreFull):
                if await self._parts.accepts.release(scope):
                    self._parts.ring.doorbell([str(klass) for klass in Class])

    async def cancel(self, push: Scope, actor: str) -> Receipt:
        """Stops one push and discards what is left of it. Its place in the fence is freed when the push has ended."""
        receipt = await self.stop(push, actor, "cancelled")
        work = outcome(self._parts.accepts.discard(push, self._parts.clock.now_ms() + 1))
        await asyncio.wait({asyncio.ensure_future(work)}, timeout=PATIENCE_SECONDS)  # else the sweep does it
        return receipt

    async def resume(
        self, scope: Scope, actor: str, held: Held = Held.KEEP, reason: str = "", steps: Steps | None = None
    ) -> Resumed:
        """NotFound when it is not stopped (except to release or discard what is held), Busy while a store is locked.

        Conflict when it was stopped again meanwhile. The journal and the database come first, the fence file last.
        steps: fan-outs reach a few devices first; None: everybody at once.
        """
        parts = self._parts
        seen = max((stop.sequence for stop in parts.fence.stops() if stop.scope == scope), default=None)
        await parts.book.flush()
        stops = await standing_ids(parts, scope)
        if seen is None and held is Held.KEEP and scope not in await self._records():
            raise NotFound(f"Nothing is stopped for {scope}.")
        discarded = await parts.accepts.discard(scope, parts.clock.now_ms() + 1) if held is Held.DISCARD else []
        kept = await parts.accepts.hold(scope) if held is Held.KEEP else 0
        if held is Held.KEEP:
            await parts.accepts.expire(scope, parts.clock.now_ms())
        await self.ramps.end_within(scope, actor)
        since = parts.clock.now_ms() if held is Held.KEEP else 0
        ramp = await self.ramps.begin(scope, steps, actor, since) if steps else None
        await lift(parts, scope, actor, held, reason, stops)
        sequence = await parts.brake.in_thread(partial(parts.fence.resume, scope, seen or 0))
        if any(stop.scope == scope for stop in parts.fence.stops()):
            raise Conflict(f"Sending for {scope} was stopped again while it was being resumed; it stays stopped.")
        self._recent.pop(scope, None)
        released = await parts.accepts.release(scope) if held is Held.RELEASE else 0
        if held is Held.RELEASE:
            self._late(scope)
        parts.ring.doorbell([str(klass) for klass in Class])
        still = tuple(stop.scope for stop in parts.fence.stops() if stop.scope.covers(scope))
        return Resumed(scope, sequence, held, tuple(discarded), kept or released, still, ramp)

    async def status(self, where: Scope) -> list[Standing]:
        """What is stopped at, above or below `where`, newest first, cancelled pushes left out.

        A database that cannot be read costs half a second and the names of who stopped what before this process began.
        """
        since = {stop.scope: stop.at_ms for stop in self._parts.fence.stops()}
        records = await self._records()
        found = [
            Standing(scope, since[scope] if scope in since else records[scope].stopped_at, records.get(scope))
            for scope in since.keys() | records.keys()
            if scope.kind is not ScopeKind.PUSH and (scope.covers(where) or where.covers(scope))
        ]
        return sorted(found, key=lambda standing: -standing.since_ms)

    async def record(self, stop: str) -> StopRecord | None:
        """By its id, lifted or not. Busy when the database is needed for it and cannot be read in half a second."""
        known = {one.id: one for one in (*self._parts.book.waiting(), *self._recent.values())}
        if stop in known:
            return known[stop]
        return await patiently(self._parts.catalog.read(lambda tables: tables.stops.get(stop)), PATIENCE_SECONDS)

    async def past(self, organisation: str, most: int) -> list[StopRecord]:
        """Stops of the organisation and of the installation, newest first, cancelled pushes left out. Busy as above."""
        reading = self._parts.catalog.read(lambda tables: tables.stops.recent(organisation, 4 * most))
        written = {one.id: one for one in await patiently(reading, PATIENCE_SECONDS)}
        found = written | {one.id: one for one in self._parts.book.waiting() if one.scope.organisation == organisation}
        stops = [one for one in found.values() if one.scope.kind is not ScopeKind.PUSH]
        return sorted(stops, key=lambda one: -one.stopped_at)[:most]

    async def _records(self) -> dict[Scope, StopRecord]:
        reading = asyncio.ensure_future(self._parts.catalog.read(lambda tables: tables.stops.open()))
        await asyncio.wait({reading}, timeout=PATIENCE_SECONDS)
        if not reading.done() or reading.exception():
            reading.cancel()
            return {
                stop.scope: self._recent[stop.scope] for stop in self._parts.fence.stops() if stop.scope in self._recent
            }
        unwritten = self._parts.book.waiting()
        found = {stop.scope: stop for stop in (*reversed(reading.result()), *unwritten)}
        return found | {scope: self._recent[scope] for scope, stop in found.items() if self._is_newer(stop)}

    def _is_newer(self, stop: StopRecord) -> bool:
        """Whether the receipt is known here and not yet in the row."""
        recent = self._recent.get(stop.scope)
        return stop.receipt is None and recent is not None and recent.id == stop.id
