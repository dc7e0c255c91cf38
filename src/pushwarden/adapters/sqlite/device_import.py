"""Importing: thousands of devices of one audience a transaction, decided by a few statements over all at once."""

# Each step of a statement gives the GIL up and waits for it again, and binding a value costs 0.4 µs (measured): so the
# rows go in as two packed blobs and one JSON array, and no statement answers more than one row. What else was measured
# is in docs/decisions/device-import.md.

# ruff: noqa: S608 -- only constants are put together
from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from pushwarden.adapters.device_rows import stored_installation, stored_tags, stored_token
from pushwarden.adapters.device_runs import runs
from pushwarden.adapters.sqlite.device_invalidations import ENTER_REVIVED
from pushwarden.adapters.sqlite.device_writes import audience_of
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.core.device_rules import Entry
from pushwarden.core.scope import Scope
from pushwarden.ports.devices import Imported

_SLICE = 512
"""Devices turned into columns together; with 16,384 their tuples leave the processor's cache (twice the time)."""

CACHE_KIB = 262_144
"""While importing: three indexes over a million devices take 80 MB, and each row goes to a random page of each."""

STAGING = """
PRAGMA temp_store=MEMORY;
CREATE TEMP TABLE IF NOT EXISTS incoming (pos INTEGER PRIMARY KEY, installation, token, person, profile, seq);
CREATE TEMP TABLE IF NOT EXISTS profile (id INTEGER PRIMARY KEY, app_version, build, tags, test, registered_at, gone_at,
                                         gone_reason);
CREATE TEMP TABLE IF NOT EXISTS changed (seq INTEGER PRIMARY KEY, token, person, app_version, build, tags, test, state,
                                         registered_at, gone_at, gone_reason, same, fresh, was);
CREATE TEMP TABLE IF NOT EXISTS buried (token);
"""
_PROFILES = """
INSERT INTO profile
SELECT key, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 FROM json_each(?)
"""
_PACKED = """
INSERT INTO incoming (installation, token, person, profile)
SELECT substr(?1, key * 16 + 1, 16), substr(?2, key * ?3 + 1, ?3), value,
  CAST(CAST(substr(?4, key * 5 + 1, 5) AS TEXT) AS INTEGER)
FROM json_each(?5) ORDER BY 1
"""
_BOUND = "INSERT INTO incoming (installation, token, person, profile) VALUES (?, ?, ?, ?)"
_FIND = """
UPDATE incoming SET seq = (SELECT seq FROM device WHERE audience = ?1 AND device.installation = incoming.installation)
"""
_KNOWN = "SELECT count(seq) FROM incoming"
# A known device whose token stays is not asked about: no other has it.
_HOLDERS = """
SELECT json_group_array(d.seq), sum(d.state = 0), count(*)
FROM {rows} CROSS JOIN device d INDEXED BY device_token
WHERE d.audience = ?1 AND d.token_end = substr(i.token, -8) AND d.token = i.token
  AND d.seq NOT IN (SELECT seq FROM incoming WHERE seq IS NOT NULL)
"""
_MOVED_TO_NEW = _HOLDERS.format(rows="(SELECT token FROM incoming WHERE seq IS NULL) i")
_MOVED_TO_KNOWN = _HOLDERS.format(rows="(SELECT token FROM changed WHERE fresh) i")
_BURIED = """
INSERT INTO buried
SELECT token FROM device WHERE audience = ?1 AND seq IN (SELECT value FROM json_each(?2)) AND state = 1
"""
_EVICT = "DELETE FROM device WHERE audience = ?1 AND seq IN (SELECT value FROM json_each(?2))"
_LIVE_ELSEWHERE = """
SELECT json_group_array(d.seq) FROM buried b CROSS JOIN device d INDEXED BY device_token
WHERE d.audience = ?1 AND d.token_end = substr(b.token, -8) AND d.token = b.token AND d.state = 0
"""
_CREATE = """
INSERT INTO device
SELECT ?1, {number}, installation, token, person, app_version, build, tags, test,
  gone_at IS NOT NULL, registered_at, gone_at, iif(gone_at IS NULL, NULL, gone_reason), NULL, 1
FROM incoming i CROSS JOIN profile p ON p.id = i.profile WHERE i.seq IS NULL
"""
_INSERT = _CREATE.format(number="?2 - 1 + row_number() OVER (ORDER BY pos)")
_INSERT_ALL = _CREATE.format(number="?2 - 1 + pos")
# A device that a person made a test device (test = 2) stays one.
# A tombstone stays over the same token unless the line says the app registered later; a line may bring a tombstone only
# for a registration that is not newer.
_COMPARE = """
INSERT INTO changed
SELECT seq, token, person, app_version, build, tags, test, new_state, registered_at,
  CASE WHEN stays THEN d_gone_at WHEN new_state THEN gone_at END,
  CASE WHEN stays THEN d_gone_reason WHEN new_state THEN gone_reason END, same, fresh, d_state
FROM (
  SELECT *,
    CASE WHEN stays THEN 1 WHEN gone_at IS NULL THEN 0 ELSE fresh OR d_registered_at <= gone_at END AS new_state
  FROM (
    SELECT d.seq, i.token, i.person, p.app_version, p.build, p.tags, iif(d.test = 2, 2, p.test) AS test, p.gone_at,
      p.gone_reason,
      CASE WHEN d.token IS i.token THEN max(d.registered_at, p.registered_at) ELSE p.registered_at END AS registered_at,
      d.token IS i.token AND d.state = 1 AND NOT (p.gone_at IS NULL AND p.registered_at > d.gone_at) AS stays,
      d.token IS NOT i.token AS fresh, (d.token, d.person) IS (i.token, i.person) AS same,
      d.state AS d_state, d.registered_at AS d_registered_at,
      d.gone_at AS d_gone_at, d.gone_reason AS d_gone_reason,
      (d.app_version, d.build, d.tags, d.test)
        IS (p.app_version, p.build, p.tags, iif(d.test = 2, 2, p.test)) AS alike
    FROM incoming i CROSS JOIN profile p ON p.id = i.profile CROSS JOIN device d ON d.audience = ?1 AND d.seq = i.seq
    WHERE i.seq IS NOT NULL
  )
  WHERE NOT (same AND alike AND registered_at = d_registered_at)
    OR d_state IS NOT new_state
)
"""
_FIELDS = """
app_version = {of}.app_version, build = {of}.build, tags = {of}.tags, test = {of}.test, state = {of}.state,
registered_at = {of}.registered_at, gone_at = {of}.gone_at, gone_reason = {of}.gone_reason, version = device.version + 1
"""
# An upsert by a key that is always there: it visits each row once, UPDATE … FROM twice.
_UPDATE = f"""
INSERT INTO device (audience, seq, installation, token, person, app_version, build, tags, test, state, registered_at,
                    gone_at, gone_reason, version)
SELECT ?1, seq, '', '', '', app_version, build, tags, test, state, registered_at, gone_at, gone_reason, 1
FROM changed WHERE same
ON CONFLICT (audience, seq) DO UPDATE SET {_FIELDS.format(of="excluded")}
"""
_UPDATE_KEYS = f"""
UPDATE device
SET token = c.token, person = c.person, doubt_at = iif(device.token IS c.token, doubt_at, NULL),
  {_FIELDS.format(of="c")}
FROM changed c
WHERE device.audience = ?1 AND device.seq IN (SELECT seq FROM changed WHERE NOT same) AND c.seq = device.seq
"""
_REVIVED = "SELECT json_group_array(seq), count(*) FROM changed WHERE was = 1 AND state = 0 AND NOT fresh"
_CREATED_LIVE = """
SELECT count(*) FROM incoming i CROSS JOIN profile p ON p.id = i.profile WHERE i.seq IS NULL AND p.gone_at IS NULL
"""
_GAINED = "SELECT sum(was - state) FROM changed"
_GROW = "UPDATE audience SET size = size + ?2, next_seq = next_seq + ?3 WHERE id = ?1"


