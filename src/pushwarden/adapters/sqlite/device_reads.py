"""What a sender and a person read of the devices. Every hot statement answers one row: each step costs the GIL."""

# ruff: noqa: S608 -- only constants are put together; a tag expression becomes parameters
from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pushwarden.adapters.device_rows import (
    AS_JSON,
    DECODE_ROWS,
    INSTALLATION,
    TOKEN,
    StoredRow,
    read_installation,
    stored_installation,
    tags_condition,
)
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.core.device import Audience, Rows
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.tags import parse_tags

COLUMNS = {
    "user": "person",
    "app_version": "app_version",
    "build": "build",
    "installation_id": INSTALLATION,
    "registered_at": "CAST(registered_at AS TEXT)",
    "test": "CAST(test > 0 AS TEXT)",
}
_SLICE = "audience = ?1 AND seq >= ?2 AND seq < ?3 AND state = 0"
DENSE = f"SELECT count(*), min(seq), max(seq) FROM device WHERE {_SLICE}"
MEMBERS = f"SELECT json_group_array(seq) FROM (SELECT seq FROM device WHERE {_SLICE} ORDER BY seq)"
PAGE = f"""
SELECT count(*), min(seq), max(seq), CAST(group_concat({TOKEN}, x'0a') AS BLOB)
FROM (SELECT seq, token FROM device WHERE {_SLICE} ORDER BY seq)
"""
_PICKED = """
audience = ?1 AND seq IN (SELECT value FROM json_each(?2)) AND state = 0
"""
AUDIENCES = """
SELECT id, organisation, app, environment, provider, token_kind, size, next_seq, proven_seq FROM audience
WHERE organisation = ? AND app = ? AND environment = ? ORDER BY id
"""
SIZES = "SELECT app, environment, provider, size FROM audience WHERE organisation = ? AND token_kind = 'alert'"
FIND_USERS = """
SELECT json_group_array(seq) FROM (
  SELECT seq FROM device INDEXED BY device_person
  WHERE audience = ?1 AND person IN (SELECT value FROM json_each(?2)) AND person <> '' AND state = 0 ORDER BY seq)
"""
FIND_EACH = """
SELECT json_group_array(json_array(wanted.value, audience.id, device.seq))
FROM audience CROSS JOIN json_each(?4) AS wanted CROSS JOIN device INDEXED BY device_person
WHERE organisation = ?1 AND app = ?2 AND environment = ?3 AND (token_kind = ?5 OR ?5 = '')
  AND device.audience = audience.id AND person = wanted.value AND person <> '' AND state = 0
"""
FIND_INSTALLATION = "SELECT seq FROM device WHERE audience = ? AND installation = ? AND state = 0"
GET = f"SELECT json_group_array({AS_JSON}) FROM device WHERE audience = ? AND installation = ?"
EXPORT = f"""
SELECT json_group_array({AS_JSON}) FROM (SELECT * FROM device WHERE audience = ? AND seq >= ? ORDER BY seq LIMIT ?)
"""
COUNTS = """
SELECT ifnull(sum(state = 0), 0), ifnull(sum(state = 1), 0), ifnull(sum(test > 0), 0) FROM device
WHERE audience IN (SELECT id FROM audience WHERE organisation = ? AND app = ? AND environment = ?)
"""

_INTEGERS = msgspec.json.Decoder(list[int])
_COLUMNS = msgspec.json.Decoder(list[str])
_FOUND = msgspec.json.Decoder(list[tuple[str, int, int]])


def audience_from(row: tuple[int, str, str, str, str, str, int, int, int]) -> Audience:
    number, organisation, app, environment, provider, token_kind, *numbers = row
    return Audience(number, organisation, app, Environment(environment), provider, token_kind, *numbers)


