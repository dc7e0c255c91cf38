"""Axes: round steps, round times, and labels that keep their distance. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from pushwarden.core.words import DAY, HOUR, MINUTE, clock, day

ROUND = (1, 2, 4, 5, 8, 10)
STEPS = (MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY,
         2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """What a plot shows: from `start` to `end` (Unix ms), a value every `step` of it."""

    start: int
    end: int
    step: int

    def share(self, at: float) -> float:
        """Where a moment lies, 0 to 1."""
        width = max(1, self.end - self.start)
        return min(1.0, max(0.0, (at - self.start) / width))

    def moments(self, length: int) -> list[int]:
        """When each value begins."""
        return [self.start + at * self.step for at in range(length)]


@dataclass(frozen=True, slots=True)
class Tick:
    """share: its place, 0 to 1. narrow: whether it stays where there is little room."""

    share: float
    label: str
    narrow: bool = True


def ticks(top: float, most: int = 3) -> list[float]:
    """From 0 in equal round steps to the first at or above `top`: at most `most` steps, whole ones from 1 on."""
    least = max(top, 1) / most
    power = 10.0 ** math.floor(math.log10(least))
    step = max(1.0, next(power * one for one in ROUND if power * one >= least * (1 - 1e-9)))
    return [step * at for at in range(max(1, math.ceil(top / step - 1e-9)) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten from the one at or below `low` to the one at or above `high`: two at least."""
    first = math.floor(math.log10(max(low, 1)))
    last = max(first + 1, math.ceil(math.log10(max(high, 1))))
    return [10.0**power for power in range(first, last + 1)]


def log_share(value: float, axis: Sequence[float]) -> float:
    """Where a value lies on an axis of `log_ticks`, 0 to 1; what lies outside stays at its end."""
    low, high = math.log10(axis[0]), math.log10(axis[-1])
    place = (math.log10(max(value, axis[0])) - low) / (high - low)
    return min(1.0, place)


def times(span: Span, zone: tzinfo, most: int = 9) -> list[Tick]:
    """Round times of day, or days, at most `most`; the last is `now`."""
    step = next((one for one in STEPS if (span.end - span.start) / one <= most - 1), STEPS[-1])
    named = day if step >= DAY else clock
    marks = [(span.share(at), named(at, zone)) for at in _round(span, step, zone)]
    room = [mark for mark in marks if 0.02 <= mark[0] <= 1 - 0.8 / most]
    return [
        *(Tick(share, label, bool(at % 2) and share < 0.86) for at, (share, label) in enumerate(room)),
        Tick(1.0, "now"),
    ]


def _round(span: Span, step: int, zone: tzinfo) -> Iterator[int]:
    """Wall-clock multiples of the step counted from a midnight, so that days of 23 or 25 hours keep round labels."""
    begin = datetime.fromtimestamp(span.start / 1000, zone)
    wall = begin.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    last = span.start - 1
    while last < span.end:
        at = round(wall.replace(tzinfo=zone).timestamp() * 1000)
        if last < at <= span.end:
            yield at
        last = max(last, at)
        wall += timedelta(milliseconds=step)


def apart(places: Iterable[tuple[float, str]], width: float, letter: float = 6.6, gap: float = 10) -> list[bool]:
    """Which labels can stand on one line of `width` pixels without touching, the first ones before the later."""
    kept: list[tuple[float, float]] = []
    found = []
    for share, label in places:
        left, right = reach(share, label, width, letter)
        free = all(right + gap <= one or left - gap >= other for one, other in kept)
        found.append(free)
        if free:
            kept.append((left, right))
    return found


def reach(share: float, label: str, width: float, letter: float = 6.6) -> tuple[float, float]:
    """From where to where a label reaches, in pixels: it grows away from the nearer edge."""
    at, size = share * width, letter * len(label) + 8
    return (at - size, at) if share > 0.5 else (at, at + size)


def dodged(wanted: Sequence[float], least: float, top: float, bottom: float) -> list[float]:
    """Heights as near to those wanted as `least` pixels between two of them allow, within top and bottom."""
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    found, floor = [0.0] * len(wanted), top
    for at in order:
        found[at] = max(wanted[at], floor)
        floor = found[at] + least
    ceiling = bottom
    for at in reversed(order):
        found[at] = min(found[at], ceiling)
        ceiling = found[at] - least
    return found
