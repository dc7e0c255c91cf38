"""How the sending stands, from memory: what senders counted a second ago. No locked database takes it away."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pushwarden.control.trace import Trace
from pushwarden.core.lane import place_of
from pushwarden.core.receipt import Receipt
from pushwarden.core.scope import Scope

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Queue:
    """Recipients who have not ended: of pushes that may be sent, and of those that are held."""

    queued: int = 0
    held: int = 0


class Outlook:
    """`see` once a second; everything else is asked by requests, and answers None before anything was seen."""

    def __init__(self) -> None:
        self._senders: Mapping[str, Mapping[str, Any]] = {}
        self._backlog: Sequence[Mapping[str, Any]] | None = None
        self._past: deque[tuple[float, dict[str, int]]] = deque()
        self.trace = Trace()

    def see(self, senders: Mapping[str, Mapping[str, Any]], now: float, at_ms: int = 0) -> None:
        """senders: name → its stats. now: seconds of a clock that never steps back; at_ms: Unix ms."""
        self._senders = senders
        self.trace.see(senders, at_ms)
        totals: dict[str, int] = {}
        for stats in senders.values():
            for family, (count, _) in stats["counters"].get("wrote", {}).items():
                totals[family] = totals.get(family, 0) + count
        self._past.append((now, totals))
        while len(self._past) > 1 and self._past[1][0] <= now - MINUTE:
            self._past.popleft()

    def see_backlog(self, backlog: Sequence[Mapping[str, Any]] | None) -> None:
        """Rows of `Accepts.backlog`; None when the journal cannot be read."""
        self._backlog = backlog

    @property
    def senders(self) -> list[str]:
        """Those that answered."""
        return sorted(self._senders)

    def a_minute(self, where: Scope) -> int | None:
        """Requests written in the last minute; what a sender that ended had written is not known any more."""
        if not self._past:
            return None
        first, last = self._past[0][1], self._past[-1][1]
        return sum(
            max(0, count - first.get(family, 0)) for family, count in last.items() if where.covers(place_of(family))
        )

    def queue(self, where: Scope) -> Queue | None:
        """None while the journal cannot be read."""
        if self._backlog is None:
            return None
        sums = {"held": 0, "queued": 0}
        for row in self._backlog:
            if where.covers(place_of(row["lane"])):
                sums["held" if row["state"] == "held" else "queued"] += max(0, row["recipients"] or 0)
        return Queue(**sums)

    def sent_since(self, where: Scope, receipt: Receipt) -> int | None:
        """Requests written after the senders confirmed this stop; None when it cannot be told."""
        known = {one.sender: one.evidence for one in receipt.senders if one.evidence}
        if len(known) < len(receipt.senders) or not known.keys() <= self._senders.keys():
            return None
        return sum(_since(self._wrote(sender, where), before.wrote) for sender, before in known.items())

    def _wrote(self, sender: str, where: Scope) -> int:
        wrote = self._senders[sender]["counters"].get("wrote", {})
        return sum(count for family, (count, _) in wrote.items() if where.covers(place_of(family)))


def answers(senders: Mapping[str, Mapping[str, Any]], where: Scope) -> dict[str, tuple[int, int]]:
    """Sender → (accepted, refused) within the scope since it began. senders: as of `Outlook.see`."""
    found: dict[str, tuple[int, int]] = {}
    for sender, stats in senders.items():
        accepted = refused = 0
        for ending, count in _endings(stats, where):
            accepted += count if ending == "accepted" else 0
            refused += count if ending == "refused" else 0
        found[sender] = (accepted, refused)
    return found


def _since(now: int, before: int) -> int:
    """A process that counts less than before has begun anew."""
    return now - before if now >= before else now


def _endings(stats: Mapping[str, Any], where: Scope) -> Iterator[tuple[str, int]]:
    for family, ending, _, count in stats["counters"]["endings"]:
        if where.covers(place_of(family)):
            yield ending, count
