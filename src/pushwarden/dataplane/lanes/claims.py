"""5 claim: when a sender asks the journal for shards, and for how many. Small pushes and fan-outs have a turn each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pushwarden.core.lane import Class
from pushwarden.core.push import Push
from pushwarden.core.shard import Shard
from pushwarden.dataplane.lanes.work import Work
from pushwarden.ports.journal import Journal

MOST_SMALL, MOST_BULK = 64, 4
"""Shards under way at once: single pushes are many and tiny, fan-out shards few and wide."""
SWEEP_MS = 1000
"""Without a doorbell, shards that fell due are found within this time."""


@dataclass(slots=True)
class Group:
    """Classes that share a number of places. at: Unix ms before which the journal has nothing for them."""

    classes: tuple[Class, ...]
    most: int
    at: int = 0

    def room(self, works: Sequence[Work]) -> int:
        """Places free; 0 while fewer than half are, so that one claim brings several shards."""
        free = self.most - sum(work.lane.klass in self.classes for work in works)
        return free if 2 * free >= self.most else 0


class Claims:
    """The claims of one seat over the classes it serves."""

    def __init__(self, seat: str, classes: Sequence[Class], journal: Journal) -> None:
        self._seat, self._journal = seat, journal
        small = tuple(klass for klass in classes if klass is not Class.BULK)
        bulk = tuple(klass for klass in classes if klass is Class.BULK)
        groups = (Group(small, MOST_SMALL), Group(bulk, MOST_BULK))
        self._groups = tuple(group for group in groups if group.classes)

    @property
    def at(self) -> int:
        """Unix ms at which there may be something to claim, should nobody ring before."""
        return min(group.at for group in self._groups)

    def ring(self) -> None:
        """Shards have been accepted, or became ready."""
        for group in self._groups:
            group.at = 0

    async def take(self, works: Sequence[Work], now_ms: int) -> list[tuple[Shard, Push]]:
        """Shards for the places that are free; empty when nothing is due."""
        taken: list[tuple[Shard, Push]] = []
        for group in self._groups:
            room = group.room(works)
            if now_ms < group.at or not room:
                continue
            found = await self._journal.claim(self._seat, group.classes, room, now_ms)
            taken += found
            if len(found) < room:
                due = await self._journal.due(group.classes)
                group.at = min(max(due, now_ms + 1), now_ms + SWEEP_MS) if due is not None else now_ms + SWEEP_MS
        return taken
