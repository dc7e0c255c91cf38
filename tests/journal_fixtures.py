"""Journals to test, and pushes and shards to put into them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import postgres_server
from pushwarden.adapters.memory.journal import MemoryJournal
from pushwarden.adapters.postgres.journal import PostgresJournal
from pushwarden.adapters.sqlite.journal import SqliteJournal
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.core.lane import Class, Lane
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Message, Push, PushType
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.shard import Failure, Mark, NewShard, Shard, ShardKind
from pushwarden.ports.journal import Acceptance

NOW = 1_700_000_000_000
SHOP = Scope("acme", "shop", Environment.PRODUCTION)
CAROLS = Scope("carols", "shop", Environment.PRODUCTION)
ALL = ("urgent", "normal", "bulk", "suspect", "alone")
_numbers = itertools.count(1)


def in_memory(directory: Path, now_ms: Callable[[], int]) -> MemoryJournal:
    return MemoryJournal(now_ms)


def in_sqlite(directory: Path, now_ms: Callable[[], int]) -> SqliteJournal:
    migrate({"journal": directory / "journal.db"})
    return SqliteJournal(directory / "journal.db", now_ms)


def in_postgres(directory: Path, now_ms: Callable[[], int]) -> PostgresJournal:
    return PostgresJournal(postgres_server.fresh_database(), "test", now_ms)


OPENERS: dict[str, Callable[[Path, Callable[[], int]], Any]] = {
    "memory": in_memory, "postgres": in_postgres, "sqlite": in_sqlite,
}  # fmt: skip


async def claim_due(
    journal: Any, sender: str, classes: Sequence[str], limit: int, now_ms: int
) -> list[tuple[Shard, Push]]:
    """Claims like a sender for whom every lane is alike: urgent lanes first, `limit` shards in all."""
    claimed: list[tuple[Shard, Push]] = []
    lanes = await journal.ready(classes)
    for lane in sorted(lanes, key=lambda lane: (ALL.index(Lane.parse(lane).klass), lane)):
        if len(claimed) < limit:
            claimed += await journal.claim(sender, {lane: limit - len(claimed)}, now_ms)
    return claimed


class Desk:
    """A journal whose methods are called without await, and its clock."""

    def __init__(self, journal: Any, runner: asyncio.Runner) -> None:
        self.journal = journal
        self._runner = runner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.journal, name)
        return lambda *args, **kwargs: self._runner.run(method(*args, **kwargs))

    def accept_one(self, acceptance: Acceptance) -> str:
        (answer,) = self.accept([acceptance])
        if isinstance(answer, Exception):
            raise answer
        return answer.push_id

    def claim_due(self, sender: str, classes: Sequence[str], limit: int, now_ms: int) -> list[tuple[Shard, Push]]:
        return self._runner.run(claim_due(self.journal, sender, classes, limit, now_ms))

    def due(self, classes: Sequence[str]) -> int | None:
        """The earliest due time of all ready lanes."""
        return min(self.ready(classes).values(), default=None)

    def claim_all(self, sender: str = "bulk-0", now_ms: int = NOW, limit: int = 100) -> list[Shard]:
        return [shard for shard, _ in self.claim_due(sender, ALL, limit, now_ms)]

    def claim_one(self, sender: str = "bulk-0", now_ms: int = NOW) -> Shard:
        (shard,) = self.claim_all(sender, now_ms, limit=1)
        return shard


@contextmanager
def desk_of(kind: str, directory: Path) -> Iterator[Desk]:
    """An empty journal of the kind, closed at the end."""
    with asyncio.Runner() as runner:
        journal = OPENERS[kind](directory, lambda: NOW)
        try:
            yield Desk(journal, runner)
        finally:
            closing = journal.close()
            if closing is not None:
                runner.run(closing)


def push_of(where: Scope = SHOP, klass: Class = Class.NORMAL, **fields: Any) -> Push:
    assert where.environment
    values = {"accepted_at": NOW, "expires_at": NOW + 3_600_000} | fields
    return Push(
        f"{next(_numbers):020x}", where.organisation, where.app, where.environment, PushType.ALERT, klass,
        Message(title="Hello", data={"big": 10**30, "none": None}), **values,
    )  # fmt: skip


def lane_of(push: Push) -> str:
    return Lane(push.organisation, push.app, push.environment, "apns", push.klass).key


def range_shard(push: Push, width: int = 100, due_at: int = NOW, lo: int = 0) -> NewShard:
    return NewShard(push.id, push.organisation, ShardKind.RANGE, 1, lane_of(push), due_at, lo, width)


def list_shard(push: Push, *seqs: int, due_at: int = NOW, attempt: int = 0) -> NewShard:
    members = b"".join(seq.to_bytes(8, "little") for seq in seqs)
    return NewShard(
        push.id, push.organisation, ShardKind.LIST, 1, lane_of(push), due_at, 0, len(seqs), members, attempt
    )  # fmt: skip


def to_range(push: Push, *widths: int, **fields: Any) -> Acceptance:
    return Acceptance(push, tuple(range_shard(push, width) for width in widths), "everyone", **fields)


def to_list(push: Push, *seqs: int, due_at: int = NOW, **fields: Any) -> Acceptance:
    return Acceptance(push, (list_shard(push, *seqs, due_at=due_at),), "users", **fields)


def bitmap(*offsets: int, width: int = 100) -> bytes:
    return sum(1 << offset for offset in set(offsets)).to_bytes((width + 7) // 8, "little")


def mark_of(shard: Shard, ended: int = 0, **fields: Any) -> Mark:
    """The first `ended` offsets were accepted."""
    values: dict[str, Any] = {
        "issued": ended,
        "done": bitmap(*range(ended), width=shard.width),
        "counts": {Fate.ACCEPTED: ended},
        "moved": 0,
    }
    return Mark(shard.push, shard.no, shard.fence, **(values | fields))


def finish(shard: Shard, **fields: Any) -> Mark:
    """Every member was accepted."""
    return mark_of(shard, shard.width, finished=True, **fields)


def refusal(shard: Shard, seq: int, reason: str = "BadDeviceToken", at: int = NOW) -> Failure:
    return Failure(shard.push, shard.audience, seq, Fate.REFUSED, reason, 400, at, b"ab" * 32)
