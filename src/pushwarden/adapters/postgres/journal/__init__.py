"""The journal in PostgreSQL: both its ports over the schema `journal`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from pushwarden.adapters.journal_rows import failure_of, lane_rank
from pushwarden.adapters.postgres.journal import accepting, claiming, marking, sql, sql_asked
from pushwarden.adapters.postgres.journal.progress import progress
from pushwarden.adapters.postgres.journal.records import PostgresRecords
from pushwarden.adapters.postgres.journal.schema import JournalSchema, rows_of, scoped
from pushwarden.adapters.postgres.journal.settling import Settling
from pushwarden.adapters.sheets import acceptances, unusual
from pushwarden.core.errors import Invalid, StaleClaim
from pushwarden.core.push import Push
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.shard import Failure, Mark, Shard
from pushwarden.ports.journal import Acceptance, Accepted, Progress, Sheet, Waiting

FAILURES_LIFE_MS = 30 * 86_400_000
_CHORE_ROWS = 500
LOOK = 20_000
"""Pushes or failures of all apps that are looked through at once for one app's."""


class PostgresAccepts(JournalSchema):
    """`Accepts` over the schema."""

    async def accept(self, items: Sequence[Acceptance]) -> list[Accepted | Exception]:
        if not items:
            return []
        try:
            async with self._writing.direct() as connection:
                return await accepting.accept(connection, items)
        except Invalid as error:  # one of them; the others do not suffer for it
            if len(items) == 1:
                return [error]
        return [answer for item in items for answer in await self.accept([item])]

    async def accept_sheet(self, sheet: Sheet) -> dict[int, Accepted | Exception]:
        return unusual(sheet, await self.accept(acceptances(sheet)))

    async def progress(self, where: Scope, push_id: str) -> Progress | None:
        async with self._snapshot() as connection:
            kept = await rows_of(connection, sql_asked.PUSH, {"id": push_id})
            found = await progress(connection, kept)
        return next((one for one in found if where.covers(one.push.scope)), None)

    async def failures(
        self, where: Scope, push_id: str, *, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, Failure]]:
        async with self._snapshot() as connection:
            kept = await rows_of(connection, sql_asked.PUSH, {"id": push_id})
            if not any(where.covers(Scope(row[1], row[2], row[3], row[13], row[14], row[0])) for row in kept):
                return []
            page = {"push": push_id, "after": after, "limit": limit}
            return [failure_of(push_id, row) for row in await rows_of(connection, sql_asked.FAILURES, page)]

    async def discard(self, where: Scope, accepted_before_ms: int) -> list[str]:
        statement, named = scoped(sql.DISCARD, where)
        ids: list[str] = []
        while True:
            async with self._writing.transaction() as connection:
                part = [row[0] for row in await rows_of(connection, statement, {**named, "before": accepted_before_ms})]
                await connection.execute(sql.DISCARD_SHARDS, {"ids": part, "due": accepted_before_ms})
            if not part:
                return ids
            ids += part

    async def hold(self, where: Scope) -> int:
        return await self._in_parts(*scoped(sql.HOLD, where))

    async def release(self, where: Scope, since_ms: int = 0) -> int:
        statement, named = scoped(sql.RELEASE, where)
        return await self._in_parts(statement, {**named, "since": since_ms})

    async def expire(self, where: Scope, now_ms: int) -> int:
        statement, named = scoped(sql.EXPIRE, where)
        return await self._in_parts(statement, {**named, "now": now_ms})

    async def waiting(self, where: Scope, now_ms: int) -> Waiting:
        statement, named = scoped(sql.WAITING, where)
        async with self._reading.direct() as connection:
            return Waiting(*(await rows_of(connection, statement, {**named, "now": now_ms}))[0])

    async def backlog(self) -> list[dict[str, Any]]:
        names = ("lane", "state", "shards", "recipients", "oldest_due_ms")
        async with self._reading.direct() as connection:
            return [dict(zip(names, row, strict=True)) for row in await rows_of(connection, sql_asked.BACKLOG)]


