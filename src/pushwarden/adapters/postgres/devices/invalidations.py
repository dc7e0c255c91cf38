"""Entering and reading invalidations. Who enters holds one lock to the commit, so that numbers come in its order."""

# ruff: noqa: S608 -- only constants are put together
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg import AsyncConnection

from pushwarden.adapters.postgres.devices.forms import TOKEN, read_installation
from pushwarden.core.invalidation import Invalidation, Step, TokenState, raw_step
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.devices import DeadToken

_Connection = AsyncConnection[Any]
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('pushwarden invalidations'))"
_COLUMNS = (
    "organisation", "app", "environment", "provider", "token_kind", "token", "state", "installation", "person",
    "reason", "gone_ms", "at", "push",
)  # fmt: skip
ENTER = f"""
INSERT INTO invalidation ({", ".join(_COLUMNS)})
SELECT organisation, app, environment, provider, token_kind, {TOKEN}, %(state)s, encode(installation, 'hex'), person,
       said.reason, said.gone_ms, %(now)s, said.push
  FROM ROWS FROM (json_to_recordset(%(said)s) AS (seq bigint, reason text, gone_ms bigint, push text)) WITH ORDINALITY
       AS said
  JOIN device ON device.audience = %(audience)s AND device.seq = said.seq JOIN audience ON audience.id = device.audience
 ORDER BY ordinality
"""
_ENTER_RAW = f"""
INSERT INTO invalidation ({", ".join(_COLUMNS)})
SELECT {", ".join(f"raw.{column}" for column in _COLUMNS)}
  FROM ROWS FROM (json_populate_recordset(NULL::invalidation, %s)) WITH ORDINALITY AS raw ORDER BY ordinality
"""
_RAW = """
organisation = %(organisation)s AND app = %(app)s AND environment = %(environment)s AND provider = %(provider)s
   AND token = ANY (%(tokens)s)
"""
LAST = f"""
SELECT DISTINCT ON (token) token, state, gone_ms, at FROM invalidation WHERE {_RAW} AND installation = ''
 ORDER BY token, number DESC
"""
_DOUBTS_END = f"DELETE FROM invalidation WHERE {_RAW} AND state = 'doubted'"
LISTED = """
SELECT number, state, environment, provider, token_kind, token, installation, person, reason, gone_ms, at, push
  FROM invalidation
 WHERE organisation = %(organisation)s AND app = %(app)s AND number > %(after)s
   AND (%(environment)s = '' OR environment = %(environment)s) AND state <> 'doubted'
 ORDER BY number LIMIT %(limit)s
"""
NUMBER_BEFORE = """
SELECT coalesce((SELECT number - 1 FROM invalidation WHERE at >= %s ORDER BY at, number LIMIT 1),
                (SELECT max(number) FROM invalidation), 0)
"""
NAMES = "SELECT seq, installation, person FROM device WHERE audience = %s AND seq = ANY (%s)"
FORGET = """
DELETE FROM invalidation WHERE number = ANY (ARRAY (
    SELECT number FROM invalidation WHERE at < %s ORDER BY at LIMIT %s))
"""


async def _all(connection: _Connection, statement: str, values: Any) -> list[Any]:
    found = await connection.execute(statement, values, prepare=True, binary=True)
    return await found.fetchall()


def _json(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows).decode()


async def enter(connection: _Connection, audience: int, words: Sequence[DeadToken], now_ms: int) -> None:
    """The provider's words on devices that have just been buried."""
    said = [{"seq": one.seq, "reason": one.reason, "gone_ms": one.gone_ms, "push": one.push} for one in words]
    await _enter(connection, audience, TokenState.GONE, said, now_ms)


async def enter_revived(connection: _Connection, audience: int, seqs: Sequence[int], now_ms: int) -> None:
    """Devices whose token was called gone and lives again."""
    said = [{"seq": seq, "reason": "", "gone_ms": None, "push": ""} for seq in seqs]
    await _enter(connection, audience, TokenState.REVIVED, said, now_ms)


async def _enter(connection: _Connection, audience: int, state: TokenState, said: Sequence[Any], now_ms: int) -> None:
    if said:
        await connection.execute(_LOCK)
        values = {"audience": audience, "state": state, "said": _json(said), "now": now_ms}
        await connection.execute(ENTER, values, prepare=True)


async def invalidate(
    connection: _Connection, place: dict[str, str], provider: str, dead: Sequence[DeadToken], now_ms: int
) -> int:
    """Words on raw tokens; how many were entered as gone. In a transaction."""
    await connection.execute(_LOCK)
    tokens = [word.token.decode() for word in dead]
    known = {**place, "provider": provider, "tokens": tokens}
    last = {token: (state, gone_ms, at) for token, state, gone_ms, at in await _all(connection, LAST, known)}
    entries: list[dict[str, Any]] = []
    changed = set[str]()
    for token, word in zip(tokens, dead, strict=True):
        step = raw_step(last.get(token), word.gone_ms, now_ms)
        if step is Step.NOTHING:
            continue
        state = TokenState.GONE if step is Step.ENTER else TokenState.DOUBTED
        last[token] = (state, word.gone_ms, now_ms)
        changed.add(token)
        entries = [one for one in entries if one["token"] != token or one["state"] != TokenState.DOUBTED]
        entries.append({
            **place, "provider": provider, "token_kind": word.token_kind, "token": token, "state": state,
            "installation": "", "person": "", "reason": word.reason, "gone_ms": word.gone_ms, "at": now_ms,
            "push": word.push,
        })  # fmt: skip
    await connection.execute(_DOUBTS_END, {**known, "tokens": list(changed)})
    await connection.execute(_ENTER_RAW, (_json(entries),))
    return sum(one["state"] == TokenState.GONE for one in entries)


async def listed(connection: _Connection, where: Scope, after: int, limit: int) -> list[Invalidation]:
    wanted = {
        "organisation": where.organisation, "app": where.app, "environment": where.environment or "", "after": after,
        "limit": limit,
    }  # fmt: skip
    return [_entry(row) for row in await _all(connection, LISTED, wanted)]


def _entry(row: Sequence[Any]) -> Invalidation:
    number, state, environment, provider, kind, token, installation, *rest = row
    name = read_installation(bytes.fromhex(installation)) if installation else ""
    return Invalidation(number, TokenState(state), Environment(environment), provider, kind, token, name, *rest)


async def number_before(connection: _Connection, at_ms: int) -> int:
    ((number,),) = await _all(connection, NUMBER_BEFORE, (at_ms,))
    return int(number)


async def names(connection: _Connection, audience: int, seqs: Sequence[int]) -> dict[int, tuple[str, str]]:
    rows = await _all(connection, NAMES, (audience, list(seqs)))
    return {seq: (read_installation(installation), user) for seq, installation, user in rows}
