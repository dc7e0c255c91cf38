"""The journal in SQLite: both its ports over one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from pushwarden.adapters.journal_rows import RANK, failure_of
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.sqlite.journal import accepting, claiming, marking, sql
from pushwarden.adapters.sqlite.journal.file import JournalFile
from pushwarden.adapters.sqlite.journal.insert import scoped
from pushwarden.adapters.sqlite.journal.progress import progress
from pushwarden.adapters.sqlite.journal.records import SqliteRecords
from pushwarden.core.errors import StaleClaim
from pushwarden.core.lane import Class
from pushwarden.core.push import Push
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.shard import Failure, Mark, Shard
from pushwarden.ports.journal import Acceptance, Accepted, Progress, Sheet, Waiting

FAILURES_LIFE_MS = 30 * 86_400_000
_CHORE_ROWS = 500
LOOK = 20_000
"""Pushes or failures of all apps that are looked through at once for one app's."""


class SqliteAccepts(JournalFile):
    """`Accepts` over journal.db."""

    async def accept(self, items: Sequence[Acceptance]) -> list[Accepted | Exception]:
        self._require_room()
        return await self.writer.batch(accepting.accept, items)

    async def accept_sheet(self, sheet: Sheet) -> dict[int, Accepted | Exception]:
        self._require_room()
        (unusual,) = await self.writer.batch(accepting.accept_sheets, [sheet])
        return unusual

    async def progress(self, where: Scope, push_id: str) -> Progress | None:
        with self.reader.snapshot() as connection:
            found = progress(connection, connection.execute(sql.PUSH, {"id": push_id}).fetchall())
        return next((one for one in found if where.covers(one.push.scope)), None)

    async def failures(
        self, where: Scope, push_id: str, *, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, Failure]]:
        with self.reader.snapshot() as connection:
            if not _is_within(connection, where, push_id):
                return []
            rows = connection.execute(sql.FAILURES, {"push": push_id, "after": after, "limit": limit}).fetchall()
        return [failure_of(push_id, row) for row in rows]

    async def discard(self, where: Scope, accepted_before_ms: int) -> list[str]:
        ids: list[str] = []
        while part := await self.writer.run(partial(accepting.discard, where=where, before_ms=accepted_before_ms)):
            ids += part
        return ids

    async def hold(self, where: Scope) -> int:
        count = 0
        while part := await self.writer.run(partial(accepting.hold, where=where)):
            count += part
        return count

    async def release(self, where: Scope, since_ms: int = 0) -> int:
        return await self._release(partial(accepting.release, where=where, statement=sql.RELEASE, since=since_ms))

    async def expire(self, where: Scope, now_ms: int) -> int:
        return await self._release(partial(accepting.release, where=where, statement=sql.EXPIRE, now=now_ms))

    async def _release(self, work: Callable[[sqlite3.Connection], int]) -> int:
        count = 0
        while part := await self.writer.run(work):
            count += part
        return count

    async def waiting(self, where: Scope, now_ms: int) -> Waiting:
        statement, named = scoped(sql.WAITING, where)
        return Waiting(*await self.reader.long(lambda one: one.execute(statement, {**named, "now": now_ms}).fetchone()))

    async def backlog(self) -> list[dict[str, Any]]:
        names = ("lane", "state", "shards", "recipients", "oldest_due_ms")
        rows = await self.reader.long(lambda connection: connection.execute(sql.BACKLOG).fetchall())
        return [dict(zip(names, row, strict=True)) for row in rows]


