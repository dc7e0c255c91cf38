"""Finding devices for people in devices.db, by index where there is one; marking and clearing them."""

# ruff: noqa: S608 -- only constants are put together; what is asked becomes parameters
from __future__ import annotations

from pushwarden.adapters.device_rows import AS_JSON, MARKED, read_device, stored_installation, stored_token
from pushwarden.adapters.device_search import LAST, Tongue, Value, Walked, conditions
from pushwarden.adapters.sqlite.device_reads import stored_rows
from pushwarden.adapters.sqlite.device_writes import audience_rows
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.core.device import Audience
from pushwarden.core.device_search import DeviceQuery, Place, Way, normal_prefix
from pushwarden.core.scope import Scope

BY = {
    Way.ALL: ("", "seq < ?", "seq DESC"),
    Way.TEST: ("INDEXED BY device_test", "test > 0 AND seq < ?", "seq DESC"),
    Way.USER: ("INDEXED BY device_person", "person <> '' AND person = ? AND seq < ?", "seq DESC"),
    Way.GONE: (
        "INDEXED BY device_gone", "state = 1 AND (gone_at, seq) < (?, ?)", "gone_at DESC, seq DESC",
    ),
    Way.TOKEN: ("INDEXED BY device_token", "token_end = ? AND token = ?", "seq"),
    Way.INSTALLATION: ("INDEXED BY device_installation", "installation = ?", "seq"),
}  # fmt: skip
"""The index, what finds the rows by it after `audience = ?`, and their order."""
_TONGUE = Tongue("?", "instr(tags, ?) > 0", lambda stored: stored)
MARK = """
UPDATE device SET test = ?1, version = version + 1
WHERE audience = ?2 AND installation = ?3 AND test <> ?1 AND (?1 > 0 OR test > 0)
"""
_GONE = """
SELECT seq FROM device INDEXED BY device_gone
WHERE audience = ?1 AND state = 1 AND gone_at < ?2 AND (?3 = '' OR gone_reason = ?3)
"""
CLEAR = f"DELETE FROM device WHERE audience = ?1 AND seq IN ({_GONE} LIMIT ?4)"
COUNT_GONE = f"SELECT count(*) FROM ({_GONE})"


def statement(way: Way, condition: str) -> str:
    """Rows that meet the condition, of the first so many by the index: (…, rows to look at, limit)."""
    index, found, order = BY[way]
    return f"""
    SELECT json_group_array({AS_JSON}) FROM (
      SELECT * FROM (SELECT * FROM device {index} WHERE audience = ? AND {found} ORDER BY {order} LIMIT ?)
      WHERE {condition} LIMIT ?)
    """


def last_looked_at(way: Way) -> str:
    """(gone_at, seq) of the last of so many rows by the index, nothing when there are fewer."""
    index, found, order = BY[way]
    rows = f"device {index} WHERE audience = ? AND {found} ORDER BY {order}"
    return f"SELECT coalesce(gone_at, 0), seq FROM {rows} LIMIT 1 OFFSET ?"


def walk(
    connection: sqlite3.Connection, audience: Audience, query: DeviceQuery, after: Place | None, limit: int, most: int
) -> Walked:
    """Of one audience."""
    way = query.way
    condition, values = conditions(query, audience.provider, _TONGUE)
    keys = _keys(audience.provider, query, after)
    rows = stored_rows(connection, statement(way, condition), (audience.id, *keys, most, *values, limit + 1))
    devices = [read_device(audience.provider, audience.token_kind, row) for row in rows]
    if len(devices) > limit:
        last = devices[limit - 1]
        return Walked(devices[:limit], Place(audience.id, (last.gone_at or 0) if way is Way.GONE else 0, last.seq), 0)
    if not query.walks:
        return Walked(devices, None, len(devices))
    found = connection.execute(last_looked_at(way), (audience.id, *keys, most - 1)).fetchone()
    if found is None:
        return Walked(devices, None, audience.size)
    return Walked(devices, Place(audience.id, found[0] if way is Way.GONE else 0, found[1]), most)


def _keys(provider: str, query: DeviceQuery, after: Place | None) -> tuple[Value, ...]:
    """What finds the rows."""
    gone_at, seq = (after.gone_at, after.seq) if after else LAST
    match query.way:
        case Way.TOKEN:
            token = stored_token(provider, normal_prefix(provider, query.token) or "")
            return token[-8:], token
        case Way.INSTALLATION:
            return (stored_installation(query.installation_id),)
        case Way.USER:
            return query.user, seq
        case Way.GONE:
            return gone_at, seq
        case Way.TEST | Way.ALL:
            return (seq,)


def mark(connection: sqlite3.Connection, where: Scope, installation_id: str, test: bool) -> None:
    for audience, _, _ in audience_rows(connection, where):
        connection.execute(MARK, (MARKED if test else 0, audience, stored_installation(installation_id)))


def clear(connection: sqlite3.Connection, where: Scope, before_ms: int, reason: str, limit: int) -> int:
    """At most `limit` an audience. How many went."""
    return sum(
        connection.execute(CLEAR, (audience, before_ms, reason, limit)).rowcount
        for audience, _, _ in audience_rows(connection, where)
    )


def count_gone(connection: sqlite3.Connection, where: Scope, before_ms: int, reason: str) -> int:
    return sum(
        connection.execute(COUNT_GONE, (audience, before_ms, reason)).fetchone()[0]
        for audience, _, _ in audience_rows(connection, where)
    )
