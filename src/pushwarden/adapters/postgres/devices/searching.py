"""Finding devices for people, by index where there is one; marking and clearing them."""

# ruff: noqa: S608 -- only constants are put together; what is asked becomes parameters
from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from pushwarden.adapters.device_rows import MARKED
from pushwarden.adapters.device_search import LAST, Tongue, Value, Walked, conditions
from pushwarden.adapters.postgres.devices import forms
from pushwarden.adapters.postgres.devices.reads import place
from pushwarden.core.device import Audience
from pushwarden.core.device_search import DeviceQuery, Place, Way, normal_prefix
from pushwarden.core.scope import Scope

_Connection = AsyncConnection[Any]
BY = {
    Way.ALL: ("seq < %s", "seq DESC"),
    Way.TEST: ("test > 0 AND seq < %s", "seq DESC"),
    Way.USER: ("person <> '' AND person = %s AND seq < %s", "seq DESC"),
    Way.GONE: ("state = 1 AND gone_at <= %s AND (gone_at, seq) < (%s, %s)", "gone_at DESC, seq DESC"),
    Way.TOKEN: ("token_end = %s AND token = %s", "seq"),
    Way.INSTALLATION: ("installation = %s", "seq"),
}  # fmt: skip
"""What finds the rows by an index after `audience = %s`, and their order."""
_TONGUE = Tongue(
    "%s", "strpos(tags, %s) > 0",
    lambda stored: forms.TEXT + stored.encode() if isinstance(stored, str) else forms.PACKED + stored,
)  # fmt: skip
_PLACED = """
SELECT id FROM audience
 WHERE organisation = %(organisation)s AND app = %(app)s AND environment = %(environment)s ORDER BY id
"""
MARK = """
UPDATE device SET test = %(test)s, version = version + 1
 WHERE audience = ANY (%(audiences)s) AND installation = %(installation)s AND test <> %(test)s
"""
_GONE = """
SELECT seq FROM device WHERE audience = %(audience)s AND state = 1 AND gone_at < %(before)s
   AND (%(reason)s = '' OR gone_reason = %(reason)s)
"""
CLEAR = f"DELETE FROM device WHERE audience = %(audience)s AND seq = ANY (ARRAY ({_GONE} LIMIT %(limit)s))"
COUNT_GONE = f"SELECT count(*) FROM ({_GONE}) gone"


def statement(way: Way, condition: str) -> str:
    """Rows that meet the condition, of the first so many by the index: (…, rows to look at, limit)."""
    found, order = BY[way]
    return f"""
    SELECT {forms.DEVICE} FROM (
      SELECT * FROM device WHERE audience = %s AND {found} ORDER BY {order} LIMIT %s) looked_at
     WHERE {condition} LIMIT %s
    """


def last_looked_at(way: Way) -> str:
    """(gone_at, seq) of the last of so many rows by the index, nothing when there are fewer."""
    found, order = BY[way]
    rows = f"device WHERE audience = %s AND {found} ORDER BY {order}"
    return f"SELECT coalesce(gone_at, 0), seq FROM {rows} LIMIT 1 OFFSET %s"


async def walk(
    connection: _Connection, audience: Audience, query: DeviceQuery, after: Place | None, limit: int, most: int
) -> Walked:
    """Of one audience."""
    way, keys = query.way, _keys(audience.provider, query, after)
    condition, values = conditions(query, audience.provider, _TONGUE)
    wanted = (audience.id, *keys, most, *values, limit + 1)
    rows = await _all(connection, statement(way, condition), wanted)
    devices = [forms.device_of(audience.provider, audience.token_kind, row) for row in rows]
    if len(devices) > limit:
        last = devices[limit - 1]
        return Walked(devices[:limit], Place(audience.id, (last.gone_at or 0) if way is Way.GONE else 0, last.seq), 0)
    if not query.walks:
        return Walked(devices, None, len(devices))
    found = await _all(connection, last_looked_at(way), (audience.id, *keys, most - 1))
    if not found:
        return Walked(devices, None, audience.size)
    return Walked(devices, Place(audience.id, found[0][0] if way is Way.GONE else 0, found[0][1]), most)


def _keys(provider: str, query: DeviceQuery, after: Place | None) -> tuple[Value, ...]:
    """What finds the rows."""
    gone_at, seq = (after.gone_at, after.seq) if after else LAST
    match query.way:
        case Way.TOKEN:
            token = forms.token(provider, normal_prefix(provider, query.token) or "")
            return token[-8:], token
        case Way.INSTALLATION:
            return (forms.installation(query.installation_id),)
        case Way.USER:
            return query.user, seq
        case Way.GONE:
            return gone_at, gone_at, seq
        case Way.TEST | Way.ALL:
            return (seq,)


async def mark(connection: _Connection, where: Scope, installation_id: str, test: bool) -> None:
    wanted = {
        "audiences": await _audiences(connection, where), "installation": forms.installation(installation_id),
        "test": MARKED if test else 0,
    }  # fmt: skip
    await connection.execute(MARK, wanted)


async def clear(connection: _Connection, where: Scope, before_ms: int, reason: str, limit: int) -> int:
    """At most `limit` an audience. How many went."""
    dropped = 0
    for audience in await _audiences(connection, where):
        wanted = {"audience": audience, "before": before_ms, "reason": reason, "limit": limit}
        dropped += (await connection.execute(CLEAR, wanted)).rowcount
    return dropped


async def count_gone(connection: _Connection, where: Scope, before_ms: int, reason: str) -> int:
    counted = 0
    for audience in await _audiences(connection, where):
        wanted = {"audience": audience, "before": before_ms, "reason": reason}
        counted += (await _all(connection, COUNT_GONE, wanted))[0][0]
    return counted


async def _audiences(connection: _Connection, where: Scope) -> list[int]:
    return [row[0] for row in await _all(connection, _PLACED, place(where))]


async def _all(connection: _Connection, statement: str, values: Any) -> list[Any]:
    found = await connection.execute(statement, values, prepare=False, binary=True)
    return await found.fetchall()
