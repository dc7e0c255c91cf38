"""What changes devices one by one: registering, opting out, burying and digging up. Each runs in one transaction.

Whoever changes an audience locks its row first, so that numbers stay dense and nobody waits in a circle.
"""

# ruff: noqa: S608 -- only constants are put together
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg import AsyncConnection

from pushwarden.adapters.device_rows import stored_tags, stored_test
from pushwarden.adapters.postgres.devices import forms, invalidations
from pushwarden.adapters.postgres.devices.reads import place
from pushwarden.adapters.postgres.devices.registering import Touched
from pushwarden.core.device import Device
from pushwarden.core.invalidation import SECOND_WORD_MS
from pushwarden.core.scope import Scope
from pushwarden.ports.devices import DeadToken, Registration

_Connection = AsyncConnection[Any]
_PLACE = "organisation = %(organisation)s AND app = %(app)s AND environment = %(environment)s"
_KIND = f"{_PLACE} AND provider = %(provider)s AND token_kind = %(kind)s"
_ENTER = """
INSERT INTO audience (organisation, app, environment, provider, token_kind, size, next_seq)
VALUES (%(organisation)s, %(app)s, %(environment)s, %(provider)s, %(kind)s, 0, 0) ON CONFLICT DO NOTHING
"""
_LOCK_KIND = f"SELECT id, next_seq FROM audience WHERE {_KIND} FOR NO KEY UPDATE"
_LOCK_PLACE = f"SELECT id FROM audience WHERE {_PLACE} ORDER BY id FOR NO KEY UPDATE"
_LOCK = "SELECT provider FROM audience WHERE id = %s FOR NO KEY UPDATE"
_COLUMNS = (
    "audience", "seq", "installation", "token", "person", "app_version", "build", "tags", "test", "state",
    "registered_at", "version",
)  # fmt: skip
TOUCHED = f"""
SELECT {forms.DEVICE} FROM device WHERE audience = %(audience)s AND installation = ANY (%(installations)s)
 UNION
SELECT {forms.DEVICE} FROM device
 WHERE audience = %(audience)s AND token_end = ANY (%(ends)s) AND token = ANY (%(tokens)s)
"""
_DELETE = "DELETE FROM device WHERE audience = %s AND seq = ANY (%s)"
WRITE = f"""
INSERT INTO device ({", ".join(_COLUMNS)})
SELECT {", ".join(_COLUMNS)} FROM json_populate_recordset(NULL::device, %s)
ON CONFLICT (audience, seq) DO UPDATE
   SET token = excluded.token, person = excluded.person, app_version = excluded.app_version, build = excluded.build,
       tags = excluded.tags, test = excluded.test, state = 0, registered_at = excluded.registered_at, gone_at = NULL,
       gone_reason = NULL, doubt_at = NULL, version = excluded.version
"""
GROW = "UPDATE audience SET size = size + %s, next_seq = next_seq + %s WHERE id = %s"
EMPTY = """
DELETE FROM device WHERE audience = %(audience)s
 AND seq IN (SELECT seq FROM device WHERE audience = %(audience)s ORDER BY seq LIMIT %(limit)s) RETURNING state
"""
REMOVE = "DELETE FROM device WHERE audience = ANY (%s) AND installation = %s RETURNING audience, state"
_WORDS = """
json_to_recordset(%(words)s) AS word (place bigint, seq bigint, token bytea, gone_ms bigint, reason text)
 WHERE device.audience = %(audience)s AND device.seq = word.seq AND device.token = word.token AND state = 0
"""
BURY = f"""
UPDATE device SET state = 1, gone_at = %(now)s, gone_reason = word.reason, doubt_at = NULL, version = version + 1
  FROM {_WORDS} AND CASE WHEN word.gone_ms IS NULL THEN doubt_at <= %(before)s
                         ELSE registered_at <= word.gone_ms END
RETURNING word.place
"""
DOUBT = f"UPDATE device SET doubt_at = %(now)s FROM {_WORDS} AND word.gone_ms IS NULL AND doubt_at IS NULL"
PROVE = "UPDATE audience SET proven_seq = greatest(proven_seq, least(%s, next_seq)) WHERE id = %s"
EXHUME = """
UPDATE device SET state = 0, gone_at = NULL, gone_reason = NULL, version = version + 1
 WHERE audience = %(audience)s AND seq = ANY (ARRAY (
    SELECT seq FROM device WHERE audience = %(audience)s AND state = 1 AND gone_at >= %(since)s
       AND (%(reason)s = '' OR gone_reason = %(reason)s) LIMIT %(limit)s))
RETURNING seq
"""
RETAIN = """
DELETE FROM device WHERE audience = %(audience)s AND state = 1 AND gone_at < %(before)s AND seq = ANY (ARRAY (
    SELECT seq FROM device WHERE audience = %(audience)s AND state = 1 AND gone_at < %(before)s LIMIT %(limit)s))
"""


async def _all(connection: _Connection, statement: str, values: Any = None) -> list[Any]:
    found = await connection.execute(statement, values, prepare=True, binary=True)
    return await found.fetchall()


async def locked_audience(connection: _Connection, where: Scope, provider: str, token_kind: str) -> tuple[int, int]:
    """Its id and next seq; made when it is not there yet."""
    key = {**place(where), "provider": provider, "kind": token_kind}
    found = await _all(connection, _LOCK_KIND, key)
    if not found:
        await connection.execute(_ENTER, key)
        found = await _all(connection, _LOCK_KIND, key)
    return found[0][0], found[0][1]


