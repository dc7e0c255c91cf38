"""What changes devices one by one: registering, opting out, burying and digging up. Each runs in one transaction."""

# ruff: noqa: S608 -- only constants are put together
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pushwarden.adapters.device_rows import (
    AS_JSON,
    DECODE_ROWS,
    read_device,
    stored_installation,
    stored_tags,
    stored_test,
    stored_token,
)
from pushwarden.adapters.sqlite import device_invalidations as invalidations
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.core.device import Device, DeviceState, keeping_mark
from pushwarden.core.errors import Conflict
from pushwarden.core.invalidation import SECOND_WORD_MS
from pushwarden.core.scope import Scope
from pushwarden.ports.devices import DeadToken, Registration

_PLACE = "organisation = ? AND app = ? AND environment = ?"
_ENTER = """
INSERT INTO audience (organisation, app, environment, provider, token_kind, size, next_seq) VALUES (?, ?, ?, ?, ?, 0, 0)
ON CONFLICT DO NOTHING
"""
_AUDIENCE = f"SELECT id, next_seq FROM audience WHERE {_PLACE} AND provider = ? AND token_kind = ?"
_AUDIENCES = f"SELECT id, provider, token_kind FROM audience WHERE {_PLACE} ORDER BY id"
_OLD = f"SELECT json_array({AS_JSON}) FROM device WHERE audience = ? AND installation = ?"
_EVICT = """
DELETE FROM device INDEXED BY device_token
WHERE audience = ? AND token_end = ? AND token = ? AND installation <> ? RETURNING state
"""
_INSERT = "INSERT INTO device VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, NULL, NULL, NULL, 1)"
_UPDATE = """
UPDATE device SET token = ?, person = ?, app_version = ?, build = ?, tags = ?, test = ?, state = 0, registered_at = ?,
gone_at = NULL, gone_reason = NULL, doubt_at = NULL, version = ? WHERE audience = ? AND seq = ?
"""
_SEEN = "UPDATE device SET registered_at = ?, doubt_at = NULL WHERE audience = ? AND seq = ?"
_GROW = "UPDATE audience SET size = size + ?, next_seq = next_seq + ? WHERE id = ?"
_REMOVE = "DELETE FROM device WHERE audience = ? AND installation = ? RETURNING state"
_BURY = """
UPDATE device SET state = 1, gone_at = ?, gone_reason = ?, doubt_at = NULL, version = version + 1
WHERE audience = ? AND seq = ? AND token = ? AND state = 0 AND registered_at <= ?
"""
_SECOND_WORD = """
UPDATE device SET state = 1, gone_at = ?, gone_reason = ?, doubt_at = NULL, version = version + 1
WHERE audience = ? AND seq = ? AND token = ? AND state = 0 AND doubt_at <= ?
"""
_DOUBT = (
    "UPDATE device SET doubt_at = ? WHERE audience = ? AND seq = ? AND token = ? AND state = 0 AND doubt_at IS NULL"
)
_PROVE = "UPDATE audience SET proven_seq = max(proven_seq, min(?2, next_seq)) WHERE id = ?1"
_EXHUME = """
UPDATE device SET state = 0, gone_at = NULL, gone_reason = NULL, version = version + 1
WHERE audience = ?1 AND seq IN (
  SELECT seq FROM device INDEXED BY device_gone
  WHERE audience = ?1 AND state = 1 AND gone_at >= ?2 AND (?3 = '' OR gone_reason = ?3) LIMIT ?4)
RETURNING seq
"""

_RETAIN = """
DELETE FROM device WHERE audience = ?1 AND seq IN (
  SELECT seq FROM device INDEXED BY device_gone WHERE audience = ?1 AND state = 1 AND gone_at < ?2 LIMIT ?3)
"""
_EMPTY = """
DELETE FROM device WHERE audience = ?1 AND seq IN (SELECT seq FROM device WHERE audience = ?1 ORDER BY seq LIMIT ?2)
RETURNING state
"""


def place(where: Scope) -> tuple[str, str, str]:
    """The environment's columns. ValueError when the scope is not exactly an environment."""
    if not (where.organisation and where.app and where.environment):
        raise ValueError("devices belong to an organisation, an app and an environment")
    return where.organisation, where.app, where.environment.value


def audience_of(connection: sqlite3.Connection, where: Scope, provider: str, token_kind: str) -> tuple[int, int]:
    """Its id and next seq; made when it is not there yet."""
    key = (*place(where), provider, token_kind)
    found = connection.execute(_AUDIENCE, key).fetchone()
    if found is None:
        connection.execute(_ENTER, key)
        found = connection.execute(_AUDIENCE, key).fetchone()
    return found[0], found[1]


def audience_rows(connection: sqlite3.Connection, where: Scope) -> list[tuple[int, str, str]]:
    """(id, provider, token kind) of the environment's audiences."""
    return connection.execute(_AUDIENCES, place(where)).fetchall()


def register(
    connection: sqlite3.Connection, where: Scope, devices: Sequence[Device], now_ms: int
) -> list[Registration]:
    """In order, so that a token or an installation named twice ends with the last."""
    return [_register(connection, where, device, now_ms) for device in devices]


