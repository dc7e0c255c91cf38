"""5 turns: in which order shards write. Organisations go round, and within one its lanes. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from pushwarden.dataplane.lanes.fairness import organisation
from pushwarden.dataplane.lanes.work import Work

QUANTUM = 256
"""Recipients an organisation may write before the next has its turn."""


class Turns:
    """Round robin by deficit: who has not used up its quantum in a round keeps its place for the next."""

    def __init__(self) -> None:
        self._turn = 0
        self._last: dict[str, int] = defaultdict(int)  # lane or organisation → the turn it last used up

    def order(self, works: Iterable[Work]) -> list[list[Work]]:
        """One list an organisation, whose turn is longest ago first: its shards, lane by lane in the same way."""
        owners: dict[str, dict[str, list[Work]]] = {}
        for work in works:
            lane = work.key
            owners.setdefault(organisation(lane), {}).setdefault(lane, []).append(work)
        return [
            [work for lane in self._first(owners[owner]) for work in owners[owner][lane]]
            for owner in self._first(owners)
        ]

    def had(self, lane: str) -> None:
        """The lane has used up its organisation's quantum."""
        self._turn += 1
        self._last[lane] = self._last[organisation(lane)] = self._turn

    def _first(self, names: Iterable[str]) -> list[str]:
        return sorted(names, key=lambda name: self._last.get(name, 0))