def members(connection: sqlite3.Connection, audience: int, lo: int, hi: int, tags: str) -> Sequence[int]:
    """A range where nothing is missing, else a list."""
    if tags:
        condition, parameters = tags_condition(parse_tags(tags))
        sql = f"""
        SELECT json_group_array(seq) FROM (
          SELECT seq FROM device WHERE audience = ? AND seq >= ? AND seq < ? AND state = 0 AND ({condition})
          ORDER BY seq)
        """
        return _INTEGERS.decode(connection.execute(sql, (audience, lo, hi, *parameters)).fetchone()[0])
    count, first, last = connection.execute(DENSE, (audience, lo, hi)).fetchone()
    if count and last - first + 1 == count:
        return range(first, last + 1)
    return _INTEGERS.decode(connection.execute(MEMBERS, (audience, lo, hi)).fetchone()[0]) if count else range(0)


def page(connection: sqlite3.Connection, audience: int, lo: int, hi: int, columns: tuple[str, ...]) -> Rows:
    if not columns:
        count, first, last, tokens = connection.execute(PAGE, (audience, lo, hi)).fetchone()
        if not count:
            return Rows(range(0), [])
        if last - first + 1 == count:
            return Rows(range(first, last + 1), tokens.split(b"\n"))
    return _full(connection, _SLICE, (audience, lo, hi), columns)


def pick(connection: sqlite3.Connection, audience: int, seqs: Sequence[int], columns: tuple[str, ...]) -> Rows:
    wanted = msgspec.json.encode(list(seqs)).decode()
    return _full(connection, _PICKED, (audience, wanted), columns)


def _full(
    connection: sqlite3.Connection, condition: str, parameters: tuple[int | str, ...], columns: tuple[str, ...]
) -> Rows:
    chosen = ", ".join(f"json_group_array({COLUMNS[name]})" for name in columns)
    sql = f"""
    SELECT json_group_array(seq), CAST(group_concat({TOKEN}, x'0a') AS BLOB){"," if chosen else ""} {chosen}
    FROM (SELECT * FROM device WHERE {condition} ORDER BY seq)
    """
    seqs, tokens, *values = connection.execute(sql, parameters).fetchone()
    decoded = {name: _COLUMNS.decode(value) for name, value in zip(columns, values, strict=True)}
    if "installation_id" in decoded:
        decoded["installation_id"] = [read_installation(text) for text in decoded["installation_id"]]
    return Rows(_INTEGERS.decode(seqs), tokens.split(b"\n") if tokens else [], decoded)


def find_users(connection: sqlite3.Connection, audience: int, users: Sequence[str]) -> list[int]:
    wanted = msgspec.json.encode(list(users)).decode()
    return _INTEGERS.decode(connection.execute(FIND_USERS, (audience, wanted)).fetchone()[0])


def find_each(
    connection: sqlite3.Connection, place: tuple[str, str, str], users: Sequence[str], token_kind: str
) -> dict[str, dict[int, list[int]]]:
    wanted = msgspec.json.encode(list(dict.fromkeys(users))).decode()
    (rows,) = connection.execute(FIND_EACH, (*place, wanted, token_kind)).fetchone()
    found: dict[str, dict[int, list[int]]] = {}
    for user, audience, seq in sorted(_FOUND.decode(rows)):
        found.setdefault(user, {}).setdefault(audience, []).append(seq)
    return found


def find_installations(connection: sqlite3.Connection, audience: int, installations: Sequence[str]) -> list[int]:
    found = set()
    for installation in installations:
        row = connection.execute(FIND_INSTALLATION, (audience, stored_installation(installation))).fetchone()
        found |= set(row or ())
    return sorted(found)


def stored_rows(connection: sqlite3.Connection, sql: str, parameters: tuple[int | bytes | str, ...]) -> list[StoredRow]:
    """Rows of GET or EXPORT."""
    return DECODE_ROWS.decode(connection.execute(sql, parameters).fetchone()[0])


def place_counts(connection: sqlite3.Connection, where: Scope) -> dict[str, int]:
    place = (where.organisation, where.app, where.environment)
    live, gone, test = connection.execute(COUNTS, place).fetchone()
    return {"live": live, "gone": gone, "test": test}
