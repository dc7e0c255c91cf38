"""A range of tallies as a plot and its table want it: evenly spaced points, totals, reasons, how long it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pushwarden.core.outcome import Ending
from pushwarden.core.reasons import known
from pushwarden.core.tally import HOUR_MS, MINUTE_MS, NOTHING, QUARTER_MS, Amounts, Tally, quantile, total
from pushwarden.ports.tallies import Step

DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Range:
    """length: of the whole; every: of one point, a multiple of the step's."""

    name: str
    length: int
    every: int
    step: Step

    def window(self, now_ms: int) -> tuple[int, int]:
        """since ≤ at < until; the last point is the one under way."""
        until = now_ms - now_ms % self.every + self.every
        return until - self.length, until


RANGES = {
    one.name: one
    for one in (
        Range("1h", HOUR_MS, MINUTE_MS, Step.MINUTE),
        Range("24h", DAY_MS, QUARTER_MS, Step.QUARTER),
        Range("7d", 7 * DAY_MS, HOUR_MS, Step.HOUR),
        Range("30d", 30 * DAY_MS, 6 * HOUR_MS, Step.HOUR),
    )
}


@dataclass(frozen=True, slots=True)
class Sums:
    """Attempts. retried: refused for a reason that passes; the same recipients may be among the accepted."""

    accepted: int
    retried: int
    refused: int
    unknown: int

    @property
    def share_refused(self) -> float:
        """Of all that were answered for good, 0 when none was."""
        answered = self.accepted + self.refused
        return self.refused / answered if answered else 0.0


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds; None when nothing was timed."""

    p50: float | None
    p95: float | None
    p99: float | None


def sums(amounts: Amounts) -> Sums:
    refused = [
        (known(reason).again, count) for (kind, reason), count in amounts.endings.items() if kind == Ending.REFUSED
    ]
    return Sums(
        amounts.ended(Ending.ACCEPTED),
        sum(count for again, count in refused if again),
        sum(count for again, count in refused if not again),
        amounts.ended(Ending.UNKNOWN),
    )


def times(counts: Sequence[int]) -> Times:
    return Times(*(quantile(counts, share) for share in (0.5, 0.95, 0.99)))


def points(tallies: Iterable[Tally], since: int, until: int, every: int) -> list[tuple[int, Amounts]]:
    """(when it began, what was counted) for every point of the window, empty ones included."""
    found: dict[int, list[Amounts]] = {}
    for one in tallies:
        found.setdefault(since + (one.at - since) // every * every, []).append(one.amounts)
    return [(at, total(found.get(at, ()))) for at in range(since, until, every)]


def by_provider(tallies: Iterable[Tally]) -> dict[str, Amounts]:
    found: dict[str, Amounts] = {}
    for one in tallies:
        found[one.provider] = found.get(one.provider, NOTHING) + one.amounts
    return dict(sorted(found.items()))


def reasons(now: Amounts, before: Amounts) -> list[tuple[str, str, int, int]]:
    """(ending, reason, count, count before), the most frequent first."""
    counts: Counter[Any] = Counter({key: count for key, count in now.endings.items() if key[0] != Ending.ACCEPTED})
    return [(*key, count, before.endings.get(key, 0)) for key, count in counts.most_common()]
