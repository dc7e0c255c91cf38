"""7 counters: what the sender counts for /metrics. Batched: the hot path adds whole bursts, never single pushes."""

from __future__ import annotations

import secrets
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pushwarden.core.tally import BOUNDS_MS, NO_TIMES


@dataclass(slots=True)
class Histogram:
    """Milliseconds in fixed buckets; the last one is everything above."""

    counts: list[int] = field(default_factory=lambda: [*NO_TIMES])
    total: float = 0.0

    def add(self, ms: float, times: int = 1) -> None:
        self.counts[bisect_left(BOUNDS_MS, ms)] += times
        self.total += ms * times

    def as_dict(self) -> dict[str, Any]:
        return {"le_ms": list(BOUNDS_MS), "counts": self.counts, "sum_ms": self.total}


@dataclass(slots=True)
class Counters:
    """endings: (lane family, fate, reason) → recipients. ours: accepted to written; theirs: written to answered.

    run: names these counters; a sender that starts anew counts from nothing under another name.
    """

    run: str = field(default_factory=lambda: secrets.token_hex(8))
    endings: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    ours: dict[str, Histogram] = field(default_factory=dict)
    theirs: dict[str, Histogram] = field(default_factory=dict)
    recorded: Histogram = field(default_factory=Histogram)  # one transaction of the journal
    written: int = 0
    wrote: dict[str, list[int]] = field(default_factory=dict)  # lane family → [requests, Unix ms of the last]
    last: dict[str, float] = field(default_factory=dict)  # lane family → loop time of the last one accepted
    alarms: Counter[str] = field(default_factory=Counter)

    def writes(self, lane: str, count: int, now_ms: int) -> None:
        self.written += count
        before = self.wrote.get(lane)
        if before is None:
            self.wrote[lane] = [count, now_ms]
        else:
            before[0] += count
            before[1] = now_ms

    def waited(self, lane: str, ms: float, times: int) -> None:
        self.ours.setdefault(lane, Histogram()).add(ms, times)

    def answered(self, lane: str, ms: float, times: int) -> None:
        self.theirs.setdefault(lane, Histogram()).add(ms, times)

    def as_dict(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "endings": [[*key, count] for key, count in self.endings.items()],
            "ours": {lane: histogram.as_dict() for lane, histogram in self.ours.items()},
            "theirs": {lane: histogram.as_dict() for lane, histogram in self.theirs.items()},
            "recorded": self.recorded.as_dict(),
            "written": self.written,
            "wrote": self.wrote,
            "alarms": dict(self.alarms),
        }