def _register(connection: sqlite3.Connection, where: Scope, device: Device, now_ms: int) -> Registration:
    audience, next_seq = audience_of(connection, where, device.provider, device.token_kind)
    installation, token = stored_installation(device.installation_id), stored_token(device.provider, device.token)
    old = _stored(connection, audience, device)
    if device.version and device.version != (old.version if old else 0):
        raise Conflict("The device was changed since you read it; read it again.", version=old.version if old else 0)
    moved = connection.execute(_EVICT, (audience, token[-8:], token, installation)).fetchall()
    lost = sum(state == 0 for (state,) in moved)
    wish = replace(
        device, state=DeviceState.LIVE, registered_at=now_ms, gone_at=None, gone_reason="",
        seq=old.seq if old else next_seq, version=old.version if old else 1,
    )  # fmt: skip
    wish = keeping_mark(old, wish)
    fields = (token, wish.user, wish.app_version, wish.build, stored_tags(wish.tags), stored_test(wish))
    if old is None:
        connection.execute(_INSERT, (audience, next_seq, installation, *fields, now_ms))
        change, gained = "created", 1
    elif wish == replace(old, registered_at=now_ms):
        connection.execute(_SEEN, (now_ms, audience, old.seq))
        change, gained = "unchanged", 0
    else:
        wish = replace(wish, version=old.version + 1)
        connection.execute(_UPDATE, (*fields, now_ms, wish.version, audience, old.seq))
        gained = int(old.state is DeviceState.GONE)
        change = "revived" if gained else "updated"
    if gained != lost or old is None:
        connection.execute(_GROW, (gained - lost, int(old is None), audience))
    if len(moved) > lost or (old and old.state is DeviceState.GONE and old.token == wish.token):
        invalidations.enter_revived(connection, audience, [wish.seq], now_ms)
    return Registration(wish, change, len(moved))


def _stored(connection: sqlite3.Connection, audience: int, device: Device) -> Device | None:
    found = connection.execute(_OLD, (audience, stored_installation(device.installation_id))).fetchone()
    return read_device(device.provider, device.token_kind, DECODE_ROWS.decode(found[0])[0]) if found else None


def remove(connection: sqlite3.Connection, where: Scope, installation_id: str) -> int:
    """How many rows went."""
    removed = 0
    for audience, _, _ in audience_rows(connection, where):
        gone = connection.execute(_REMOVE, (audience, stored_installation(installation_id))).fetchall()
        removed += len(gone)
        _resize(connection, audience, -sum(state == 0 for (state,) in gone))
    return removed


def bury(connection: sqlite3.Connection, audience: int, dead: Sequence[DeadToken], now_ms: int) -> list[int]:
    """The seqs buried now; one without a timestamp is only doubted the first time."""
    provider = connection.execute("SELECT provider FROM audience WHERE id = ?", (audience,)).fetchone()
    if provider is None:
        return []
    buried = []
    for word in dead:
        token = stored_token(provider[0], word.token.decode())
        if _bury(connection, (audience, word.seq, token), word, now_ms):
            buried.append(word.seq)
            invalidations.enter(connection, audience, word, now_ms)
    _resize(connection, audience, -len(buried))
    return buried


def _bury(connection: sqlite3.Connection, row: tuple[int, int, bytes | str], word: DeadToken, now_ms: int) -> bool:
    if word.gone_ms is not None:
        return bool(connection.execute(_BURY, (now_ms, word.reason, *row, word.gone_ms)).rowcount)
    if connection.execute(_SECOND_WORD, (now_ms, word.reason, *row, now_ms - SECOND_WORD_MS)).rowcount:
        return True
    connection.execute(_DOUBT, (now_ms, *row))
    return False


def prove(connection: sqlite3.Connection, audience: int, seq: int) -> None:
    connection.execute(_PROVE, (audience, seq))


def exhume(
    connection: sqlite3.Connection, audience: int, *, since_ms: int, reason: str, limit: int, now_ms: int
) -> int:
    """At most `limit` of them. How many came back."""
    back = [seq for (seq,) in connection.execute(_EXHUME, (audience, since_ms, reason, limit)).fetchall()]
    _resize(connection, audience, len(back))
    invalidations.enter_revived(connection, audience, back, now_ms)
    return len(back)


def retain(connection: sqlite3.Connection, before_ms: int, limit: int) -> int:
    """Drops tombstones from before then, at most `limit` an audience. How many went."""
    audiences = connection.execute("SELECT id FROM audience").fetchall()
    return sum(connection.execute(_RETAIN, (audience, before_ms, limit)).rowcount for (audience,) in audiences)


def empty(connection: sqlite3.Connection, where: Scope, limit: int) -> int:
    """Deletes at most `limit` devices of each audience. How many went."""
    gone = 0
    for audience, _, _ in audience_rows(connection, where):
        rows = connection.execute(_EMPTY, (audience, limit)).fetchall()
        _resize(connection, audience, -sum(state == 0 for (state,) in rows))
        gone += len(rows)
    return gone


def _resize(connection: sqlite3.Connection, audience: int, by: int) -> None:
    if by:
        connection.execute(_GROW, (by, 0, audience))
