"""Devices counted: by version and build now, and how many came and went on each day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pushwarden.core.device import Audience

DAY_MS = 86_400_000
CHURN_DAYS = 400
"""How long a day's numbers are kept."""
MOST_GROUPS = 500
"""Groups of one audience that are told apart; an app that writes a build for each device has more."""
OTHER = "…"
"""Version and build of the rest."""
LEAST_WAIT_MS = 30_000
SHARE = 100
"""Of the time counting takes, so long nothing is counted again: a hundredth of one processor at most."""
LIVE, NEW, REVIVED, LEFT, GONE = "live", "new", "revived", "left", "gone:"
"""What a row of churn counts; GONE has the provider's reason behind it. LIVE is no change but what a day ended with.

LEFT: opted out, or their token moved to another installation.
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Devices of an audience alike in these."""

    app_version: str
    build: str
    test: bool
    live: int = 0
    gone: int = 0


@dataclass(frozen=True, slots=True)
class Pulse:
    """An audience as it was when its changes were last noted, and when and how long it was last counted (0: never)."""

    audience: int
    next_seq: int
    size: int
    unproven: int = 0
    counted_at: int = 0
    took_ms: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """day: since 1970. count is added to what stands there, except that of LIVE, which replaces it."""

    audience: int
    day: int
    what: str
    count: int


@dataclass(frozen=True, slots=True)
class Said:
    """Tombstones an audience got, or lost, on a day. reason None: they came back."""

    audience: int
    day: int
    reason: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Census:
    """What is known of one environment. groups: audience → its groups, most live first."""

    audiences: Sequence[Audience] = ()
    pulses: Mapping[int, Pulse] = field(default_factory=dict)
    groups: Mapping[int, Sequence[Group]] = field(default_factory=dict)
    churn: Sequence[Change] = ()


def day_of(ms: int) -> int:
    return ms // DAY_MS


def due(audience: Audience, pulse: Pulse | None, now_ms: int) -> bool:
    """Whether it is time to count it."""
    if audience.next_seq == 0:
        return False
    return pulse is None or now_ms - pulse.counted_at >= max(LEAST_WAIT_MS, SHARE * pulse.took_ms)


def changes(audiences: Iterable[Audience], pulses: Mapping[int, Pulse], said: Sequence[Said], day: int) -> list[Change]:
    """What is to be added for what happened since the pulses. LEFT is the balance and may be negative for a while:
    a tombstone may be seen in an audience's size before its word is read, and it evens out."""
    words: dict[int, list[Said]] = {}
    for word in said:
        words.setdefault(word.audience, []).append(word)
    found = []
    for audience in audiences:
        before = pulses.get(audience.id) or Pulse(audience.id, 0, 0)
        found += _changes(audience, before, words.get(audience.id, ()), day)
    return found


def _changes(audience: Audience, before: Pulse, said: Sequence[Said], day: int) -> list[Change]:
    new = audience.next_seq - before.next_seq
    gone = sum(word.count for word in said if word.reason is not None)
    revived = sum(word.count for word in said if word.reason is None)
    left = new + revived - gone - (audience.size - before.size)
    counted = [(day, NEW, new), (day, LEFT, left)]
    counted += [(word.day, REVIVED if word.reason is None else GONE + word.reason, word.count) for word in said]
    rows = [Change(audience.id, at, what, count) for at, what, count in counted if count]
    if rows or audience.size != before.size:
        rows.append(Change(audience.id, day, LIVE, audience.size))
    return rows


def largest(groups: Iterable[Group]) -> list[Group]:
    """The largest, and the rest as one."""
    ordered = sorted(groups, key=lambda one: (-one.live, -one.gone, one.app_version, one.build, one.test))
    kept, rest = ordered[:MOST_GROUPS], ordered[MOST_GROUPS:]
    for test in (False, True):
        some = [one for one in rest if one.test is test]
        if some:
            kept.append(Group(OTHER, OTHER, test, sum(one.live for one in some), sum(one.gone for one in some)))
    return kept


def gathered(groups: Iterable[Group]) -> list[Group]:
    """Those alike added up."""
    sums: dict[tuple[str, str, bool], tuple[int, int]] = {}
    for one in groups:
        live, gone = sums.get((one.app_version, one.build, one.test), (0, 0))
        sums[one.app_version, one.build, one.test] = live + one.live, gone + one.gone
    return [Group(*key, *counts) for key, counts in sums.items()]