class Packed(msgspec.Struct, frozen=True):
    """Columns of devices of one audience, in stored form. places: each row's profile (what many rows share)."""

    provider: str
    token_kind: str
    installations: bytes | list[bytes | str]
    tokens: bytes | list[bytes | str]
    people: Sequence[str]
    places: bytes
    profiles: list[tuple[Any, ...]]

    def __repr__(self) -> str:
        return f"<{len(self.people)} devices to import>"


def pack(entries: Sequence[Entry]) -> list[Packed]:
    """The entries as the values the statements bind, to be written in this order."""
    return [_pack(run) for run in runs(entries)]


def _pack(group: Sequence[Entry]) -> Packed:
    ids, tokens, people = list[str](), list[str](), list[str]()
    profiles, places = dict[tuple[Any, ...], int](), list[int]()
    for at in range(0, len(group), _SLICE):
        columns = list(zip(*map(msgspec.structs.astuple, group[at : at + _SLICE]), strict=True))
        ids += columns[0]
        tokens += columns[2]
        people += columns[4]
        shared = list(zip(*columns[5:9], *columns[10:13], strict=True))
        for profile in dict.fromkeys(shared):
            profiles.setdefault(profile, len(profiles))
        places += [profiles[profile] for profile in shared]
    return Packed(
        provider=group[0].provider,
        token_kind=group[0].token_kind,
        installations=_packed_ids(ids),
        tokens=_packed_tokens(group[0].provider, tokens),
        people=people,
        places="".join([f"{place:05}" for place in places]).encode(),
        profiles=[(app, build, stored_tags(tags), int(test), *times) for app, build, tags, test, *times in profiles],
    )