async def register(connection: _Connection, where: Scope, devices: Sequence[Device], now_ms: int) -> list[Registration]:
    """In order, so that a token or an installation named twice ends with the last."""
    place(where)
    done: dict[int, Registration] = {}
    for kind in sorted({(device.provider, device.token_kind) for device in devices}):
        mine = {at: one for at, one in enumerate(devices) if (one.provider, one.token_kind) == kind}
        audience, next_seq = await locked_audience(connection, where, *kind)
        touched = Touched(next_seq)
        touched.load(await _touched(connection, audience, list(mine.values())))
        done |= {at: touched.register(one, now_ms) for at, one in mine.items()}
        await _write(connection, audience, touched, next_seq)
        await invalidations.enter_revived(connection, audience, touched.revived, now_ms)
    return [done[at] for at in range(len(devices))]


async def _touched(connection: _Connection, audience: int, devices: Sequence[Device]) -> list[Device]:
    """The rows of the installations, and those that hold one of the tokens."""
    provider, kind = devices[0].provider, devices[0].token_kind
    tokens = [forms.token(provider, device.token) for device in devices]
    wanted = {
        "audience": audience, "installations": [forms.installation(device.installation_id) for device in devices],
        "tokens": tokens, "ends": [token[-8:] for token in tokens],
    }  # fmt: skip
    return [forms.device_of(provider, kind, row) for row in await _all(connection, TOUCHED, wanted)]


async def _write(connection: _Connection, audience: int, touched: Touched, next_seq: int) -> None:
    if touched.gone:
        await connection.execute(_DELETE, (audience, list(touched.gone)))
    rows = [_row(audience, device) for device in touched.written.values()]
    await connection.execute(WRITE, (_json(rows),), prepare=True)
    if touched.gained or touched.next_seq != next_seq:
        await connection.execute(GROW, (touched.gained, touched.next_seq - next_seq, audience), prepare=True)


def _row(audience: int, device: Device) -> dict[str, Any]:
    values = (
        audience, device.seq, _hexed(forms.installation(device.installation_id)),
        _hexed(forms.token(device.provider, device.token)), device.user, device.app_version, device.build,
        stored_tags(device.tags), stored_test(device), 0, device.registered_at, device.version,
    )  # fmt: skip
    return dict(zip(_COLUMNS, values, strict=True))


def _hexed(value: bytes) -> str:
    return "\\x" + value.hex()


def _json(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows).decode()


async def remove(connection: _Connection, where: Scope, installation_id: str) -> int:
    """How many rows went."""
    audiences = [row[0] for row in await _all(connection, _LOCK_PLACE, place(where))]
    gone = await _all(connection, REMOVE, (audiences, forms.installation(installation_id)))
    for audience, state in gone:
        await _resize(connection, audience, -(state == 0))
    return len(gone)


async def empty(connection: _Connection, where: Scope, limit: int) -> int:
    """Deletes at most `limit` devices of each audience. How many went."""
    gone = 0
    for audience, *_ in await _all(connection, _LOCK_PLACE, place(where)):
        states = await _all(connection, EMPTY, {"audience": audience, "limit": limit})
        await _resize(connection, audience, -sum(state == 0 for (state,) in states))
        gone += len(states)
    return gone


async def bury(connection: _Connection, audience: int, dead: Sequence[DeadToken], now_ms: int) -> list[int]:
    """The seqs buried now; one without a timestamp is only doubted the first time."""
    provider = await _all(connection, _LOCK, (audience,))
    if not provider:
        return []
    told = [
        {"place": at, "seq": word.seq, "token": _hexed(forms.token(provider[0][0], word.token.decode())),
         "gone_ms": word.gone_ms, "reason": word.reason}
        for at, word in enumerate(dead)
    ]  # fmt: skip
    said = {"audience": audience, "words": _json(told), "now": now_ms}
    places = await _all(connection, BURY, {**said, "before": now_ms - SECOND_WORD_MS})
    if any(word.gone_ms is None for word in dead):
        await connection.execute(DOUBT, said, prepare=True)
    buried = [dead[place] for (place,) in sorted(places)]
    await _resize(connection, audience, -len(buried))
    await invalidations.enter(connection, audience, buried, now_ms)
    return [word.seq for word in buried]


async def exhume(connection: _Connection, audience: int, since_ms: int, reason: str, limit: int) -> list[int]:
    """At most `limit` of them: the seqs that came back."""
    await connection.execute(_LOCK, (audience,))
    wanted = {"audience": audience, "since": since_ms, "reason": reason, "limit": limit}
    back = [row[0] for row in await _all(connection, EXHUME, wanted)]
    await _resize(connection, audience, len(back))
    return back


async def retain(connection: _Connection, before_ms: int, limit: int) -> int:
    """Drops tombstones from before then, at most `limit` an audience. How many went."""
    dropped = 0
    for (audience,) in await _all(connection, "SELECT id FROM audience ORDER BY id"):
        wanted = {"audience": audience, "before": before_ms, "limit": limit}
        dropped += (await connection.execute(RETAIN, wanted, prepare=True)).rowcount
    return dropped


async def _resize(connection: _Connection, audience: int, by: int) -> None:
    if by:
        await connection.execute(GROW, (by, 0, audience), prepare=True)
