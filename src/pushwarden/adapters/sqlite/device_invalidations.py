"""Entering and reading invalidations, each in the transaction that is open."""

# ruff: noqa: S608 -- only constants are put together
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pushwarden.adapters.device_rows import INSTALLATION, TOKEN, read_installation
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.core.invalidation import Invalidation, Step, TokenState, raw_step
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.devices import DeadToken

_COLUMNS = """
organisation, app, environment, provider, token_kind, token, state, installation, person, reason, gone_ms, at, push
"""
_ENTER = f"""
INSERT INTO invalidation ({_COLUMNS})
SELECT a.organisation, a.app, a.environment, a.provider, a.token_kind, {TOKEN}, ?3, {INSTALLATION}, person, ?4, ?5, ?6,
  ?7
FROM device d CROSS JOIN audience a ON a.id = d.audience WHERE d.audience = ?1 AND d.seq = ?2
"""
ENTER_REVIVED = f"""
INSERT INTO invalidation ({_COLUMNS})
SELECT a.organisation, a.app, a.environment, a.provider, a.token_kind, {TOKEN}, 'revived', {INSTALLATION}, person, '',
  NULL, ?3, ''
FROM json_each(?2) CROSS JOIN device d ON d.audience = ?1 AND d.seq = value CROSS JOIN audience a ON a.id = d.audience
"""
_ENTER_RAW = f"INSERT INTO invalidation ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, '', '', ?, ?, ?, ?)"
LAST = """
SELECT state, gone_ms, at FROM invalidation INDEXED BY invalidation_token
WHERE token = ? AND organisation = ? AND app = ? AND environment = ? AND provider = ? AND installation = ''
ORDER BY number DESC LIMIT 1
"""
_DOUBTS_END = """
DELETE FROM invalidation WHERE token = ? AND organisation = ? AND app = ? AND environment = ? AND provider = ?
  AND state = 'doubted'
"""
LISTED = """
SELECT number, state, environment, provider, token_kind, token, installation, person, reason, gone_ms, at, push
FROM invalidation
WHERE organisation = ?1 AND app = ?2 AND number > ?3 AND (?4 = '' OR environment = ?4) AND state <> 'doubted'
ORDER BY number LIMIT ?5
"""
NUMBER_BEFORE = """
SELECT coalesce((SELECT number - 1 FROM invalidation WHERE at >= ?1 ORDER BY at, number LIMIT 1),
                (SELECT max(number) FROM invalidation), 0)
"""
NAMES = f"""
SELECT json_group_array(json_array(seq, {INSTALLATION}, person)) FROM device
WHERE audience = ?1 AND seq IN (SELECT value FROM json_each(?2))
"""
FORGET = """
DELETE FROM invalidation WHERE number IN (
  SELECT number FROM invalidation INDEXED BY invalidation_at WHERE at < ?1 ORDER BY at LIMIT ?2)
"""
_NAMED = msgspec.json.Decoder(list[tuple[int, str, str]])


def enter(connection: sqlite3.Connection, audience: int, word: DeadToken, now_ms: int) -> None:
    """The provider's word on a device that has just been buried."""
    values = (TokenState.GONE, word.reason, word.gone_ms, now_ms, word.push)
    connection.execute(_ENTER, (audience, word.seq, *values))


def enter_revived(connection: sqlite3.Connection, audience: int, seqs: Sequence[int], now_ms: int) -> None:
    """Devices whose token was called gone and lives again."""
    if seqs:
        connection.execute(ENTER_REVIVED, (audience, msgspec.json.encode(seqs).decode(), now_ms))


def invalidate(
    connection: sqlite3.Connection, place: tuple[str, str, str], provider: str, dead: Sequence[DeadToken], now_ms: int
) -> int:
    """Words on raw tokens; how many were entered as gone."""
    return sum(_raw(connection, (*place, provider), word, now_ms) for word in dead)


def _raw(connection: sqlite3.Connection, place: tuple[str, str, str, str], word: DeadToken, now_ms: int) -> bool:
    token = word.token.decode()
    last = connection.execute(LAST, (token, *place)).fetchone()
    step = raw_step(last, word.gone_ms, now_ms)
    if step is Step.NOTHING:
        return False
    state = TokenState.GONE if step is Step.ENTER else TokenState.DOUBTED
    connection.execute(_DOUBTS_END, (token, *place))
    values = (word.token_kind, token, state, word.reason, word.gone_ms, now_ms, word.push)
    connection.execute(_ENTER_RAW, (*place, *values))
    return step is Step.ENTER


def listed(connection: sqlite3.Connection, where: Scope, after: int, limit: int) -> list[Invalidation]:
    parameters = (where.organisation, where.app, after, where.environment or "", limit)
    return [_entry(row) for row in connection.execute(LISTED, parameters).fetchall()]


def _entry(row: tuple[Any, ...]) -> Invalidation:
    number, state, environment, provider, kind, token, installation, *rest = row
    name = read_installation(installation) if installation else ""
    return Invalidation(number, TokenState(state), Environment(environment), provider, kind, token, name, *rest)


def names(connection: sqlite3.Connection, audience: int, seqs: Sequence[int]) -> dict[int, tuple[str, str]]:
    wanted = msgspec.json.encode(list(seqs)).decode()
    rows = _NAMED.decode(connection.execute(NAMES, (audience, wanted)).fetchone()[0])
    return {seq: (read_installation(installation), user) for seq, installation, user in rows}
