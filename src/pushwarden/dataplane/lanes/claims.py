"""5 claim: when a sender asks the journal for shards, and how many of which lane. No lane takes the others' places.

Small pushes and fan-outs have a turn each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pushwarden.core.lane import Class
from pushwarden.core.push import Push
from pushwarden.core.shard import Shard
from pushwarden.dataplane.lanes.fairness import fair, within
from pushwarden.dataplane.lanes.ward import Ward
from pushwarden.dataplane.lanes.work import Work
from pushwarden.ports.journal import Journal

MOST_SMALL, MOST_BULK = 256, 4
"""Shards of one lane under way at once: single pushes are many and tiny, fan-out shards few and wide."""
ALL_SMALL, ALL_BULK = 768, 32
"""Of all lanes together: a lane that stalls with all it may have leaves most places to the others."""
FAN_OUTS = frozenset({Class.BULK, Class.SUSPECT})
SWEEP_MS = 1000
"""Without a doorbell, shards that fell due are found within this time."""
REST_MS = 5
"""Between two looks while some lane has used up its places."""
GATHER_MS = 10
"""Between two looks for single pushes that are no calls: what is accepted meanwhile is claimed by one commit."""
ENDED_MS, ENDED_SHARDS = 5000, 64
"""How often, and how many of, the shards of a lane that must wait are looked through for pushes that are over."""


def plan(due: Iterable[str], used: Mapping[str, int], most: int, places: int) -> dict[str, int]:
    """How many shards to claim of each lane that has some due. due: who was served longest ago stands last.

    A lane with less than half of its places free waits, so that one claim brings several shards.
    """
    hungry = [lane for lane in due if 2 * used.get(lane, 0) <= most]
    others = {lane: count for lane, count in used.items() if lane not in hungry}
    parts = fair(places, {**others, **dict.fromkeys(hungry, most)}) if hungry else {}
    wanted = [(lane, parts[lane] - used.get(lane, 0)) for lane in reversed(hungry)]
    return within(places - sum(used.values()), wanted)


@dataclass(slots=True)
class Group:
    """Classes that share places. at: Unix ms before which the journal has nothing for them."""

    classes: tuple[Class, ...]
    most: int
    places: int
    gather: int = 0  # ms between two looks
    at: int = 0
    looked: int = 0  # Unix ms of the last look
    ended: int = 0  # of the last search for what is over
    blocked: frozenset[str] = frozenset()  # lanes with something due and no place
    served: dict[str, int] = field(default_factory=dict)  # lane → which claim was its last
    claims: int = 0

    def ring(self) -> None:
        """There is something for them."""
        self.at = self.looked + self.gather if self.gather else 0

    def used(self, works: Iterable[Work]) -> Counter[str]:
        return Counter(work.key for work in works if work.lane.klass in self.classes)

    def wakes(self, used: Mapping[str, int], now_ms: int) -> bool:
        """Whether to look: something may be due, or a lane that was full has places again."""
        if not self.blocked:
            return now_ms >= self.at
        if now_ms < self.looked + REST_MS or sum(used.values()) >= self.places:
            return False
        return now_ms >= self.at or any(2 * used.get(lane, 0) <= self.most for lane in self.blocked)

    def due(self, ready: Mapping[str, int], now_ms: int) -> list[str]:
        """Lanes with something due, who was served longest ago last."""
        due = [lane for lane, at in ready.items() if at <= now_ms]
        return sorted(due, key=lambda lane: -self.served.get(lane, 0))

    def looked_at(self, ready: Mapping[str, int], shares: Mapping[str, int], now_ms: int) -> None:
        """When to look again. ready: of the lanes that may send."""
        due = [lane for lane, at in ready.items() if at <= now_ms]
        self.blocked = frozenset(lane for lane in due if lane not in shares)
        self.looked = now_ms
        for lane in shares:
            self.claims += 1
            self.served[lane] = self.claims
        later = min((at for at in ready.values() if at > now_ms), default=now_ms + SWEEP_MS)
        self.at = now_ms + max(1, self.gather) if shares else min(later, now_ms + SWEEP_MS)


class Claims:
    """The claims of one seat over the classes it serves."""

    def __init__(self, seat: str, classes: Sequence[Class], journal: Journal) -> None:
        self._seat, self._journal = seat, journal
        self.ward = Ward() if Class.ALONE in classes else None
        small = tuple(klass for klass in classes if klass not in FAN_OUTS and klass is not Class.ALONE)
        bulk = tuple(klass for klass in classes if klass in FAN_OUTS)
        gather = 0 if Class.URGENT in small else GATHER_MS
        groups = (Group(small, MOST_SMALL, ALL_SMALL, gather), Group(bulk, MOST_BULK, ALL_BULK))
        self._groups = tuple(group for group in groups if group.classes)

    @property
    def at(self) -> int:
        """Unix ms at which there may be something to claim, should nobody ring before."""
        if self.ward is not None and self.ward.first:
            return self.ward.at
        return min([group.at for group in self._groups] + ([self.ward.at] if self.ward else []))

    @property
    def clearing(self) -> bool:
        """Whether what is held must be given back, because a shard is to be run alone."""
        return self.ward is not None and self.ward.clearing

    def ring(self) -> None:
        """Shards have been accepted, or became ready, or a lane may send again."""
        for group in self._groups:
            group.ring()

    async def take(
        self, works: Sequence[Work], now_ms: int, may_send: Callable[[str], bool]
    ) -> list[tuple[Shard, Push]]:
        """Shards for the places that are free; empty when nothing is due.

        may_send: asked with a lane's key; of a lane that may not, only what ends without being sent is claimed.
        """
        if self.ward is not None:
            alone = await self._alone(self.ward, works, now_ms, may_send)
            if alone or self.ward.first:
                return alone
        taken: list[tuple[Shard, Push]] = []
        for group in self._groups:
            if now_ms < group.at and not group.blocked:
                continue
            used = group.used(works)
            if not group.wakes(used, now_ms):
                continue
            ready = await self._journal.ready(group.classes)
            able = {lane: at for lane, at in ready.items() if may_send(lane)}
            shares = plan(group.due(able, now_ms), used, group.most, group.places)
            if shares:
                taken += await self._journal.claim(self._seat, shares, now_ms)
            group.looked_at(able, shares, now_ms)
            if len(able) < len(ready):
                taken += await self._ended(group, ready.keys() - able.keys(), now_ms)
        return taken

    async def _alone(
        self, ward: Ward, works: Sequence[Work], now_ms: int, may_send: Callable[[str], bool]
    ) -> list[tuple[Shard, Push]]:
        """One shard of the ward when it is its turn and nothing else is held."""
        if ward.rests(works, now_ms) or now_ms < ward.at:
            return []
        lane = ward.choose(await self._journal.ready((Class.ALONE,)), works, now_ms, may_send)
        return [] if lane is None else await self._journal.claim(self._seat, {lane: 1}, now_ms)

    async def _ended(self, group: Group, lanes: Iterable[str], now_ms: int) -> list[tuple[Shard, Push]]:
        if now_ms < group.ended + ENDED_MS:
            return []
        group.ended = now_ms
        return await self._journal.claim(self._seat, dict.fromkeys(lanes, ENDED_SHARDS), now_ms, ended=True)
