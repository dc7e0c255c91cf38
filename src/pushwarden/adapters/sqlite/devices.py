"""devices.db as both ports see it: the registry that people and backends write, and the columns a sender reads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from pushwarden.adapters.device_rows import read_device, stored_installation
from pushwarden.adapters.device_runs import PIECE, in_pieces, next_piece
from pushwarden.adapters.device_search import Walked, over
from pushwarden.adapters.sqlite import device_census as counting
from pushwarden.adapters.sqlite import device_import as importing
from pushwarden.adapters.sqlite import device_invalidations as entries
from pushwarden.adapters.sqlite import device_reads as reads
from pushwarden.adapters.sqlite import device_search as searching
from pushwarden.adapters.sqlite import device_writes as writes
from pushwarden.adapters.sqlite.device_reports import EMPTY, SqliteReports
from pushwarden.adapters.sqlite.driver import sqlite3, translated
from pushwarden.adapters.sqlite.engine import Reader, Writer
from pushwarden.core.census import Census, Group
from pushwarden.core.device import Audience, Device, Rows
from pushwarden.core.device_rules import Entry
from pushwarden.core.device_search import DeviceQuery, Found, Place
from pushwarden.core.invalidation import Invalidation
from pushwarden.core.scope import Scope
from pushwarden.ports.devices import TOMBSTONE_LIFE_MS, DeadToken, Imported, Registration
from pushwarden.ports.invalidations import INVALIDATION_LIFE_MS

T = TypeVar("T")

CACHE_KIB = 65_536
"""Page cache of the writer; a process that only buries tokens wants less."""
EXPORT_PAGE = 1000
BATCH = 500
"""Devices that a transaction registers or buries, at most: each takes a few statements."""

TURN_SECONDS = 0.001
"""Pause between two transactions of an import: others nap 0.8 ms between two tries."""
MANY = 256
"""Users looked up on the event loop at most; more are looked up in a thread."""


class SqliteDevices(SqliteReports):
    """Registry, Devices, Directory, Invalidations and Imports over one migrated file.

    Who only reads never opens it for writing. synchronous NORMAL: a power cut may undo the last registrations, which
    apps repeat; an opt-out is synced first.
    """

    def __init__(self, path: Path, cache_kib: int = CACHE_KIB) -> None:
        self._path, self._cache_kib = path, cache_kib
        self._reader = Reader(path)
        self._piece = PIECE

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
        """One piece is written while the next is packed in a thread and the one after it is read."""
        async for total in in_pieces(chunks, partial(self._import, where), lambda: self._piece):
            yield total
        await self._writer.run(_release)

    async def _import(self, where: Scope, piece: Sequence[Entry], before: asyncio.Task[Imported] | None) -> Imported:
        total = Imported()
        packs = await asyncio.to_thread(importing.pack, piece) if piece else []
        if before is not None:
            await asyncio.shield(before)
        for packed in packs:
            await asyncio.sleep(TURN_SECONDS)
            written = await self._writer.run(partial(importing.import_piece, where=where, packed=packed))
            self._piece = next_piece(self._piece, written.seconds)
            total += written.counts
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

    async def empty(self, where: Scope) -> int:
        gone = 0
        while some := await self._writer.run(partial(writes.empty, where=where, limit=BATCH)):
            gone += some
        await self._writer.run(lambda connection: connection.execute(EMPTY, writes.place(where)))
        return gone

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

    async def prove(self, audience: int, seq: int) -> None:
        await self._writer.run(partial(writes.prove, audience=audience, seq=seq))

    async def exhume(self, audience: int, *, since_ms: int, now_ms: int, reason: str = "") -> int:
        back, limit = 0, BATCH
        some = partial(writes.exhume, audience=audience, since_ms=since_ms, reason=reason, limit=limit, now_ms=now_ms)
        while part := await self._writer.run(some):
            back += part
        return back

    async def retain(self, now_ms: int) -> int:
        dropped, before = 0, now_ms - TOMBSTONE_LIFE_MS
        while some := await self._writer.run(partial(writes.retain, before_ms=before, limit=BATCH)):
            dropped += some
        return dropped

    async def invalidate(self, where: Scope, provider: str, dead: Sequence[DeadToken], now_ms: int) -> int:
        entered, place = 0, writes.place(where)
        for at in range(0, len(dead), BATCH):
            some = dead[at : at + BATCH]
            entered += await self._writer.run(
                partial(entries.invalidate, place=place, provider=provider, dead=some, now_ms=now_ms)
            )
        return entered

    async def invalidations(self, where: Scope, *, after: int, limit: int) -> list[Invalidation]:
        return await self._long(partial(entries.listed, where=where, after=after, limit=limit))

    async def number_before(self, at_ms: int) -> int:
        number: int = self._reader.row(entries.NUMBER_BEFORE, (at_ms,))[0]
        return number

    async def names(self, audience: int, seqs: Sequence[int]) -> dict[int, tuple[str, str]]:
        return await self._long(partial(entries.names, audience=audience, seqs=seqs))

    async def forget(self, now_ms: int) -> int:
        dropped, parameters = 0, (now_ms - INVALIDATION_LIFE_MS, BATCH)
        while some := await self._writer.run(
            lambda connection: connection.execute(entries.FORGET, parameters).rowcount
        ):
            dropped += some
        return dropped

    async def search(self, where: Scope, query: DeviceQuery, *, after: Place | None = None, limit: int = 50) -> Found:
        async def walk(audience: Audience, begin: Place | None, wanted: int, most: int) -> Walked:
            return await self._long(
                partial(searching.walk, audience=audience, query=query, after=begin, limit=wanted, most=most)
            )

        return await over(await self.audiences(where), query, after, limit, walk)

    async def sizes(self, organisation: str) -> dict[tuple[str, str, str], int]:
        rows = self._reader.rows(reads.SIZES, (organisation,))
        return {(app, environment, provider): size for app, environment, provider, size in rows}

    async def mark(self, where: Scope, installation_id: str, *, test: bool) -> list[Device]:
        await self._writer.run(partial(searching.mark, where=where, installation_id=installation_id, test=test))
        return await self.get(where, installation_id)

    async def clear_gone(self, where: Scope, *, before_ms: int, reason: str = "", dry_run: bool = False) -> int:
        if dry_run:
            count = partial(searching.count_gone, where=where, before_ms=before_ms, reason=reason)
            return await self._long(count)
        dropped = 0
        some = partial(searching.clear, where=where, before_ms=before_ms, reason=reason, limit=BATCH)
        while part := await self._writer.run(some):
            dropped += part
        return dropped

    async def everywhere(self) -> Census:
        return await self._long(counting.everywhere)

    async def note_changes(self, now_ms: int) -> int:
        return await self._writer.run(partial(counting.note_changes, now_ms=now_ms))

    async def slice(self, audience: Audience, lo: int, hi: int) -> tuple[list[Group], int]:
        return await self._long(partial(counting.slice_of, audience=audience, lo=lo, hi=hi))

    async def counted(
        self, audience: Audience, groups: Sequence[Group], *, unproven: int, at_ms: int, took_ms: int
    ) -> None:
        await self._writer.run(
            partial(
                counting.counted, audience=audience.id, groups=groups, unproven=unproven, at_ms=at_ms, took_ms=took_ms
            )
        )

    async def census(self, where: Scope, since_day: int) -> Census:
        return self._now(partial(counting.census, place=writes.place(where), since_day=since_day))

    async def forget_churn(self, now_ms: int) -> int:
        return await self._writer.run(partial(counting.forget_churn, now_ms=now_ms))

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
        writer.connection.executescript(f"PRAGMA cache_size=-{self._cache_kib}; {importing.STAGING}")
        return writer


def _release(connection: sqlite3.Connection) -> None:
    """Gives back what an import took for its cache."""
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    connection.execute("PRAGMA shrink_memory")
