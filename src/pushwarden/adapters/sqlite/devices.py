"""devices.db as both ports see it: the registry that people and backends write, and the columns a sender reads."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from pushwarden.adapters.device_rows import read_device, stored_installation
from pushwarden.adapters.sqlite import device_reads as reads
from pushwarden.adapters.sqlite import device_writes as writes
from pushwarden.adapters.sqlite.device_import import BATCH, CHUNK, STAGING, batches, import_batch, pack
from pushwarden.adapters.sqlite.driver import sqlite3, translated
from pushwarden.adapters.sqlite.engine import Reader, Writer
from pushwarden.core.device import Audience, Device, Rows
from pushwarden.core.device_rules import Entry
from pushwarden.core.scope import Scope
from pushwarden.ports.devices import DeadToken, Imported, Registration

T = TypeVar("T")

CACHE_KIB = 65_536
EXPORT_PAGE = 1000
MANY = 256
"""Users looked up on the event loop at most; more are looked up in a thread."""


class SqliteDevices:
    """Registry and Devices over one migrated file. A process that only reads never opens it for writing.

    synchronous NORMAL: a power cut may undo the last registrations, which apps repeat; an opt-out is synced first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = Reader(path)

    def close(self) -> None:
        if "_writer" in self.__dict__:
            self._writer.close()
        self._reader.close()

    async def register(self, where: Scope, devices: Sequence[Device], now_ms: int) -> list[Registration]:
        done: list[Registration] = []
        for at in range(0, len(devices), BATCH):
            some = devices[at : at + BATCH]
            done += await self._writer.run(partial(writes.register, where=where, devices=some, now_ms=now_ms))
        return done

    async def import_devices(self, where: Scope, chunks: AsyncIterator[Sequence[Entry]]) -> AsyncIterator[Imported]:
        """A piece is written while the next is read."""
        total, waiting, writing = Imported(), list[Entry](), None
        try:
            async for entries in chunks:
                waiting += entries
                await asyncio.sleep(0)  # a source that never waits must not hold up the writing
                if len(waiting) >= CHUNK:
                    if writing is not None:
                        total += await writing
                        yield total
                    writing = asyncio.create_task(self._import(where, waiting))
                    waiting = []
            if writing is not None:
                total += await writing
                yield total
            yield total + await self._import(where, waiting)
        finally:
            if writing is not None:
                writing.cancel()

    async def _import(self, where: Scope, entries: Sequence[Entry]) -> Imported:
        """Packs the next batch while two are under way, each in a transaction of its own."""
        total, under_way = Imported(), deque[asyncio.Future[Imported]]()
        for batch in batches(entries):
            packed = pack(batch)
            if len(under_way) == 2:
                total += await under_way.popleft()
            under_way.append(self._writer.run(partial(import_batch, where=where, packed=packed)))
        for written in under_way:
            total += await written
        return total

    async def get(self, where: Scope, installation_id: str) -> list[Device]:
        def query(connection: sqlite3.Connection) -> list[Device]:
            return [
                read_device(provider, kind, row)
                for audience, provider, kind in writes.audience_rows(connection, where)
                for row in reads.stored_rows(connection, reads.GET, (audience, stored_installation(installation_id)))
            ]

        return self._now(query)

    async def remove(self, where: Scope, installation_id: str) -> int:
        removed = await self._writer.run(partial(writes.remove, where=where, installation_id=installation_id))
        if removed:
            await asyncio.to_thread(self._sync)
        return removed

    async def export(self, where: Scope) -> AsyncIterator[list[Device]]:
        for audience, provider, kind in self._now(lambda connection: writes.audience_rows(connection, where)):
            seq = 0
            while rows := await self._long(
                partial(reads.stored_rows, sql=reads.EXPORT, parameters=(audience, seq, EXPORT_PAGE))
            ):
                yield [read_device(provider, kind, row) for row in rows]
                seq = rows[-1][0] + 1

    async def counts(self, where: Scope) -> dict[str, int]:
        writes.place(where)
        return await self._long(partial(reads.place_counts, where=where))

    async def audiences(self, where: Scope) -> list[Audience]:
        return [reads.audience_from(row) for row in self._reader.rows(reads.AUDIENCES, writes.place(where))]

    async def members(self, audience: int, lo: int, hi: int, tags: str = "") -> Sequence[int]:
        return self._now(lambda connection: reads.members(connection, audience, lo, hi, tags))

    async def page(self, audience: int, lo: int, hi: int, columns: tuple[str, ...] = ()) -> Rows:
        return self._now(lambda connection: reads.page(connection, audience, lo, hi, columns))

    async def pick(self, audience: int, seqs: Sequence[int], columns: tuple[str, ...] = ()) -> Rows:
        return self._now(lambda connection: reads.pick(connection, audience, seqs, columns))

    async def find(
        self, where: Scope, *, users: Sequence[str] = (), installations: Sequence[str] = (), token_kind: str = ""
    ) -> dict[int, list[int]]:
        def query(connection: sqlite3.Connection) -> dict[int, list[int]]:
            found = {}
            for audience, _, kind in writes.audience_rows(connection, where):
                if token_kind in ("", kind):
                    seqs = reads.find_users(connection, audience, users) if users else []
                    seqs += reads.find_installations(connection, audience, installations)
                    found[audience] = sorted(set(seqs))
            return {audience: seqs for audience, seqs in found.items() if seqs}

        few = len(users) + len(installations) <= 64
        return self._now(query) if few else await self._long(query)

    async def find_each(
        self, where: Scope, users: Sequence[str], token_kind: str = ""
    ) -> dict[str, dict[int, list[int]]]:
        query = partial(reads.find_each, place=writes.place(where), users=users, token_kind=token_kind)
        return self._now(query) if len(users) <= MANY else await self._long(query)

    async def bury(self, audience: int, dead: Sequence[DeadToken], now_ms: int) -> list[int]:
        buried: list[int] = []
        for at in range(0, len(dead), BATCH):
            some = dead[at : at + BATCH]
            buried += await self._writer.run(partial(writes.bury, audience=audience, dead=some, now_ms=now_ms))
        return buried

    async def exhume(self, audience: int, *, since_ms: int, reason: str = "") -> int:
        back = 0
        while some := await self._writer.run(
            partial(writes.exhume, audience=audience, since_ms=since_ms, reason=reason, limit=BATCH)
        ):
            back += some
        return back

    def _now(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return query(self._reader.connection)
        except sqlite3.OperationalError as error:
            raise translated(error) from error

    async def _long(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._reader.long(query)
        except sqlite3.OperationalError as error:
            raise translated(error) from error

    def _sync(self) -> None:
        """What was committed is in the WAL; this puts it on the disk."""
        wal = os.open(self._path.with_name(self._path.name + "-wal"), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fdatasync(wal)
        finally:
            os.close(wal)

    @cached_property
    def _writer(self) -> Writer:
        writer = Writer(self._path, synchronous="NORMAL")
        writer.connection.executescript(f"PRAGMA cache_size=-{CACHE_KIB}; {STAGING}")
        return writer
