"""Importing: up to 500 devices of one audience a transaction, decided by a few statements over all of them at once."""

# Each step of a statement gives the GIL up and waits for it again, and binding a value costs 0.4 µs (measured): so the
# rows go in as two packed blobs and one JSON array, and no statement answers more than one row.

# ruff: noqa: S608 -- only constants are put together
from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from pushwarden.adapters.device_rows import stored_installation, stored_tags, stored_token
from pushwarden.adapters.sqlite.device_writes import audience_of
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.core.device_rules import Entry
from pushwarden.core.scope import Scope
from pushwarden.ports.devices import Imported

BATCH = 500
CHUNK = 16_384
"""Devices that are sorted together, so that one transaction writes neighbours in the index of installations."""

STAGING = """
PRAGMA temp_store=MEMORY;
CREATE TEMP TABLE IF NOT EXISTS incoming (pos INTEGER PRIMARY KEY, installation, token, person, profile, seq);
CREATE TEMP TABLE IF NOT EXISTS profile (id INTEGER PRIMARY KEY, app_version, build, tags, test, registered_at, gone_at,
                                         gone_reason);
CREATE TEMP TABLE IF NOT EXISTS changed (seq INTEGER PRIMARY KEY, token, person, app_version, build, tags, test, state,
                                         registered_at, gone_at, gone_reason, same, was);
"""
_PROFILES = """
INSERT INTO profile
SELECT key, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 FROM json_each(?)
"""
_PACKED = """
INSERT INTO incoming SELECT key, substr(?1, key * 16 + 1, 16), substr(?2, key * ?3 + 1, ?3), value,
CAST(CAST(substr(?4, key * 3 + 1, 3) AS TEXT) AS INTEGER), NULL FROM json_each(?5)
"""
_BOUND = "INSERT INTO incoming VALUES (?, ?, ?, ?, ?, NULL)"
_FIND = """
UPDATE incoming SET seq = (SELECT seq FROM device WHERE audience = ?1 AND device.installation = incoming.installation)
"""
_KNOWN = "SELECT count(seq) FROM incoming"
_MOVED = """
SELECT json_group_array(d.seq), sum(d.state = 0), count(*)
FROM incoming i CROSS JOIN device d INDEXED BY device_token
WHERE d.audience = ?1 AND d.token_end = substr(i.token, -8) AND d.token = i.token AND d.seq IS NOT i.seq
  AND NOT EXISTS (SELECT 1 FROM incoming o WHERE o.seq = d.seq)
"""
_EVICT = "DELETE FROM device WHERE audience = ?1 AND seq IN (SELECT value FROM json_each(?2))"
_CREATE = """
INSERT INTO device
SELECT ?1, {number}, installation, token, person, app_version, build, tags, test,
  gone_at IS NOT NULL, registered_at, gone_at, iif(gone_at IS NULL, NULL, gone_reason), NULL, 1
FROM incoming i CROSS JOIN profile p ON p.id = i.profile WHERE i.seq IS NULL
"""
_INSERT = _CREATE.format(number="?2 - 1 + row_number() OVER (ORDER BY pos)")
_INSERT_ALL = _CREATE.format(number="?2 + pos")
# A tombstone stays over the same token unless the line says the app registered later; a line may bring a tombstone only
# for a registration that is not newer.
_COMPARE = """
INSERT INTO changed
SELECT seq, token, person, app_version, build, tags, test, new_state, registered_at,
  CASE WHEN stays THEN d_gone_at WHEN new_state THEN gone_at END,
  CASE WHEN stays THEN d_gone_reason WHEN new_state THEN gone_reason END, same, d_state
FROM (
  SELECT *,
    CASE WHEN stays THEN 1 WHEN gone_at IS NULL THEN 0 ELSE fresh OR d_registered_at <= gone_at END AS new_state
  FROM (
    SELECT d.seq, i.token, i.person, p.app_version, p.build, p.tags, p.test, p.gone_at, p.gone_reason,
      CASE WHEN d.token IS i.token THEN max(d.registered_at, p.registered_at) ELSE p.registered_at END AS registered_at,
      d.token IS i.token AND d.state = 1 AND NOT (p.gone_at IS NULL AND p.registered_at > d.gone_at) AS stays,
      d.token IS NOT i.token AS fresh, (d.token, d.person) IS (i.token, i.person) AS same,
      d.state AS d_state, d.registered_at AS d_registered_at,
      d.gone_at AS d_gone_at, d.gone_reason AS d_gone_reason,
      (d.app_version, d.build, d.tags, d.test) IS (p.app_version, p.build, p.tags, p.test) AS alike
    FROM incoming i CROSS JOIN profile p ON p.id = i.profile CROSS JOIN device d ON d.audience = ?1 AND d.seq = i.seq
    WHERE i.seq IS NOT NULL
  )
  WHERE NOT (same AND alike AND registered_at = d_registered_at)
    OR d_state IS NOT new_state
)
"""
_FIELDS = """
app_version = c.app_version, build = c.build, tags = c.tags, test = c.test, state = c.state,
registered_at = c.registered_at, gone_at = c.gone_at, gone_reason = c.gone_reason, version = version + 1
"""
_UPDATE = f"""
UPDATE device SET {_FIELDS} FROM changed c
WHERE device.audience = ?1 AND device.seq IN (SELECT seq FROM changed WHERE same) AND c.seq = device.seq
"""
_UPDATE_KEYS = f"""
UPDATE device SET token = c.token, person = c.person, doubt_at = iif(device.token IS c.token, doubt_at, NULL), {_FIELDS}
FROM changed c
WHERE device.audience = ?1 AND device.seq IN (SELECT seq FROM changed WHERE NOT same) AND c.seq = device.seq
"""
_CREATED_LIVE = """
SELECT count(*) FROM incoming i CROSS JOIN profile p ON p.id = i.profile WHERE i.seq IS NULL AND p.gone_at IS NULL
"""
_GAINED = "SELECT sum(was - state) FROM changed"
_GROW = "UPDATE audience SET size = size + ?2, next_seq = next_seq + ?3 WHERE id = ?1"


def batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Runs of one audience, at most BATCH long, whose order does not matter.

    Within a chunk no installation and no token stands twice, so sorting it changes no row's ending.
    """
    for at in range(0, len(entries), CHUNK):
        chunk = entries[at : at + CHUNK]
        distinct = len({e.installation_id for e in chunk}) == len({e.token for e in chunk}) == len(chunk)
        for run in [chunk] if distinct else _distinct(chunk):
            yield from _sorted(run)


def _distinct(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    start, seen = 0, set[tuple[str, ...]]()
    for at, entry in enumerate(entries):
        kind = entry.provider, entry.token_kind
        names = (*kind, entry.installation_id), (*kind, "", entry.token)
        if names[0] in seen or names[1] in seen:
            yield entries[start:at]
            start, seen = at, set()
        seen.update(names)
    yield entries[start:]


def _sorted(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.provider, entry.token_kind), []).append(entry)
    for group in groups.values():
        group.sort(key=attrgetter("installation_id"))
        for at in range(0, len(group), BATCH):
            yield group[at : at + BATCH]


def pack(batch: Sequence[Entry]) -> Packed:
    """The batch as the values its statements bind."""
    profiles: dict[tuple[Any, ...], int] = {}
    places = [
        profiles.setdefault(
            (e.app_version, e.build, tuple(e.tags), e.test, e.registered_at, e.gone_at, e.gone_reason), len(profiles)
        )
        for e in batch
    ]
    return Packed(
        provider=batch[0].provider,
        token_kind=batch[0].token_kind,
        installations=_packed_ids([e.installation_id for e in batch]),
        tokens=_packed_tokens(batch[0].provider, [e.token for e in batch]),
        people=[e.user for e in batch],
        places=places,
        profiles=[(app, build, stored_tags(tags), int(test), *times) for app, build, tags, test, *times in profiles],
    )


def _packed_ids(ids: list[str]) -> bytes | list[bytes | str]:
    """16 bytes each in one piece when all are lower-case UUIDs, as nearly always."""
    joined, count = "".join(ids), len(ids)
    uuids = all(joined[at::36] == "-" * count for at in (8, 13, 18, 23)) and set(map(len, ids)) == {36}
    if uuids and joined.lower() == joined and joined.count("-") == 4 * count and joined.isascii() and " " not in joined:
        with contextlib.suppress(ValueError):
            return bytes.fromhex(joined.replace("-", ""))
    return [stored_installation(one) for one in ids]


def _packed_tokens(provider: str, tokens: list[str]) -> bytes | list[bytes | str]:
    """One piece when all are APNs tokens of one even length."""
    widths = set(map(len, tokens))
    if provider == "apns" and len(widths) == 1 and not len(tokens[0]) % 2:
        return bytes.fromhex("".join(tokens))
    return [stored_token(provider, token) for token in tokens]


class Packed(msgspec.Struct, frozen=True):
    """Columns of one batch, in stored form. places: each row's profile (what many rows share)."""

    provider: str
    token_kind: str
    installations: bytes | list[bytes | str]
    tokens: bytes | list[bytes | str]
    people: list[str]
    places: list[int]
    profiles: list[tuple[Any, ...]]

    def __repr__(self) -> str:
        return f"<{len(self.people)} devices to import>"


