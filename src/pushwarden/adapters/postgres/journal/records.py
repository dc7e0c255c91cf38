"""What people ask of the schema `journal`: pages of pushes, one device's failures, and what devices say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from pushwarden.adapters.journal_pages import FLOOR, LAST, NUMBER_AT, NUMBER_OF, PAGE, Conditions, conditions, written
from pushwarden.adapters.journal_rows import KEPT_COLUMNS, failure_of
from pushwarden.adapters.postgres.journal import sql_asked
from pushwarden.adapters.postgres.journal.progress import progress
from pushwarden.adapters.postgres.journal.rows import as_json
from pushwarden.adapters.postgres.journal.schema import JournalSchema, rows_of, scoped
from pushwarden.adapters.signal_rows import EMPTY, blocks, counts, has
from pushwarden.core.scope import Scope
from pushwarden.core.shard import Failure
from pushwarden.core.signal import BLOCK, Signal, SignalKind
from pushwarden.ports.records import LOOK, PushPage, PushQuery, Reports


class _Named(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f"%({name})s"


SAID = _Named(find="strpos")


class PostgresRecords(JournalSchema):
    """`Records` over the schema."""

    async def pushes(self, where: Scope, query: PushQuery) -> PushPage:
        async with self._snapshot() as connection:
            return await _page(connection, conditions(where, query), query)

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


async def _page(connection: AsyncConnection[Any], made: Conditions, query: PushQuery) -> PushPage:
    async def rows(template: str, **values: Any) -> list[Any]:
        return await rows_of(connection, written(template, made).format_map(SAID), {**made.values, **values})

    async def number(push: str, none: int) -> int:
        found = await rows(NUMBER_OF, id=push) if push else []
        return int(found[0][0]) if found else none

    below, above = await number(query.before, LAST), await number(query.after, LAST if query.after else 0)
    if query.until:
        below = min(below, (await rows(NUMBER_AT, at=query.until))[0][0])
    if query.since:
        above = max(above, (await rows(NUMBER_AT, at=query.since))[0][0] - 1)
    bounds = {"below": below, "above": above}
    floor = await rows(FLOOR, **bounds, look=LOOK - 1) if made.rest and not query.id else []
    if floor:
        bounds["above"] = floor[0][0] - 1
    kept = await rows(PAGE.replace("/* columns */", ", ".join(KEPT_COLUMNS)), **bounds, limit=query.limit)
    following = kept[-1][0] if len(kept) == query.limit and kept else floor[0][1] if floor else ""
    return PushPage(await progress(connection, kept), following)
