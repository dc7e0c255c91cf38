"""What senders wrote second by second, from memory: the proof that nothing followed a stop, drawn around it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pushwarden.core.lane import place_of
from pushwarden.core.scope import Scope

MOST = 1200
"""Looks kept, one a second: twenty minutes."""
Stats = Mapping[str, Mapping[str, Any]]
"""Sender → its `stats`."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Between two looks, Unix ms. wrote: lane family → requests."""

    began: int
    ended: int
    wrote: Mapping[str, int]

    def within(self, where: Scope) -> int:
        return sum(count for family, count in self.wrote.items() if where.covers(place_of(family)))


class Trace:
    """`see` about once a second. A sender that is silent for a while is counted when it speaks again."""

    def __init__(self) -> None:
        self._stretches: deque[Stretch] = deque(maxlen=MOST)
        self._known: dict[str, tuple[str, dict[str, int]]] = {}
        self._at: int | None = None

    def see(self, senders: Stats, at_ms: int) -> None:
        wrote: dict[str, int] = {}
        for sender, stats in senders.items():
            for family, more in self._fresh(sender, stats["counters"]):
                wrote[family] = wrote.get(family, 0) + more
        if self._at is not None and at_ms > self._at:
            self._stretches.append(Stretch(self._at, at_ms, wrote))
        self._at = at_ms

    def around(self, where: Scope, since: int, until: int, cut: int, step: int = 1000) -> list[float | None] | None:
        """Requests for every step of since ≤ at < until, None where nobody looked; None when that is before the cut.

        cut: when a stop was in effect. Senders are looked at once a second: what they wrote in the second with the cut
        in it was written before it, and what was written after is counted by `Outlook.sent_since`.
        """
        seen = [one for one in self._stretches if one.ended > since and one.began < until]
        if not seen or seen[0].began >= cut:
            return None
        found: list[float | None] = [None] * (-(-(until - since) // step))
        for one in seen:
            ends = cut if one.began < cut < one.ended else one.ended
            _spread(found, one.began - since, one.ended - since, step, None)
            _spread(found, one.began - since, ends - since, step, one.within(where))
        return [None if value is None else round(value, 1) for value in found]

    def _fresh(self, sender: str, counters: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
        """What came since the last look; of a sender that is seen for the first time nobody knows when."""
        run, wrote = (
            counters.get("run", ""),
            {family: count for family, (count, _) in counters.get("wrote", {}).items()},
        )
        before, known = self._known.get(sender), dict[str, int]()
        self._known[sender] = (run, wrote)
        if before is None:
            return
        known = before[1] if before[0] == run else known
        for family, count in wrote.items():
            if count > known.get(family, 0):
                yield family, count - known.get(family, 0)


def _spread(found: list[float | None], began: int, ended: int, step: int, count: int | None) -> None:
    """Evenly over the steps it lies in; None only says that somebody looked."""
    for at in range(max(0, began // step), min(len(found), -(-ended // step))):
        shared = min(ended, (at + 1) * step) - max(began, at * step)
        found[at] = (found[at] or 0.0) + (count or 0) * shared / (ended - began)