def import_batch(connection: sqlite3.Connection, where: Scope, packed: Packed) -> Imported:
    """All of a batch in the transaction that is open. Counts without lines and errors."""
    audience, next_seq = audience_of(connection, where, packed.provider, packed.token_kind)
    _stage(connection, packed)
    run = connection.execute
    run(_FIND, (audience,))
    seqs, lost, moved = run(_MOVED, (audience,)).fetchone()
    if moved:
        run(_EVICT, (audience, seqs))
    known = run(_KNOWN).fetchone()[0]
    created = run(_INSERT if known else _INSERT_ALL, (audience, next_seq)).rowcount
    gained = run(_CREATED_LIVE).fetchone()[0] if created else 0
    updated = 0
    if known:
        updated = run(_COMPARE, (audience,)).rowcount
        gained += _update(connection, audience) if updated else 0
    run(_GROW, (audience, gained - (lost or 0), created))
    return Imported(created=created, updated=updated, unchanged=len(packed.people) - created - updated, moved=moved)


def _update(connection: sqlite3.Connection, audience: int) -> int:
    connection.execute(_UPDATE, (audience,))
    connection.execute(_UPDATE_KEYS, (audience,))
    gained: int = connection.execute(_GAINED).fetchone()[0]
    return gained


def _stage(connection: sqlite3.Connection, packed: Packed) -> None:
    for table in ("incoming", "profile", "changed"):
        connection.execute(f"DELETE FROM {table}")
    connection.execute(_PROFILES, (_json(packed.profiles),))
    ids, tokens, count = packed.installations, packed.tokens, len(packed.people)
    if isinstance(ids, bytes) and isinstance(tokens, bytes):
        places = "".join([f"{place:03}" for place in packed.places]).encode()
        connection.execute(_PACKED, (ids, tokens, len(tokens) // count, places, _json(packed.people)))
        return
    columns = range(count), _apart(ids, count), _apart(tokens, count), packed.people, packed.places
    connection.executemany(_BOUND, zip(*columns, strict=True))


def _apart(column: bytes | list[bytes | str], count: int) -> Sequence[bytes | str]:
    if isinstance(column, list):
        return column
    width = len(column) // count
    return [column[at : at + width] for at in range(0, len(column), width)]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
