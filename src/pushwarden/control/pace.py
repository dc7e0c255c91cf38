"""How fast was sent around a stop: second by second from memory, else minute by minute from the tallies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from pushwarden.control.trace import Trace
from pushwarden.core.outcome import Ending
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.tally import MINUTE_MS, MINUTES_KEPT_MS, Tally
from pushwarden.ports.catalog import StopRecord, Tables
from pushwarden.ports.tallies import Step

SECOND_MS = 1000
SECONDS, MINUTES = 60, 30
"""Shown before the stop, and as many after it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A value every step from `since` on, up to now at most, None where nobody counted. cut: when the stop was in
    effect. accepted: answers were counted, else requests as they were written."""

    since: int
    step: int
    cut: int
    values: Sequence[float | None]
    accepted: bool

    @property
    def told(self) -> bool:
        """Whether anything was sent before the stop, as far as is known."""
        return any(self.values)


def cut_of(stop: StopRecord) -> int:
    return stop.stopped_at + ceil(stop.receipt.ms if stop.receipt else 0)


def by_second(stop: StopRecord, trace: Trace, now: int) -> Pace | None:
    """None when this process did not look then."""
    cut = cut_of(stop)
    since, until = cut - SECONDS * SECOND_MS, min(now, cut + SECONDS * SECOND_MS)
    values = trace.around(stop.scope, since, until, cut) if until > since else None
    return None if values is None else Pace(since, SECOND_MS, cut, values, accepted=False)


def by_minute(stop: StopRecord, tables: Tables, organisations: Sequence[str], now: int) -> Pace:
    """organisations: of the installation, for a stop of everything. Values are empty once minutes are not kept."""
    cut = cut_of(stop)
    since = cut - cut % MINUTE_MS - MINUTES * MINUTE_MS
    if since < now - MINUTES_KEPT_MS:
        return Pace(since, MINUTE_MS, cut, (), accepted=True)
    until = min(now, since + (2 * MINUTES + 1) * MINUTE_MS)
    counts = [0.0] * -(-(until - since) // MINUTE_MS)
    for one in _tallies(stop.scope, tables, organisations, since):
        at = (one.at - since) // MINUTE_MS
        if at < len(counts):
            counts[at] += one.amounts.ended(Ending.ACCEPTED)
    return Pace(since, MINUTE_MS, cut, counts, accepted=True)


def _tallies(where: Scope, tables: Tables, organisations: Sequence[str], since: int) -> list[Tally]:
    """Of every environment within the scope."""
    if where.app:
        places = [Scope(where.organisation, where.app, one) for one in Environment]
        own, until = filter(where.covers, places), since + (2 * MINUTES + 1) * MINUTE_MS
        return [one for place in own for one in tables.tallies.of(place, Step.MINUTE, since, until)]
    names = [where.organisation] if where.organisation else organisations
    return [one for name in names for one in tables.tallies.across(name, Step.MINUTE, since)]
