"""What stopping is made of, and the words for its results."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from pushwarden.control.brake import Brake
from pushwarden.control.stop_book import StopBook
from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import Busy
from pushwarden.core.ramp import Ramp
from pushwarden.core.scope import Scope
from pushwarden.ports.catalog import Catalog, Changed, StopRecord, Tables
from pushwarden.ports.clock import Clock
from pushwarden.ports.fence import Fence
from pushwarden.ports.journal import Accepts
from pushwarden.ports.ring import Ring

T = TypeVar("T")


class Held(StrEnum):
    """What becomes of pushes accepted before the resume. Whichever is chosen, expired ones end `expired`."""

    KEEP = "keep"  # the default: the others stay held until someone releases or discards them
    RELEASE = "release"
    DISCARD = "discard"  # recorded before the fence lifts: what is left of them ends `stopped`


@dataclass(frozen=True, slots=True)
class Resumed:
    """shards: how many were released, or kept held. still: stops that go on covering this scope."""

    scope: Scope
    sequence: int
    held: Held
    discarded: tuple[str, ...] = ()
    shards: int = 0
    still: tuple[Scope, ...] = ()
    ramp: Ramp | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """One stopped scope now. record None: the fence says so and nobody wrote down why (yet)."""

    scope: Scope
    since_ms: int
    record: StopRecord | None


@dataclass(frozen=True, slots=True)
class Parts:
    fence: Fence
    ring: Ring
    brake: Brake
    book: StopBook
    catalog: Catalog
    accepts: Accepts
    clock: Clock


async def standing_ids(parts: Parts, scope: Scope) -> frozenset[str]:
    """The scope's open stops in the database."""
    found = await parts.catalog.read(lambda tables: tables.stops.open())
    return frozenset(stop.id for stop in found if stop.scope == scope)


async def lift(parts: Parts, scope: Scope, actor: str, held: Held, reason: str, stops: Collection[str]) -> None:
    """Ends these stops of the scope in the database, with one audit row; one that came later stays."""
    now = parts.clock.now_ms()

    def work(tables: Tables) -> Changed[int]:
        for stop in tables.stops.open():
            if stop.id in stops:
                tables.stops.put(replace(stop, resumed_at=now, resumed_by=actor))
        return Changed(len(stops), after={"scope": scope.key, "held": str(held), "stops": len(stops)})

    await parts.catalog.change(AuditEntry(now, actor, "stop.resume", scope, reason=reason), work)


async def patiently(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """What a store answers within so long, else Busy: nothing about a stop waits for a locked one."""
    asked = asyncio.ensure_future(work)
    await asyncio.wait({asked}, timeout=seconds)
    if not asked.done():
        asked.cancel()
        raise Busy
    return asked.result()
