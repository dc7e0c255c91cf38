"""Takes the senders' counters over into the tallies: what came since the last time, once, whoever starts anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pushwarden.core.scope import Environment, Scope
from pushwarden.core.tally import (
    HOUR_MS,
    HOURS_KEPT_MS,
    MINUTE_MS,
    MINUTES_KEPT_MS,
    NO_TIMES,
    NOTHING,
    QUARTER_MS,
    Amounts,
)
from pushwarden.ports.catalog import Tables
from pushwarden.ports.tallies import Seen, Step

Stats = Mapping[str, Mapping[str, Any]]
"""Sender → its `stats`."""
STEPS = {Step.MINUTE: MINUTE_MS, Step.QUARTER: QUARTER_MS, Step.HOUR: HOUR_MS}
KEPT_MS = {Step.MINUTE: MINUTES_KEPT_MS, Step.QUARTER: MINUTES_KEPT_MS, Step.HOUR: HOURS_KEPT_MS}


def take_over(tables: Tables, stats: Stats, now_ms: int) -> int:
    """In one transaction: the difference to what was seen is added to this minute, quarter and hour. How many parts."""
    count = 0
    for sender, said in stats.items():
        now = seen_of(sender, said)
        for where, provider, amounts in _fresh(now, tables.tallies.seen(sender)):
            count += 1
            for step, length in STEPS.items():
                tables.tallies.add(where, provider, step, now_ms - now_ms % length, amounts)
        tables.tallies.see(now)
    return count


def forget(tables: Tables, now_ms: int) -> int:
    """Drops what is older than it is kept."""
    return sum(tables.tallies.forget(step, now_ms - kept) for step, kept in KEPT_MS.items())


def seen_of(sender: str, said: Mapping[str, Any]) -> Seen:
    """A sender's counters by lane family."""
    counters = said["counters"]
    endings: dict[str, dict[tuple[str, str], int]] = {}
    for family, ending, reason, count in counters["endings"]:
        endings.setdefault(family, {})[ending, reason] = count
    families = {*endings, *counters["ours"], *counters["theirs"]}
    places = {
        family: Amounts(endings.get(family, {}), _times(counters["ours"], family), _times(counters["theirs"], family))
        for family in families
    }
    return Seen(sender, counters["run"], places)


def _times(histograms: Mapping[str, Any], family: str) -> tuple[int, ...]:
    found = histograms.get(family)
    return tuple(found["counts"]) if found else NO_TIMES


def _fresh(now: Seen, before: Seen | None) -> Iterator[tuple[Scope, str, Amounts]]:
    """What a lane family counted since. Counters of another run began at nothing."""
    known = before.places if before is not None and before.run == now.run else {}
    for family, amounts in now.places.items():
        more = amounts - known.get(family, NOTHING)
        if more:
            organisation, app, environment, provider, *_ = family.split("/")
            yield Scope(organisation, app, Environment(environment)), provider, more
