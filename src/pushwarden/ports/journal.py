"""The journal: pushes accepted, shards claimed and marked. Every write is durable before the call returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from msgspec import Struct

from pushwarden.core.outcome import Fate
from pushwarden.core.push import Push, Source
from pushwarden.core.scope import Scope
from pushwarden.core.shard import NO_TIMES, Failure, Mark, NewShard, Shard, Times


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One push to accept, all or nothing. fingerprint: SHA-256 of the request body, for the idempotency key."""

    push: Push
    shards: tuple[NewShard, ...]
    audience_note: str = ""  # how the audience was named, in words, for people
    idempotency_key: str = ""
    fingerprint: bytes = b""
    actor: str = ""
    held: bool = False  # accepted while stopped with when_stopped=hold
    source: str = Source.API


@dataclass(frozen=True, slots=True)
class Accepted:
    """push_id is the earlier push's when `replayed`."""

    push_id: str
    replayed: bool = False


class Part(Struct, frozen=True, gc=False):
    """A list or tokens shard of a single push; its members as in NewShard."""

    kind: str
    audience: int
    lane: str
    width: int
    members: bytes


class Single(Struct, frozen=True, gc=False):
    """A push to named recipients, as a row. message: JSON object of a Message without what is empty."""

    id: str
    type: str
    klass: str
    priority: str
    message: str
    expires_at: int
    not_before: int
    collapse_id: str
    audience_note: str
    parts: tuple[Part, ...]
    idempotency_key: str = ""
    fingerprint: bytes = b""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Single pushes accepted together: what an Acceptance says of each, and once what is the same for all."""

    where: Scope  # organisation, app and environment
    actor: str
    accepted_at: int
    held: bool
    singles: Sequence[Single]
    source: str = Source.API


@dataclass(frozen=True, slots=True)
class Progress:
    """A push and its counts. planned is None until every shard has been claimed once (`estimated` says roughly).

    Conservation: planned = pending + in_flight + sum(fates.values()).
    """

    push: Push
    audience_note: str
    estimated: int
    planned: int | None
    pending: int
    in_flight: int
    fates: dict[Fate, int]
    shards: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)  # reason → count
    finished_at: int | None = None
    number: int = 0  # order of acceptance
    actor: str = ""
    source: str = Source.API
    addressed: bytes = b""  # as core.addressed packs it
    times: Times = NO_TIMES


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is held: pushes, their recipients who have not ended, and of both those that expired meanwhile."""

    pushes: int = 0
    recipients: int = 0
    expired_pushes: int = 0
    expired_recipients: int = 0


class Accepts(Protocol):
    """Intake's side. Raises Busy when the store is locked too long, StoreFull when it cannot write."""

    async def accept(self, items: Sequence[Acceptance]) -> list[Accepted | Exception]:
        """One commit for many; each item is accepted, replayed (same key, same body) or IdempotencyMismatch."""
        ...

    async def accept_sheet(self, sheet: Sheet) -> dict[int, Accepted | Exception]:
        """`accept` for a sheet. Only the answers of rows that were not accepted anew: a replay, IdempotencyMismatch."""
        ...

    async def progress(self, where: Scope, push_id: str) -> Progress | None: ...

    async def failures(
        self, where: Scope, push_id: str, *, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, Failure]]:
        """(row number, failure), ascending, for paging by row number."""
        ...

    async def discard(self, where: Scope, accepted_before_ms: int) -> list[str]:
        """What is left of the open pushes in this scope will end `stopped`. The pushes' ids."""
        ...

    async def hold(self, where: Scope) -> int:
        """Makes the ready shards of this scope held: a resume that keeps them must send none of them. How many."""
        ...

    async def release(self, where: Scope, since_ms: int = 0) -> int:
        """Makes the held shards of this scope ready, of pushes accepted at `since_ms` or later. How many."""
        ...

    async def expire(self, where: Scope, now_ms: int) -> int:
        """Makes the held shards of pushes whose time is over ready, so that they end `expired`. How many."""
        ...

    async def waiting(self, where: Scope, now_ms: int) -> Waiting:
        """What is held in this scope."""
        ...

    async def backlog(self) -> list[dict[str, Any]]:
        """Rows lane, state, shards, recipients, oldest_due_ms: for /metrics and `doctor`."""
        ...


class Journal(Protocol):
    """The sender's side. `sender` names a seat (`bulk-0`); a new incarnation takes over what the old one held."""

    async def enlist(self, sender: str, now_ms: int) -> int:
        """Starts an incarnation of the seat; its number. Shards the earlier one held become READY, crashes + 1.

        At LONELY crashes they change to their lane of the class `alone`.
        """
        ...

    async def ready(self, classes: Sequence[str]) -> dict[str, int]:
        """Lane key → earliest due_at (it may lie ahead) among its READY shards, for lanes of these classes."""
        ...

    async def claim(
        self, sender: str, shares: Mapping[str, int], now_ms: int, *, ended: bool = False
    ) -> list[tuple[Shard, Push]]:
        """Due READY shards, earliest first, of each lane at most its share: CLAIMED with fence + 1 and a lease.

        One transaction. A named shard of ≤ INSTANT recipients that was never issued and never crashed is issued whole
        with it. ended: only shards whose push has expired or is being discarded, among the 2,000 that wait longest.
        """
        ...

    async def freeze(self, shard: Shard, members: bytes, planned: int) -> None:
        """Fixes a RANGE shard's members at its first claim. StaleClaim when the fence moved on."""
        ...

    async def mark(self, marks: Sequence[Mark]) -> list[Mark]:
        """Records all in one durable transaction; gives back those refused because the fence moved on.

        Inserts `retries` and `failures` with them; a finished shard is folded into its push and dropped; a push with no
        shard left is DONE.
        """
        ...

    async def renew(self, sender: str, now_ms: int) -> int:
        """Extends the lease; gives back, like `enlist`, what senders hold that have not renewed for 10 s. How many."""
        ...

    async def promote(self, lane: str, to: str, audience: int, upto: int) -> int:
        """READY and HELD range shards of this lane and audience that end at or below `upto` change to the other lane.

        How many. Raises Busy or StoreFull like every write.
        """
        ...

    async def retain(self, now_ms: int) -> int:
        """Drops failures older than 30 days and idempotency keys older than 48 h. Rows dropped. Called by chores."""
        ...
