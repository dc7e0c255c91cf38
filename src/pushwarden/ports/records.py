"""What became of pushes, as people ask for it: lists by what they look for, one device's failures, confirmations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from pushwarden.core.outcome import Fate
from pushwarden.core.push import PushState
from pushwarden.core.scope import Scope
from pushwarden.core.shard import Failure
from pushwarden.core.signal import Signal, SignalKind, Signalled
from pushwarden.ports.journal import Progress

LOOK = 5_000
"""Pushes of a place that are looked through for one page of those that fit: some 40 ms."""


@dataclass(frozen=True, slots=True)
class PushQuery:
    """Filters; empty ones match all. Times are Unix ms, since ≤ accepted < until. text: of the message or the audience.

    outcome: pushes of which at least one recipient ended so, in shards that are finished. among: places of the scope;
    none are all of it. before, after: a push's id; only older, only newer ones.
    """

    state: PushState | None = None
    outcome: Fate | None = None
    reason: str = ""
    type: str = ""
    source: str = ""
    since: int = 0
    until: int = 0
    text: str = ""
    id: str = ""
    among: tuple[Scope, ...] = ()
    before: str = ""
    after: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class PushPage:
    """Newest first. next: the push to pass as `before` for what is older, empty when nothing is; a page may hold fewer
    than asked for, or none, and still have a next one, where few fit."""

    pushes: list[Progress]
    next: str = ""


class Group(NamedTuple):
    """Pushes that have all this in common. ended: how recipients of theirs ended."""

    app: str
    environment: str
    type: str
    source: str
    state: str
    ended: frozenset[Fate]
    pushes: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Of the newest LOOK pushes in range; whole: those were all. reasons: how many were refused for each."""

    groups: Sequence[Group] = ()
    reasons: Mapping[str, int] = field(default_factory=dict)
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Reports:
    """What devices said of a push. apart: (audience, seq) → kind → when, of a push to a few."""

    counts: dict[SignalKind, Signalled] = field(default_factory=dict)
    apart: dict[tuple[int, int], dict[SignalKind, int]] = field(default_factory=dict)


class Records(Protocol):
    """Raises Busy or StoreFull like every other side of the journal."""

    async def pushes(self, where: Scope, query: PushQuery) -> PushPage: ...

    async def counted(self, where: Scope, query: PushQuery) -> Counted:
        """The groups leave state, outcome, type and source of the query alone, the reasons its reason: what choosing
        another would find can be told from them."""
        ...

    async def failures_of(self, where: Scope, audience: int, seq: int, limit: int = 100) -> list[Failure]:
        """One device's, newest first: what was kept of the last 30 days."""
        ...

    async def signal(self, signals: Sequence[Signal]) -> None:
        """Each counts once, however often it comes. Nothing is checked: the caller knows the push and the device."""
        ...

    async def reports(self, push_id: str) -> Reports: ...

    async def reported(self, push_id: str, audience: int, seq: int) -> dict[SignalKind, int]:
        """What one device said and when; 0 where only that it did is kept."""
        ...
