"""7 counters: what the sender counts for /metrics. Batched: the hot path adds whole bursts, never single pushes."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

BUCKETS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 20000)


@dataclass(slots=True)
class Histogram:
    """Milliseconds in fixed buckets; the last one is everything above."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_MS) + 1))
    total: float = 0.0

    def add(self, ms: float, times: int = 1) -> None:
        self.counts[bisect_left(BUCKETS_MS, ms)] += times
        self.total += ms * times

    def as_dict(self) -> dict[str, Any]:
        return {"le_ms": list(BUCKETS_MS), "counts": self.counts, "sum_ms": self.total}


@dataclass(slots=True)
class Counters:
    """endings: (lane family, fate, reason) → recipients. ours: accepted to written; theirs: written to answered."""

    endings: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    ours: dict[str, Histogram] = field(default_factory=dict)
    theirs: dict[str, Histogram] = field(default_factory=dict)
    recorded: Histogram = field(default_factory=Histogram)  # one transaction of the journal
    written: int = 0
    alarms: Counter[str] = field(default_factory=Counter)

    def waited(self, lane: str, ms: float, times: int) -> None:
        self.ours.setdefault(lane, Histogram()).add(ms, times)

    def answered(self, lane: str, ms: float, times: int) -> None:
        self.theirs.setdefault(lane, Histogram()).add(ms, times)

    def as_dict(self) -> dict[str, Any]:
        return {
            "endings": [[*key, count] for key, count in self.endings.items()],
            "ours": {lane: histogram.as_dict() for lane, histogram in self.ours.items()},
            "theirs": {lane: histogram.as_dict() for lane, histogram in self.theirs.items()},
            "recorded": self.recorded.as_dict(),
            "written": self.written,
            "alarms": dict(self.alarms),
        }
