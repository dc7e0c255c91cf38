"""Counting devices: slices of an audience, what came and went, and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from pushwarden.adapters.postgres.devices.reads import AUDIENCES, place
from pushwarden.core.census import CHURN_DAYS, Census, Change, Group, Pulse, Said, changes, day_of, gathered
from pushwarden.core.device import Audience
from pushwarden.core.scope import Environment, Scope

_Connection = AsyncConnection[Any]
_EVERYWHERE = """
SELECT id, organisation, app, environment, provider, token_kind, size, next_seq, proven_seq FROM audience ORDER BY id
"""
SLICE = """
SELECT app_version, build, test > 0, count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE state = 1),
       count(*) FILTER (WHERE state = 0 AND seq >= %s)
  FROM device WHERE audience = %s AND seq >= %s AND seq < %s GROUP BY 1, 2, 3
"""
SAID = """
SELECT a.id, at / 86400000, CASE WHEN state = 'revived' THEN NULL ELSE reason END, count(*)
  FROM (SELECT * FROM invalidation WHERE number > %s AND number <= %s AND installation <> '' AND state <> 'doubted') i
  JOIN audience a USING (organisation, app, environment, provider, token_kind)
 GROUP BY 1, 2, 3
"""
_LAST = "SELECT coalesce(max(number), 0) FROM invalidation"
_NOTED = "SELECT invalidation FROM noted WHERE id = 1"
_NOTE = "INSERT INTO noted VALUES (1, %s) ON CONFLICT (id) DO UPDATE SET invalidation = excluded.invalidation"
_PULSES = "SELECT audience, next_seq, size, unproven, counted_at, took_ms FROM pulse"
_SEEN = """
INSERT INTO pulse VALUES (%s, %s, %s, 0, 0, 0)
ON CONFLICT (audience) DO UPDATE SET next_seq = excluded.next_seq, size = excluded.size
"""
_COUNTED = """
INSERT INTO pulse VALUES (%s, 0, 0, %s, %s, %s) ON CONFLICT (audience) DO UPDATE
   SET unproven = excluded.unproven, counted_at = excluded.counted_at, took_ms = excluded.took_ms
"""
_ADD = """
INSERT INTO churn VALUES (%s, %s, %s, %s) ON CONFLICT (audience, day, what) DO UPDATE
   SET count = CASE WHEN excluded.what = 'live' THEN excluded.count ELSE churn.count + excluded.count END
"""
_GROUPS = """
SELECT audience, app_version, build, test, live, gone FROM census WHERE audience = ANY (%s)
 ORDER BY live DESC, gone DESC
"""
_CHURN = "SELECT audience, day, what, count FROM churn WHERE audience = ANY (%s) AND day >= %s ORDER BY day, what"


async def everywhere(connection: _Connection) -> Census:
    audiences = [_audience(row) for row in await _all(connection, _EVERYWHERE)]
    return Census(audiences, {row[0]: Pulse(*row) for row in await _all(connection, _PULSES)})


async def note_changes(connection: _Connection, now_ms: int) -> int:
    """In the transaction that is open."""
    known, ((last,),) = await everywhere(connection), await _all(connection, _LAST)
    noted = await _all(connection, _NOTED)
    rows: list[Change] = []
    if noted:
        said = [Said(*row) for row in await _all(connection, SAID, (noted[0][0], last))]
        rows = changes(known.audiences, known.pulses, said, day_of(now_ms))
    moved = [
        (one.id, one.next_seq, one.size)
        for one in known.audiences
        if (pulse := known.pulses.get(one.id)) is None or (pulse.next_seq, pulse.size) != (one.next_seq, one.size)
    ]
    async with connection.cursor() as cursor:
        await cursor.executemany(_ADD, [(row.audience, row.day, row.what, row.count) for row in rows])
        await cursor.executemany(_SEEN, moved)
    if not noted or noted[0][0] != last:
        await connection.execute(_NOTE, (last,))
    return len(rows)


async def slice_of(connection: _Connection, audience: Audience, lo: int, hi: int) -> tuple[list[Group], int]:
    rows = await _all(connection, SLICE, (audience.proven_seq, audience.id, lo, hi))
    return gathered(Group(*row[:5]) for row in rows), sum(row[5] for row in rows)


async def counted(
    connection: _Connection, audience: int, groups: Sequence[Group], unproven: int, at_ms: int, took_ms: int
) -> None:
    await connection.execute("DELETE FROM census WHERE audience = %s", (audience,))
    rows = [(audience, one.app_version, one.build, int(one.test), one.live, one.gone) for one in groups]
    async with connection.cursor() as cursor:
        await cursor.executemany("INSERT INTO census VALUES (%s, %s, %s, %s, %s, %s)", rows)
    await connection.execute(_COUNTED, (audience, unproven, at_ms, took_ms))


async def census(connection: _Connection, where: Scope, since_day: int) -> Census:
    audiences = [_audience(row) for row in await _all(connection, AUDIENCES, place(where))]
    ids = [one.id for one in audiences]
    pulses = {row[0]: Pulse(*row) for row in await _all(connection, _PULSES + " WHERE audience = ANY (%s)", (ids,))}
    groups: dict[int, list[Group]] = {number: [] for number in ids}
    for number, version, build, test, live, gone in await _all(connection, _GROUPS, (ids,)):
        groups[number].append(Group(version, build, bool(test), live, gone))
    churn = [Change(*row) for row in await _all(connection, _CHURN, (ids, since_day))]
    return Census(audiences, pulses, groups, churn)


async def forget_churn(connection: _Connection, now_ms: int) -> int:
    done = await connection.execute("DELETE FROM churn WHERE day < %s", (day_of(now_ms) - CHURN_DAYS,))
    return done.rowcount


def _audience(row: Sequence[Any]) -> Audience:
    number, organisation, app, environment, provider, kind, *numbers = row
    return Audience(number, organisation, app, Environment(environment), provider, kind, *numbers)


async def _all(connection: _Connection, statement: str, values: Any = None) -> list[Any]:
    return await (await connection.execute(statement, values, prepare=False, binary=True)).fetchall()