def _packed_ids(ids: Sequence[str]) -> bytes | list[bytes | str]:
    """16 bytes each in one piece when all are lower-case UUIDs, as nearly always."""
    joined, count = "".join(ids), len(ids)
    uuids = all(joined[at::36] == "-" * count for at in (8, 13, 18, 23)) and set(map(len, ids)) == {36}
    if uuids and joined.lower() == joined and joined.count("-") == 4 * count and joined.isascii() and " " not in joined:
        with contextlib.suppress(ValueError):
            return bytes.fromhex(joined.replace("-", ""))
    return [stored_installation(one) for one in ids]


def _packed_tokens(provider: str, tokens: Sequence[str]) -> bytes | list[bytes | str]:
    """One piece when all are APNs tokens of one even length."""
    widths = set(map(len, tokens))
    if provider == "apns" and len(widths) == 1 and not len(tokens[0]) % 2:
        return bytes.fromhex("".join(tokens))
    return [stored_token(provider, token) for token in tokens]


class Written(msgspec.Struct, frozen=True):
    """seconds: how long the file was locked for it, without the commit."""

    counts: Imported
    seconds: float


def import_piece(connection: sqlite3.Connection, where: Scope, packed: Packed) -> Written:
    """All of it in the transaction that is open."""
    began = time.monotonic()
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    audience, next_seq = audience_of(connection, where, packed.provider, packed.token_kind)
    run = connection.execute
    _stage(connection, packed)
    run(_FIND, (audience,))
    known = run(_KNOWN).fetchone()[0]
    updated = run(_COMPARE, (audience,)).rowcount if known else 0
    moved, lost = _evict(connection, audience, updated)
    created = run(_INSERT if known else _INSERT_ALL, (audience, next_seq)).rowcount
    gained = run(_CREATED_LIVE).fetchone()[0] if created else 0
    gained += _update(connection, audience) if updated else 0
    run(_GROW, (audience, gained - lost, created))
    if moved > lost:
        _enter_revived(connection, audience, run(_LIVE_ELSEWHERE, (audience,)).fetchone()[0])
    counts = Imported(created, updated, len(packed.people) - created - updated, moved)
    return Written(counts, time.monotonic() - began)


def _evict(connection: sqlite3.Connection, audience: int, updated: int) -> tuple[int, int]:
    """Removes rows of installations outside the piece that hold a token of it: how many, and how many were live."""
    moved = lost = 0
    for holders in (_MOVED_TO_NEW, _MOVED_TO_KNOWN) if updated else (_MOVED_TO_NEW,):
        seqs, live, count = connection.execute(holders, (audience,)).fetchone()
        if count > (live or 0):
            connection.execute(_BURIED, (audience, seqs))
        if count:
            connection.execute(_EVICT, (audience, seqs))
            moved, lost = moved + count, lost + live
    return moved, lost


def _update(connection: sqlite3.Connection, audience: int) -> int:
    connection.execute(_UPDATE, (audience,))
    connection.execute(_UPDATE_KEYS, (audience,))
    gained: int = connection.execute(_GAINED).fetchone()[0]
    seqs, revived = connection.execute(_REVIVED).fetchone()
    if revived:
        _enter_revived(connection, audience, seqs)
    return gained


def _enter_revived(connection: sqlite3.Connection, audience: int, seqs: str) -> None:
    connection.execute(ENTER_REVIVED, (audience, seqs, time.time_ns() // 1_000_000))


def _stage(connection: sqlite3.Connection, packed: Packed) -> None:
    """Rows by installation, so that they are found and entered in its index in order."""
    for table in ("incoming", "profile", "changed", "buried"):
        connection.execute(f"DELETE FROM {table}")
    connection.execute(_PROFILES, (_json(packed.profiles),))
    ids, tokens, count = packed.installations, packed.tokens, len(packed.people)
    if isinstance(ids, bytes) and isinstance(tokens, bytes):
        connection.execute(_PACKED, (ids, tokens, len(tokens) // count, packed.places, _json(packed.people)))
        return
    places = [int(packed.places[at : at + 5]) for at in range(0, 5 * count, 5)]
    rows = list(zip(_apart(ids, count), _apart(tokens, count), packed.people, places, strict=True))
    rows.sort(key=_order)
    connection.executemany(_BOUND, rows)


def _order(row: tuple[bytes | str, bytes | str, str, int]) -> tuple[bool, bytes | str]:
    return isinstance(row[0], bytes), row[0]


def _apart(column: bytes | list[bytes | str], count: int) -> Sequence[bytes | str]:
    if isinstance(column, list):
        return column
    width = len(column) // count
    return [column[at : at + width] for at in range(0, len(column), width)]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
