"""Counting devices slice by slice in the background: what is due, how long to rest between two slices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pushwarden.core.census import Group, due, gathered, largest
from pushwarden.core.device import Audience
from pushwarden.ports.census import Counts
from pushwarden.ports.clock import Clock

SLICE = 8_192
REST = 4
"""Times as long as a slice took, nothing is read after it."""
TOGETHER = 32
"""Slices whose groups are added up at once."""


@dataclass(frozen=True, slots=True)
class Counting:
    counts: Counts
    clock: Clock
    rest: Callable[[float], Awaitable[None]]

    async def step(self) -> int:
        """Notes what changed, then counts every audience that is due; how many."""
        await self.counts.note_changes(self.clock.now_ms())
        known = await self.counts.everywhere()
        wanted = [one for one in known.audiences if due(one, known.pulses.get(one.id), self.clock.now_ms())]
        for audience in wanted:
            await self._count(audience)
        return len(wanted)

    async def _count(self, audience: Audience) -> None:
        groups, unproven, began = list[Group](), 0, self.clock.monotonic()
        rested = 0.0
        for at, lo in enumerate(range(0, audience.next_seq, SLICE), 1):
            started = self.clock.monotonic()
            some, fresh = await self.counts.slice(audience, lo, lo + SLICE)
            groups, unproven = groups + some, unproven + fresh
            if at % TOGETHER == 0:
                groups = gathered(groups)
            pause = REST * (self.clock.monotonic() - started)
            await self.rest(pause)
            rested += pause
        took = max(0.0, self.clock.monotonic() - began - rested)
        await self.counts.counted(
            audience, largest(gathered(groups)), unproven=unproven, at_ms=self.clock.now_ms(), took_ms=int(took * 1000)
        )