class SqliteOutcomes(JournalFile):
    """`Outcomes` over journal.db."""

    async def numbers_before(self, at_ms: int) -> tuple[int, int]:
        push, failure = self.reader.row(sql.NUMBERS_BEFORE, {"at": at_ms})
        return push, failure

    async def accepted(self, where: Scope, after: int, limit: int) -> tuple[list[tuple[str, Environment]], int]:
        rows, place = await self._after(sql.LAST_ACCEPTED, sql.ACCEPTED, where, after, limit)
        return [(push, Environment(environment)) for _, push, environment in rows], place

    async def finished(self, where: Scope, ids: Sequence[str]) -> list[Progress]:
        named = {"ids": msgspec.json.encode(ids).decode(), "organisation": where.organisation, "app": where.app}
        if not ids:
            return []
        with self.reader.snapshot() as connection:
            return progress(connection, connection.execute(sql.FINISHED, named).fetchall())

    async def failed(self, where: Scope, after: int, limit: int) -> tuple[list[tuple[Environment, Failure]], int]:
        rows, place = await self._after(sql.LAST_FAILURE, sql.FAILED, where, after, limit)
        return [(Environment(row[1]), failure_of(row[2], (row[0], *row[3:]))[1]) for row in rows], place

    async def _after(self, last: str, page: str, where: Scope, after: int, limit: int) -> tuple[list[Any], int]:
        """Rows that begin with their number, and how far was looked."""
        named = {"organisation": where.organisation, "app": where.app, "after": after, "limit": limit}

        def query(connection: sqlite3.Connection) -> tuple[list[Any], int]:
            until = connection.execute(last, {"until": after + LOOK}).fetchone()[0] or 0
            rows = connection.execute(page, {**named, "until": until}).fetchall() if until > after else []
            return rows, rows[-1][0] if len(rows) == limit else max(after, until)

        return await self.reader.long(query)


class SqliteClaims(JournalFile):
    """`Journal` over journal.db."""

    async def enlist(self, sender: str, now_ms: int) -> int:
        return await self.writer.run(partial(claiming.enlist, seat=sender, now_ms=now_ms))

    async def ready(self, classes: Sequence[str]) -> dict[str, int]:
        """Asked of the reader, so that a sender with nothing to do takes no lock."""
        lanes: dict[str, int] = {}
        for rank in sorted(RANK[Class(klass)] for klass in classes):
            lanes |= msgspec.json.decode(self.reader.row(sql.READY, {"rank": rank})[0])
        return lanes

    async def claim(
        self, sender: str, shares: Mapping[str, int], now_ms: int, *, ended: bool = False
    ) -> list[tuple[Shard, Push]]:
        if not shares:
            return []
        self._require_room()
        statement = sql.CLAIM_ENDED if ended else sql.CLAIM
        work = partial(claiming.claim, seat=sender, shares=shares, now_ms=now_ms, statement=statement)
        (claimed,) = await self.writer.begin_here(lambda connection, _: [work(connection)], (None,))
        return claimed

    async def freeze(self, shard: Shard, members: bytes, planned: int) -> None:
        (frozen,) = await self.writer.batch(claiming.freeze, [(shard, members, planned)])
        if not frozen:
            raise StaleClaim

    async def mark(self, marks: Sequence[Mark]) -> list[Mark]:
        if not marks:
            return []
        recorded = await self.writer.begin_here(self._mark, marks, vital=True)
        return [mark for mark, kept in zip(marks, recorded, strict=True) if not kept]

    def _mark(self, connection: sqlite3.Connection, marks: Sequence[Mark]) -> list[bool]:
        return marking.mark(connection, marks, self._now_ms())

    async def renew(self, sender: str, now_ms: int) -> int:
        return await self.writer.run(partial(claiming.renew, seat=sender, now_ms=now_ms), vital=True)

    async def promote(self, lane: str, to: str, audience: int, upto: int) -> int:
        count, work = 0, partial(claiming.promote, lane=lane, to=to, audience=audience, upto=upto)
        while part := await self.writer.run(work):
            count += part
        return count

    async def retain(self, now_ms: int) -> int:
        count = await self._forget(sql.FORGET_KEYS, now_ms - accepting.KEY_LIFE_MS)
        for statement in (sql.FORGET_FAILURES, sql.FORGET_SIGNALS, sql.FORGET_BLOCKS):
            count += await self._forget(statement, now_ms - FAILURES_LIFE_MS)
        return count

    async def _forget(self, statement: str, before_ms: int) -> int:
        """In transactions of at most 500 rows."""
        count, part = 0, _CHORE_ROWS
        while part == _CHORE_ROWS:
            part = await self.writer.run(
                lambda connection: connection.execute(statement, {"before": before_ms}).rowcount
            )
            count += part
        return count


class SqliteJournal(SqliteAccepts, SqliteClaims, SqliteOutcomes, SqliteRecords):
    """Every side, for processes and tests that need several."""


def _is_within(connection: sqlite3.Connection, where: Scope, push_id: str) -> bool:
    rows = connection.execute(sql.PUSH, {"id": push_id}).fetchall()
    return any(where.covers(Scope(row[1], row[2], row[3], row[13], row[14], row[0])) for row in rows)
