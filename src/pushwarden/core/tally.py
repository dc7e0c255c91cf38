"""What became of attempts in a minute or an hour: how many ended how, and how long they took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pushwarden.core.outcome import Ending

BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 20000)
"""Upper bounds of a histogram's counts; the last count is everything above."""
NO_TIMES = (0,) * (len(BOUNDS_MS) + 1)
MINUTE_MS, QUARTER_MS, HOUR_MS = 60_000, 900_000, 3_600_000
MINUTES_KEPT_MS, HOURS_KEPT_MS = 48 * HOUR_MS, 400 * 24 * HOUR_MS

Ended = tuple[str, str]
"""Ending and reason; the reason is empty where there is none."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """ours: from accepted (or due) until written; theirs: from written until accepted. Counts by BOUNDS_MS."""

    endings: Mapping[Ended, int] = field(default_factory=dict)
    ours: tuple[int, ...] = NO_TIMES
    theirs: tuple[int, ...] = NO_TIMES

    def __add__(self, other: Amounts) -> Amounts:
        endings = Counter(self.endings)
        endings.update(other.endings)
        return Amounts(dict(endings), _plus(self.ours, other.ours), _plus(self.theirs, other.theirs))

    def __sub__(self, other: Amounts) -> Amounts:
        """What came since `other`, an earlier state of the same counters."""
        endings = {key: count - other.endings.get(key, 0) for key, count in self.endings.items()}
        left = {key: count for key, count in endings.items() if count}
        return Amounts(left, _minus(self.ours, other.ours), _minus(self.theirs, other.theirs))

    def __bool__(self) -> bool:
        return bool(self.endings) or any(self.ours) or any(self.theirs)

    def ended(self, ending: Ending) -> int:
        return sum(count for (kind, _), count in self.endings.items() if kind == ending)


NOTHING = Amounts()


@dataclass(frozen=True, slots=True)
class Tally:
    """One provider's part of an environment. at: when the minute or hour began, Unix ms."""

    app: str
    environment: str
    provider: str
    at: int
    amounts: Amounts


def total(parts: Iterable[Amounts]) -> Amounts:
    return sum(parts, NOTHING)


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Milliseconds below which this share lies, evenly spread inside its bounds; None when nothing was counted."""
    rank, below = share * sum(counts), 0
    if not rank:
        return None
    for place, count in enumerate(counts):
        if count and below + count >= rank:
            low = BOUNDS_MS[place - 1] if place else 0
            high = BOUNDS_MS[place] if place < len(BOUNDS_MS) else BOUNDS_MS[-1]
            return low + (high - low) * (rank - below) / count
        below += count
    return float(BOUNDS_MS[-1])


def _plus(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _minus(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a - b for a, b in zip(one, other, strict=True))
