"""Keeps fence file and database of one mind: at the start, and when a cancelled push has ended."""

from __future__ import annotations

import asyncio
from functools import partial

from pushwarden.control.stop_book import outcome
from pushwarden.control.stop_parts import Held, Parts, lift, standing_ids
from pushwarden.core.scope import ScopeKind
from pushwarden.ports.catalog import StopRecord
from pushwarden.ports.fence import Stop

SWEEP_SECONDS = 1.0
ACTOR = "pushwarden"


async def reconcile(parts: Parts) -> list[str]:
    """Stopped = fence file ∪ database, written into both. One sentence for each stop that one of them lacked."""
    await parts.book.flush()
    recorded = {stop.scope: stop for stop in await parts.catalog.read(lambda tables: tables.stops.open())}
    fenced = {stop.scope: stop for stop in parts.fence.stops()}
    mended = []
    for scope in recorded.keys() - fenced.keys():
        await parts.brake.in_thread(partial(parts.fence.stop, scope, recorded[scope].stopped_at))
        mended.append(f"The fence file lacked the stop of {scope}; it is in effect again.")
    for scope in fenced.keys() - recorded.keys():
        parts.book.add(_found(fenced[scope]))
        mended.append(f"The database lacked the stop of {scope}; it is recorded now.")
    return mended


async def sweep(parts: Parts) -> None:
    """For ever: once a second, or at a twentieth of the time when it takes long."""
    while True:
        began = parts.clock.monotonic()
        await outcome(parts.book.flush())  # what other processes wrote into the diary
        await outcome(free_ended(parts))
        await asyncio.sleep(max(SWEEP_SECONDS, 20 * (parts.clock.monotonic() - began)))


async def free_ended(parts: Parts) -> None:
    """Gives back the fence's places of cancelled pushes that have ended, and discards once more what has not."""
    for stop in parts.fence.stops():
        if stop.scope.kind is not ScopeKind.PUSH:
            continue
        progress = await parts.accepts.progress(stop.scope, stop.scope.push)
        if progress is not None and progress.finished_at is None:
            await parts.accepts.discard(stop.scope, parts.clock.now_ms() + 1)
            continue
        await parts.book.flush()
        known = await standing_ids(parts, stop.scope)
        await lift(parts, stop.scope, ACTOR, Held.DISCARD, "the cancelled push has ended", known)
        await parts.brake.in_thread(partial(parts.fence.resume, stop.scope, stop.sequence))


def _found(stop: Stop) -> StopRecord:
    return StopRecord(f"stop-fence-{stop.sequence}", stop.scope, ACTOR, "found in the fence file", stop.at_ms)
