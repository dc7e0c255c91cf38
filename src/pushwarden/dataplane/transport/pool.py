"""6 pool: decides how many connections a lane has and which one writes next. Synchronous; does no I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from pushwarden.core.lane import Class
from pushwarden.providers.port import Facts

BURST = 64
"""A connection with fewer free streams and many open ones waits until a burst is worth a write."""
STALLED = 0.5
"""Seconds without an answer, and four times the usual ones, after which a connection is the last to be chosen."""
FIRST_BACKOFF, LONGEST_BACKOFF = 1.0, 60.0


class Member(Protocol):
    """What the pool must know of a connection."""

    opened_at: float
    reply_time: float

    @property
    def room(self) -> int: ...
    @property
    def in_flight(self) -> int: ...
    @property
    def streams(self) -> int: ...
    @property
    def usable(self) -> bool: ...
    def owes(self, now: float) -> float:
        """Seconds for which it has had requests and given no answer; 0 when it has none."""
        ...


M = TypeVar("M", bound=Member)


@dataclass(frozen=True, slots=True)
class Size:
    """How many connections a lane keeps at least and at most."""

    least: int
    most: int


def size(klass: Class, facts: Facts) -> Size:
    """Urgent lanes keep two warm connections, lanes apart have one; the others grow within the provider's facts."""
    match klass:
        case Class.URGENT:
            return Size(2, 2)
        case Class.SUSPECT | Class.ALONE:
            return Size(1, 1)
        case _:
            return Size(*facts.connections)


def watched(klass: Class, facts: Facts) -> Facts:
    """Calls cannot wait until a dead connection is found at leisure."""
    if klass is not Class.URGENT:
        return facts
    return replace(facts, ping_after=facts.urgent_ping_after, ping_timeout=facts.urgent_ping_timeout)


def wanted(members: Sequence[Member], under_way: int, limits: Size) -> int:
    """Connections for so many requests at once: by Little's law, rate × reply time / streams.

    A peer that allows one stream (APNs before the first good token, or after refusals) is obeyed, not worked around.
    """
    if not members:
        return limits.least
    streams = max(member.streams for member in members)
    if streams <= 1:
        return min(len(members), limits.most)
    return max(limits.least, min(limits.most, math.ceil(under_way / streams)))


def worth(member: Member) -> int:
    """Its room, 0 when that is too little for a write."""
    room = member.room
    return 0 if room <= 0 or room < BURST < member.in_flight else room


def choose(members: Sequence[M], now: float) -> M | None:
    """The usable connection with most room, weighed by how quickly it answers; None when none is worth a write.

    One that owes answers for longer than it used to is as slow as that. One that owes them for `STALLED` gets nothing
    while another answers.
    """
    best: M | None = None
    score = 0.0
    for member in members:
        if not member.usable:
            continue
        room = worth(member)
        if not room:
            continue
        owes = member.owes(now)
        value = room / (0.001 + max(member.reply_time, owes))
        if owes > max(STALLED, 4 * member.reply_time) and len(members) > 1:
            value /= 1e6
        if value > score:
            best, score = member, value
    return best


class Dialling:
    """When the next connection may be opened: two a second while all is well, a doubling wait after failures."""

    def __init__(self) -> None:
        self.failures = 0
        self.not_before = 0.0

    def may_dial(self, now: float) -> bool:
        return now >= self.not_before

    def dialled(self, now: float) -> None:
        self.not_before = max(self.not_before, now + 0.5)

    def succeeded(self) -> None:
        self.failures, self.not_before = 0, 0.0

    def failed(self, now: float, jitter: float) -> float:
        """Seconds until the next try: 1 to 60, doubling. jitter in 0 … 1 adds up to a quarter."""
        wait = min(FIRST_BACKOFF * float(2 ** min(self.failures, 10)), LONGEST_BACKOFF) * (1 + jitter / 4)
        self.failures += 1
        self.not_before = now + wait
        return wait
