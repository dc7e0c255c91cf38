"""A house with real parts: fence file, ring, toy senders in processes, control.db and journal.db."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

import ring_toy
from journal_fixtures import claim_due
from pushwarden.adapters.clock import SystemClock
from pushwarden.adapters.fence_file import FenceFile
from pushwarden.adapters.processes import LocalProcesses
from pushwarden.adapters.ring import Ring
from pushwarden.adapters.sqlite.control import SqliteCatalog
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.sqlite.journal import SqliteJournal
from pushwarden.adapters.sqlite.migrate import migrate
from pushwarden.adapters.stop_diary import StopFolder
from pushwarden.control.brake import Brake
from pushwarden.control.stop_book import StopBook
from pushwarden.control.stops import Parts, Stops
from pushwarden.core.lane import Class
from pushwarden.core.push import Message, Push, PushType
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.shard import Mark, NewShard, Shard, ShardKind, ShardState
from pushwarden.ports.audit import AuditQuery, AuditRow
from pushwarden.ports.catalog import StopRecord
from pushwarden.ports.journal import Acceptance

SHOP = Scope("acme", "shop", Environment.SIMULATED)
LANE = "acme/shop/simulated/apns/bulk"
FAR = 4_000_000_000_000
PATIENT = 2.0
"""Seconds a stop waits for a silent sender: a full machine keeps good ones waiting for longer than 50 ms."""


@dataclass
class House:
    """`stops` over files in a folder, with toy senders as asked."""

    folder: Path
    fence: FenceFile
    catalog: SqliteCatalog
    journal: SqliteJournal
    ring: Ring
    diary: StopFolder
    stops: Stops
    book: StopBook
    toys: list[Popen[str]] = field(default_factory=list)

    async def rows(self) -> list[StopRecord]:
        return await self.catalog.read(lambda tables: tables.stops.recent())

    async def audit(self, organisation: str = "acme") -> list[AuditRow]:
        return await self.catalog.read(lambda tables: tables.audit.page(AuditQuery(organisation)))

    def stopped(self) -> set[Scope]:
        return {stop.scope for stop in self.fence.stops()}

    async def accept(self, number: int, shards: int = 1, held: bool = False) -> Scope:
        """A silent push of `shards` shards; its scope."""
        push = Push(f"{number:020x}", "acme", "shop", Environment.SIMULATED, PushType.BACKGROUND, Class.BULK,
                    Message(data={"n": number}), accepted_at=number, expires_at=FAR)  # fmt: skip
        rows = tuple(
            NewShard(push.id, "acme", ShardKind.RANGE, 1, LANE, number, no * 8192, 8192) for no in range(shards)
        )
        await self.journal.accept([Acceptance(push, rows, held=held)])
        return push.scope

    async def claim(self) -> list[tuple[Shard, Push]]:
        return await claim_due(self.journal, "bulk-0", ["bulk"], 100, FAR - 1)

    async def end(self, claimed: Sequence[tuple[Shard, Push]]) -> None:
        """As a sender does with shards of a discarded push, with nobody in them."""
        for shard, _ in claimed:
            if not shard.frozen:
                await self.journal.freeze(shard, bytes(1), 0)
        await self.journal.mark([
            Mark(shard.push, shard.no, shard.fence, 0, bytes(1), dict(shard.counts), 0, finished=True)
            for shard, _ in claimed
        ])  # fmt: skip


def hold_again(shard: Shard) -> Mark:
    return Mark(shard.push, shard.no, shard.fence, 0, b"", {}, 0, release=ShardState.HELD, due_at=shard.due_at)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        (path / "run").mkdir(mode=0o700)
        migrate({"control": path / "control.db", "journal": path / "journal.db"})
        yield path


@contextlib.asynccontextmanager
async def house(path: Path, *senders: str) -> AsyncIterator[House]:
    """senders: `name` or `name:behaviour` of toys to start."""
    toys = [ring_toy.start(path / "run", *sender.split(":")) for sender in senders]
    fence, ring, clock = FenceFile(path / "fence"), Ring(path / "run", PATIENT), SystemClock()
    catalog, journal, diary = (
        SqliteCatalog(path / "control.db"),
        SqliteJournal(path / "journal.db"),
        StopFolder(path / "stops"),
    )
    brake = Brake(fence, ring, LocalProcesses(), diary, clock, window=1000)
    book = StopBook(catalog, diary)
    await ring.open()
    stops = Stops(Parts(fence, ring, brake, book, catalog, journal, clock))
    try:
        yield House(path, fence, catalog, journal, ring, diary, stops, book, toys)
    finally:
        await stops.close()
        await ring.close()
        catalog.close()
        journal.close()
        fence.close()
        for toy in toys:
            ring_toy.finish(toy)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    """Another connection holds the whole database (of the same library: POSIX locks do not part two in one process)."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield other
    finally:
        if other.in_transaction:
            other.execute("ROLLBACK")
        other.close()
