"""Devices in PostgreSQL: the registry that people and backends write, and the columns a sender reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial

from pushwarden.adapters.device_runs import PIECE, in_pieces, next_piece
from pushwarden.adapters.device_search import Walked, over
from pushwarden.adapters.postgres.devices import counting, importing, reads, searching, writes
from pushwarden.adapters.postgres.devices import invalidations as entries
from pushwarden.adapters.postgres.devices.reports import EMPTY, PostgresReports
from pushwarden.adapters.postgres.engine import Line
from pushwarden.core.census import Census, Group
from pushwarden.core.device import Audience, Device, Rows
from pushwarden.core.device_rules import Entry
from pushwarden.core.device_search import DeviceQuery, Found, Place
from pushwarden.core.invalidation import Invalidation
from pushwarden.core.scope import Scope
from pushwarden.ports.devices import TOMBSTONE_LIFE_MS, DeadToken, Imported, Registration
from pushwarden.ports.invalidations import INVALIDATION_LIFE_MS

EXPORT_PAGE = 1000
BATCH = 500
"""Devices that a transaction registers or buries, at most."""

# As in the journal: a plan made for a small table would read it whole when it is large.
SESSION = {"synchronous_commit": "off", "enable_seqscan": "off", "plan_cache_mode": "force_generic_plan"}


class PostgresDevices(PostgresReports):
    """Registry, Devices, Directory, Invalidations and Imports over the schema `devices`, already migrated.

    A crash of the server may undo the last registrations, which apps repeat; an opt-out is on the disk first.
    """

    def __init__(self, dsn: str, role: str) -> None:
        self._reading = Line(dsn, role, "devices", SESSION)
        self._writing = Line(dsn, role, "devices", SESSION)
        self._importing = Line(dsn, role, "devices", importing.SESSION)
        self._piece = PIECE

    async def close(self) -> None:
        for line in (self._reading, self._writing, self._importing):
            await line.close()

    async def register(self, where: Scope, devices: Sequence[Device], now_ms: int) -> list[Registration]:
        done: list[Registration] = []
        for at in range(0, len(devices), BATCH):
            async with self._writing.transaction() as connection:
                done += await writes.register(connection, where, devices[at : at + BATCH], now_ms)
        return done

    def import_devices(self, where: Scope, chunks: AsyncIterator[Sequence[Entry]]) -> AsyncIterator[Imported]:
        return in_pieces(chunks, partial(self._import, where), lambda: self._piece)

    async def _import(self, where: Scope, piece: Sequence[Entry], before: asyncio.Task[Imported] | None) -> Imported:
        total = Imported()
        packs = await asyncio.to_thread(importing.pack, piece) if piece else []
        if before is not None:
            await asyncio.shield(before)
        for packed in packs:
            async with self._importing.transaction() as connection:
                written = await importing.import_piece(connection, where, packed)
            self._piece = next_piece(self._piece, written.seconds)
            total += written.counts
        return total

    async def get(self, where: Scope, installation_id: str) -> list[Device]:
        async with self._reading.direct() as connection:
            return await reads.get(connection, where, installation_id)

    async def remove(self, where: Scope, installation_id: str) -> int:
        async with self._writing.transaction() as connection:
            await connection.execute("SET LOCAL synchronous_commit = on")
            return await writes.remove(connection, where, installation_id)

    async def empty(self, where: Scope) -> int:
        gone, some = 0, 1
        while some:
            async with self._writing.transaction() as connection:
                some = await writes.empty(connection, where, BATCH)
            gone += some
        async with self._writing.direct() as connection:
            await connection.execute(EMPTY, reads.place(where))
        return gone

    async def export(self, where: Scope) -> AsyncIterator[list[Device]]:
        for audience in await self.audiences(where):
            seq = 0
            while rows := await self._exported(audience, seq):
                yield rows
                seq = rows[-1].seq + 1

    async def _exported(self, audience: Audience, seq: int) -> list[Device]:
        async with self._reading.direct() as connection:
            return await reads.export(connection, audience, seq, EXPORT_PAGE)

    async def counts(self, where: Scope) -> dict[str, int]:
        async with self._reading.direct() as connection:
            return await reads.counts(connection, where)

    async def audiences(self, where: Scope) -> list[Audience]:
        async with self._reading.direct() as connection:
            return await reads.audiences(connection, where)

    async def members(self, audience: int, lo: int, hi: int, tags: str = "") -> Sequence[int]:
        async with self._reading.direct() as connection:
            return await reads.members(connection, audience, lo, hi, tags)

    async def page(self, audience: int, lo: int, hi: int, columns: tuple[str, ...] = ()) -> Rows:
        async with self._reading.direct() as connection:
            return await reads.page(connection, audience, lo, hi, columns)

    async def pick(self, audience: int, seqs: Sequence[int], columns: tuple[str, ...] = ()) -> Rows:
        async with self._reading.direct() as connection:
            return await reads.pick(connection, audience, seqs, columns)

    async def find(
        self, where: Scope, *, users: Sequence[str] = (), installations: Sequence[str] = (), token_kind: str = ""
    ) -> dict[int, list[int]]:
        async with self._reading.direct() as connection:
            return await reads.find(connection, where, users, installations, token_kind)

    async def find_each(
        self, where: Scope, users: Sequence[str], token_kind: str = ""
    ) -> dict[str, dict[int, list[int]]]:
        async with self._reading.direct() as connection:
            return await reads.find_each(connection, where, users, token_kind)

    async def bury(self, audience: int, dead: Sequence[DeadToken], now_ms: int) -> list[int]:
        buried: list[int] = []
        for at in range(0, len(dead), BATCH):
            async with self._writing.transaction() as connection:
                buried += await writes.bury(connection, audience, dead[at : at + BATCH], now_ms)
        return buried

    async def prove(self, audience: int, seq: int) -> None:
        async with self._writing.direct() as connection:
            await connection.execute(writes.PROVE, (seq, audience))

    async def exhume(self, audience: int, *, since_ms: int, now_ms: int, reason: str = "") -> int:
        back = 0
        while True:
            async with self._writing.transaction() as connection:
                seqs = await writes.exhume(connection, audience, since_ms, reason, BATCH)
                await entries.enter_revived(connection, audience, seqs, now_ms)
            if not seqs:
                return back
            back += len(seqs)

    async def retain(self, now_ms: int) -> int:
        dropped, some = 0, 1
        while some:
            async with self._writing.direct() as connection:
                some = await writes.retain(connection, now_ms - TOMBSTONE_LIFE_MS, BATCH)
            dropped += some
        return dropped

    async def invalidate(self, where: Scope, provider: str, dead: Sequence[DeadToken], now_ms: int) -> int:
        entered, place = 0, reads.place(where)
        for at in range(0, len(dead), BATCH):
            async with self._writing.transaction() as connection:
                entered += await entries.invalidate(connection, place, provider, dead[at : at + BATCH], now_ms)
        return entered

    async def invalidations(self, where: Scope, *, after: int, limit: int) -> list[Invalidation]:
        async with self._reading.direct() as connection:
            return await entries.listed(connection, where, after, limit)

    async def number_before(self, at_ms: int) -> int:
        async with self._reading.direct() as connection:
            return await entries.number_before(connection, at_ms)

    async def names(self, audience: int, seqs: Sequence[int]) -> dict[int, tuple[str, str]]:
        async with self._reading.direct() as connection:
            return await entries.names(connection, audience, seqs)

    async def forget(self, now_ms: int) -> int:
        dropped, some = 0, 1
        while some:
            async with self._writing.direct() as connection:
                done = await connection.execute(entries.FORGET, (now_ms - INVALIDATION_LIFE_MS, BATCH))
                some = done.rowcount
            dropped += some
        return dropped

    async def search(self, where: Scope, query: DeviceQuery, *, after: Place | None = None, limit: int = 50) -> Found:
        async def walk(audience: Audience, begin: Place | None, wanted: int, most: int) -> Walked:
            async with self._reading.direct() as connection:
                return await searching.walk(connection, audience, query, begin, wanted, most)

        return await over(await self.audiences(where), query, after, limit, walk)

    async def sizes(self, organisation: str) -> dict[tuple[str, str, str], int]:
        async with self._reading.direct() as connection:
            return await reads.sizes(connection, organisation)

    async def mark(self, where: Scope, installation_id: str, *, test: bool) -> list[Device]:
        async with self._writing.transaction() as connection:
            await searching.mark(connection, where, installation_id, test)
        return await self.get(where, installation_id)

    async def clear_gone(self, where: Scope, *, before_ms: int, reason: str = "", dry_run: bool = False) -> int:
        if dry_run:
            async with self._reading.direct() as connection:
                return await searching.count_gone(connection, where, before_ms, reason)
        dropped, some = 0, 1
        while some:
            async with self._writing.transaction() as connection:
                some = await searching.clear(connection, where, before_ms, reason, BATCH)
            dropped += some
        return dropped

    async def everywhere(self) -> Census:
        async with self._reading.direct() as connection:
            return await counting.everywhere(connection)

    async def note_changes(self, now_ms: int) -> int:
        async with self._writing.transaction() as connection:
            return await counting.note_changes(connection, now_ms)

    async def slice(self, audience: Audience, lo: int, hi: int) -> tuple[list[Group], int]:
        async with self._reading.direct() as connection:
            return await counting.slice_of(connection, audience, lo, hi)

    async def counted(
        self, audience: Audience, groups: Sequence[Group], *, unproven: int, at_ms: int, took_ms: int
    ) -> None:
        async with self._writing.transaction() as connection:
            await counting.counted(connection, audience.id, groups, unproven, at_ms, took_ms)

    async def census(self, where: Scope, since_day: int) -> Census:
        async with self._reading.direct() as connection:
            return await counting.census(connection, where, since_day)

    async def forget_churn(self, now_ms: int) -> int:
        async with self._writing.direct() as connection:
            return await counting.forget_churn(connection, now_ms)
