"""5 gate: may this push be written now? Decided before every burst from the fence, the clock and the Snapshot."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from itertools import chain

from pushwarden.core.app import Snapshot
from pushwarden.core.lane import APART, Lane
from pushwarden.core.push import Push, PushState
from pushwarden.core.scope import Scope
from pushwarden.ports.fence import Fence


class Verdict(StrEnum):
    GO = "go"
    HOLD = "hold"  # stays in the journal until a resume, a release or its ttl
    LATER = "later"  # no app or credential is known here, or one of them is switched off: looked at again
    DISCARD = "discard"  # ends `stopped`
    EXPIRE = "expire"  # ends `expired`


class Gate:
    """Caches one verdict for all pushes that nothing but their id tells apart.

    Forgets them all when the fence's generation or the configuration changes.
    """

    def __init__(self, fence: Fence) -> None:
        self._fence = fence
        self._generation = -1
        self._stops: list[Scope] = []
        self._cancelled: dict[str, list[Scope]] = {}  # push id → the stops of that push alone
        self._held: frozenset[str] = frozenset()
        self.snapshot = Snapshot(0)
        self._cache: dict[tuple[str | None, ...], Verdict] = {}
        self._open: dict[str, bool] = {}

    def __repr__(self) -> str:
        stops = len(self._stops) + len(self._cancelled)
        return f"<gate generation {self._generation}: {stops} stops, {len(self._held)} lanes held>"

    def configure(self, snapshot: Snapshot, held: Collection[str]) -> None:
        """held: what a person must release, as `held_name` says it."""
        self.snapshot, self._held = snapshot, frozenset(held)
        self._cache.clear()
        self._open.clear()

    def refresh(self) -> bool:
        """Reads the stops anew when the generation moved; True when it did."""
        generation = self._fence.generation()
        if generation == self._generation:
            return False
        self._generation = generation
        self._stops, self._cancelled = [], {}
        for stop in self._fence.stops():
            among = self._cancelled.setdefault(stop.scope.push, []) if stop.scope.push else self._stops
            among.append(stop.scope)
        self._cache.clear()
        return True

    def touches(self, scope: Scope) -> bool:
        """Whether some stop is about this scope: covers it, or lies within it."""
        stops = chain(self._stops, *self._cancelled.values())
        return any(stop.covers(scope) or scope.covers(stop) for stop in stops)

    def stops(self, scope: Scope) -> bool:
        """Whether a stop, as of now, covers the whole scope."""
        self.refresh()
        return any(stop.covers(scope) for stop in self._stops)

    def verdict(self, push: Push, lane: Lane, now_ms: int) -> Verdict:
        """Stop before everything, then the ttl, then what holds a lane."""
        self.refresh()
        if push.state is PushState.DISCARDING:  # not from the cache: it is the push that changed, not the fence
            return Verdict.DISCARD
        key = (
            push.organisation, push.app, push.environment, push.schedule, push.cohort,
            lane.provider, lane.slot, lane.klass,
        )  # fmt: skip
        known = self._cache.get(key)
        if known is None:
            known = self._cache[key] = self._decide(push, lane)
        if now_ms >= push.deadline > 0:
            return Verdict.EXPIRE
        return Verdict.HOLD if self._is_cancelled(push) else known

    def opens(self, lane_key: str) -> bool:
        """Whether the lane may send at all: it is not held, its app and a credential are there and switched on."""
        known = self._open.get(lane_key)
        if known is None:
            lane = Lane.parse(lane_key)
            known = self._open[lane_key] = not self._is_held(lane) and self._equipped(lane)
        return known

    def _is_cancelled(self, push: Push) -> bool:
        stops = self._cancelled.get(push.id)
        return stops is not None and any(stop.covers(push.scope) for stop in stops)

    def _decide(self, push: Push, lane: Lane) -> Verdict:
        scope = push.scope
        if any(stop.covers(scope) for stop in self._stops):
            return Verdict.HOLD
        if self._is_held(lane):
            return Verdict.HOLD
        return Verdict.GO if self._equipped(lane) else Verdict.LATER

    def _is_held(self, lane: Lane) -> bool:
        return lane.family in self._held or lane.key in self._held

    def _equipped(self, lane: Lane) -> bool:
        app, credential = self.snapshot.app(lane.organisation, lane.app), self.snapshot.of_lane(lane)
        return app is not None and app.enabled and credential is not None and credential.enabled


def held_name(lane: Lane) -> str:
    """What a hold of this lane holds: all its classes, or the lane alone when its devices are apart from the others."""
    return lane.key if lane.klass in APART else lane.family
