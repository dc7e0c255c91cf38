"""What people ask of the schema `journal`: pages of pushes, one device's failures, and what devices say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import AsyncConnection

from pushwarden.adapters.journal_pages import (
    FLOOR,
    GROUPS,
    LAST,
    NUMBER_AT,
    NUMBER_OF,
    PAGE,
    REASONS,
    Conditions,
    conditions,
    counted_of,
    unchosen,
    unreasoned,
    written,
)
from pushwarden.adapters.journal_rows import KEPT_COLUMNS, failure_of
from pushwarden.adapters.postgres.journal import sql_asked
from pushwarden.adapters.postgres.journal.progress import progress
from pushwarden.adapters.postgres.journal.rows import as_json
from pushwarden.adapters.postgres.journal.schema import JournalSchema, rows_of, scoped
from pushwarden.adapters.signal_rows import EMPTY, blocks, counts, has
from pushwarden.core.scope import Scope
from pushwarden.core.shard import Failure
from pushwarden.core.signal import BLOCK, Signal, SignalKind
from pushwarden.ports.records import LOOK, Counted, PushPage, PushQuery, Reports


class _Named(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f"%({name})s"


SAID = _Named(find="strpos")


class PostgresRecords(JournalSchema):
    """`Records` over the schema."""

    async def pushes(self, where: Scope, query: PushQuery) -> PushPage:
        async with self._snapshot() as connection:
            return await _page(connection, where, query)

    async def counted(self, where: Scope, query: PushQuery) -> Counted:
        async with self._snapshot() as connection:
            return await _counted(connection, where, query)

    async def failures_of(self, where: Scope, audience: int, seq: int, limit: int = 100) -> list[Failure]:
        statement, named = scoped(sql_asked.FAILURES_OF, where)
        async with self._reading.direct() as connection:
            found = await rows_of(connection, statement, {**named, "audience": audience, "seq": seq, "limit": limit})
        return [failure_of(row[0], row[1:])[1] for row in found]

    async def signal(self, signals: Sequence[Signal]) -> None:
        apart = [
            {"push": one.push, "kind": one.kind, "audience": one.audience, "seq": one.seq, "at": one.at}
            for one in signals
            if one.apart
        ]
        async with self._writing.transaction() as connection:
            if apart:
                await connection.execute(sql_asked.SIGNAL, {"signals": as_json(apart)}, prepare=True)
            for (push, kind, audience, block), said in blocks(signals).items():
                key = {"push": push, "kind": kind, "audience": audience, "block": block, "empty": EMPTY}
                for one in said:
                    values = {**key, "bit": one.seq % BLOCK, "at": one.at}
                    await connection.execute(sql_asked.SIGNAL_BLOCK, values, prepare=True)

    async def reports(self, push_id: str) -> Reports:
        async with self._snapshot() as connection:
            said = await rows_of(connection, sql_asked.COUNTS, {"push": push_id})
            rows = await rows_of(connection, sql_asked.APART, {"push": push_id})
        apart: dict[tuple[int, int], dict[SignalKind, int]] = defaultdict(dict)
        for audience, seq, kind, at in rows:
            apart[audience, seq][SignalKind(kind)] = at
        return Reports(counts(said), dict(apart))

    async def reported(self, push_id: str, audience: int, seq: int) -> dict[SignalKind, int]:
        device = {"push": push_id, "audience": audience}
        async with self._snapshot() as connection:
            own = await rows_of(connection, sql_asked.REPORTED, {**device, "seq": seq})
            among = await rows_of(connection, sql_asked.REPORTED_IN_BLOCK, {**device, "block": seq // BLOCK})
        counted = {SignalKind(kind): 0 for kind, bits in among if has(bits, seq)}
        return counted | {SignalKind(kind): at for kind, at in own}


@dataclass(slots=True)
class _Look:
    """Rows within bounds by number. floor: the oldest push that is looked at, where there are older: number, id."""

    connection: AsyncConnection[Any]
    made: Conditions
    bounds: dict[str, int] = field(default_factory=dict)
    floor: tuple[int, str] | None = None

    async def rows(self, template: str, **values: Any) -> list[Any]:
        statement = written(template, self.made).format_map(SAID)
        return await rows_of(self.connection, statement, {**self.made.values, **self.bounds, **values})

    async def bound(self, query: PushQuery, *, all_rows: bool) -> None:
        below = await self._number(query.before, LAST)
        above = await self._number(query.after, LAST if query.after else 0)
        if query.until:
            below = min(below, (await self.rows(NUMBER_AT, at=query.until))[0][0])
        if query.since:
            above = max(above, (await self.rows(NUMBER_AT, at=query.since))[0][0] - 1)
        self.bounds = {"below": below, "above": above}
        floor = [] if all_rows else await self.rows(FLOOR, look=LOOK - 1)
        if floor:
            self.floor, self.bounds["above"] = floor[0], floor[0][0] - 1

    async def _number(self, push: str, none: int) -> int:
        found = await self.rows(NUMBER_OF, id=push) if push else []
        return int(found[0][0]) if found else none


async def _page(connection: AsyncConnection[Any], where: Scope, query: PushQuery) -> PushPage:
    look = _Look(connection, conditions(where, query))
    await look.bound(query, all_rows=not look.made.rest or bool(query.id))
    kept = await look.rows(PAGE.replace("/* columns */", ", ".join(KEPT_COLUMNS)), limit=query.limit)
    following = kept[-1][0] if len(kept) == query.limit and kept else look.floor[1] if look.floor else ""
    return PushPage(await progress(connection, kept), following)


async def _counted(connection: AsyncConnection[Any], where: Scope, query: PushQuery) -> Counted:
    look = _Look(connection, conditions(where, unchosen(query)))
    await look.bound(unchosen(query), all_rows=False)
    groups = await look.rows(GROUPS)
    look.made = conditions(where, unreasoned(query))
    return counted_of(groups, await look.rows(REASONS), whole=look.floor is None)