class PostgresOutcomes(JournalSchema):
    """`Outcomes` over the schema."""

    async def numbers_before(self, at_ms: int) -> tuple[int, int]:
        async with self._reading.direct() as connection:
            ((push, failure),) = await rows_of(connection, sql_asked.NUMBERS_BEFORE, {"at": at_ms})
        return push, failure

    async def accepted(self, where: Scope, after: int, limit: int) -> tuple[list[tuple[str, Environment]], int]:
        rows, place = await self._after(sql_asked.ACCEPTED, 0, where, after, limit)
        return [(push, Environment(environment)) for _, push, environment in rows], place

    async def finished(self, where: Scope, ids: Sequence[str]) -> list[Progress]:
        named = {"ids": list(ids), "organisation": where.organisation, "app": where.app}
        async with self._snapshot() as connection:
            return await progress(connection, await rows_of(connection, sql_asked.FINISHED, named))

    async def failed(self, where: Scope, after: int, limit: int) -> tuple[list[tuple[Environment, Failure]], int]:
        rows, place = await self._after(sql_asked.FAILED, 1, where, after, limit)
        return [(Environment(row[1]), failure_of(row[2], (row[0], *row[3:]))[1]) for row in rows], place

    async def _after(self, page: str, table: int, where: Scope, after: int, limit: int) -> tuple[list[Any], int]:
        """Rows that begin with their number, and how far was looked."""
        async with self._reading.direct() as connection:
            ((*given, oldest, next_one),) = await rows_of(connection, sql_asked.GIVEN)
        until = min(after + LOOK, self._settling.settled(given, oldest, next_one)[table])
        if until <= after:
            return [], after
        named = {"organisation": where.organisation, "app": where.app, "after": after, "until": until, "limit": limit}
        async with self._reading.direct() as connection:
            rows = await rows_of(connection, page, named)
        return rows, rows[-1][0] if len(rows) == limit else until

    @cached_property
    def _settling(self) -> Settling:
        return Settling()


class PostgresClaims(JournalSchema):
    """`Journal` over the schema."""

    async def enlist(self, sender: str, now_ms: int) -> int:
        async with self._writing.transaction() as connection:
            return await claiming.enlist(connection, sender, now_ms)

    async def ready(self, classes: Sequence[str]) -> dict[str, int]:
        async with self._reading.direct() as connection:
            return await claiming.ready(connection, classes)

    async def claim(
        self, sender: str, shares: Mapping[str, int], now_ms: int, *, ended: bool = False
    ) -> list[tuple[Shard, Push]]:
        if not shares:
            return []
        async with self._writing.direct() as connection:
            return await claiming.claim(connection, sender, shares, now_ms, sql.CLAIM_ENDED if ended else sql.CLAIM)

    async def freeze(self, shard: Shard, members: bytes, planned: int) -> None:
        async with self._writing.direct() as connection:
            if not await claiming.freeze(connection, shard, members, planned):
                raise StaleClaim

    async def mark(self, marks: Sequence[Mark]) -> list[Mark]:
        if not marks:
            return []
        line = self._writing.direct() if marking.is_plain(marks) else self._writing.transaction()
        async with line as connection:
            done = await marking.mark(connection, marks, self._now_ms())
        return [one for at, one in enumerate(marks) if at not in done]

    async def renew(self, sender: str, now_ms: int) -> int:
        async with self._writing.transaction() as connection:
            return await claiming.renew(connection, sender, now_ms)

    async def promote(self, lane: str, to: str, audience: int, upto: int) -> int:
        values = {"lane": lane, "to": to, "audience": audience, "upto": upto}
        values |= {"rank": lane_rank(lane), "to_rank": lane_rank(to)}
        ready = await self._in_parts(sql.PROMOTE, values)
        return ready + await self._in_parts(sql.PROMOTE_HELD, values)

    async def retain(self, now_ms: int) -> int:
        count = await self._forget(sql.FORGET_KEYS, now_ms - accepting.KEY_LIFE_MS)
        for statement in (sql.FORGET_FAILURES, sql.FORGET_SIGNALS, sql.FORGET_BLOCKS):
            count += await self._forget(statement, now_ms - FAILURES_LIFE_MS)
        return count

    async def _forget(self, statement: str, before_ms: int) -> int:
        """In transactions of at most 500 rows."""
        count, part = 0, _CHORE_ROWS
        while part == _CHORE_ROWS:
            async with self._writing.direct() as connection:
                part = (await connection.execute(statement, {"before": before_ms})).rowcount
            count += part
        return count


class PostgresJournal(PostgresAccepts, PostgresClaims, PostgresOutcomes, PostgresRecords):
    """Every side, for processes and tests that need several."""
