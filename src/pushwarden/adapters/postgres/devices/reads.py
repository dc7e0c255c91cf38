"""What a sender and a person read of the devices. The hot statements answer one row: a page's tokens in one text."""

# ruff: noqa: S608 -- only constants are put together; a tag expression becomes parameters
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg import AsyncConnection

from pushwarden.adapters.device_rows import tags_condition
from pushwarden.adapters.postgres.devices.forms import (
    DEVICE,
    TOKEN,
    device_of,
    installation,
    read_installation,
)
from pushwarden.core.device import Audience, Device, Rows
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.tags import parse_tags

COLUMNS = {
    "user": "person",
    "app_version": "app_version",
    "build": "build",
    "installation_id": "installation",
    "registered_at": "registered_at::text",
    "test": "(test > 0)::int::text",
}
_SLICE = "audience = %s AND seq >= %s AND seq < %s AND state = 0"
_SEQS = "'[' || string_agg(seq::text, ',') || ']'"
MEMBERS = f"SELECT count(*), min(seq), max(seq), {_SEQS} FROM (SELECT seq FROM device WHERE {_SLICE} ORDER BY seq) x"
PAGE = f"""
SELECT count(*), min(seq), max(seq), {_SEQS}, string_agg({TOKEN}, E'\\n')
  FROM (SELECT seq, token FROM device WHERE {_SLICE} ORDER BY seq) x
"""
_PICKED = "audience = %s AND seq = ANY (%s) AND state = 0"
PICK = PAGE.replace(_SLICE, _PICKED)
_PLACE = "organisation = %(organisation)s AND app = %(app)s AND environment = %(environment)s"
AUDIENCES = f"""
SELECT id, organisation, app, environment, provider, token_kind, size, next_seq, proven_seq FROM audience
 WHERE {_PLACE} ORDER BY id
"""
SIZES = "SELECT app, environment, provider, size FROM audience WHERE organisation = %s AND token_kind = 'alert'"
_KIND = f"{_PLACE} AND (token_kind = %(kind)s OR %(kind)s = '') AND device.audience = audience.id AND device.state = 0"
FIND = f"""
SELECT audience.id, seq FROM audience, device WHERE {_KIND} AND person = ANY (%(users)s) AND person <> ''
 UNION
SELECT audience.id, seq FROM audience, device WHERE {_KIND} AND installation = ANY (%(installations)s)
"""
FIND_EACH = f"""
SELECT person, audience.id, seq FROM audience, device WHERE {_KIND} AND person = ANY (%(users)s) AND person <> ''
"""
GET = f"""
SELECT provider, token_kind, {DEVICE} FROM audience JOIN device ON device.audience = audience.id
 WHERE {_PLACE} AND installation = %(installation)s ORDER BY audience.id
"""
EXPORT = f"SELECT {DEVICE} FROM device WHERE audience = %s AND seq >= %s ORDER BY seq LIMIT %s"
COUNTS = f"""
SELECT count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE test > 0)
  FROM device WHERE audience IN (SELECT id FROM audience WHERE {_PLACE})
"""

_INTEGERS = msgspec.json.Decoder(list[int])
_Connection = AsyncConnection[Any]


def place(where: Scope) -> dict[str, Any]:
    """The environment's columns. ValueError when the scope is not exactly an environment."""
    if not (where.organisation and where.app and where.environment):
        raise ValueError("devices belong to an organisation, an app and an environment")
    return {"organisation": where.organisation, "app": where.app, "environment": where.environment.value}


async def _all(connection: _Connection, statement: str, values: Any) -> list[Any]:
    found = await connection.execute(statement, values, prepare=True, binary=True)
    return await found.fetchall()


async def audiences(connection: _Connection, where: Scope) -> list[Audience]:
    return [
        Audience(number, organisation, app, Environment(environment), provider, kind, *numbers)
        for number, organisation, app, environment, provider, kind, *numbers in await _all(
            connection, AUDIENCES, place(where)
        )
    ]


async def sizes(connection: _Connection, organisation: str) -> dict[tuple[str, str, str], int]:
    rows = await _all(connection, SIZES, (organisation,))
    return {(app, environment, provider): size for app, environment, provider, size in rows}


async def members(connection: _Connection, audience: int, lo: int, hi: int, tags: str) -> Sequence[int]:
    """A range where nothing is missing, else a list."""
    if not tags:
        ((count, first, last, seqs),) = await _all(connection, MEMBERS, (audience, lo, hi))
        return _numbers(count, first, last, seqs)
    condition, parameters = tags_condition(parse_tags(tags), "strpos(tags, %s) > 0")
    statement = MEMBERS.replace("state = 0", f"state = 0 AND ({condition})")
    found = await connection.execute(statement, (audience, lo, hi, *parameters), prepare=False, binary=True)
    ((count, first, last, seqs),) = await found.fetchall()
    return _numbers(count, first, last, seqs)


def _numbers(count: int, first: int, last: int, seqs: str | None) -> list[int] | range:
    if not seqs:
        return range(0)
    return range(first, last + 1) if last - first + 1 == count else _INTEGERS.decode(seqs)


async def page(connection: _Connection, audience: int, lo: int, hi: int, columns: tuple[str, ...]) -> Rows:
    return await _rows(connection, PAGE, _SLICE, (audience, lo, hi), columns)


async def pick(connection: _Connection, audience: int, seqs: Sequence[int], columns: tuple[str, ...]) -> Rows:
    return await _rows(connection, PICK, _PICKED, (audience, list(seqs)), columns)


async def _rows(
    connection: _Connection, statement: str, condition: str, values: tuple[Any, ...], columns: tuple[str, ...]
) -> Rows:
    if not columns:
        ((count, first, last, seqs, tokens),) = await _all(connection, statement, values)
        return Rows(_numbers(count, first, last, seqs), tokens.encode().split(b"\n") if tokens else [])
    chosen = ", ".join(COLUMNS[name] for name in columns)
    wanted = f"SELECT seq, {TOKEN}, {chosen} FROM device WHERE {condition} ORDER BY seq"
    found = await _all(connection, wanted, values)
    seqs, tokens, *values_of = zip(*found, strict=True) if found else ([], [], *([] for _ in columns))
    named = {name: list(column) for name, column in zip(columns, values_of, strict=True)}
    if "installation_id" in named:
        named["installation_id"] = list(map(read_installation, named["installation_id"]))
    return Rows(list(seqs), [token.encode() for token in tokens], named)


async def find(
    connection: _Connection, where: Scope, users: Sequence[str], installations: Sequence[str], kind: str
) -> dict[int, list[int]]:
    wanted = {"users": list(users), "installations": list(map(installation, installations)), "kind": kind}
    found: dict[int, list[int]] = {}
    for audience, seq in sorted(await _all(connection, FIND, {**place(where), **wanted})):
        found.setdefault(audience, []).append(seq)
    return found


async def find_each(
    connection: _Connection, where: Scope, users: Sequence[str], kind: str
) -> dict[str, dict[int, list[int]]]:
    wanted = {"users": list(set(users)), "kind": kind}
    found: dict[str, dict[int, list[int]]] = {}
    for user, audience, seq in sorted(await _all(connection, FIND_EACH, {**place(where), **wanted})):
        found.setdefault(user, {}).setdefault(audience, []).append(seq)
    return found


async def get(connection: _Connection, where: Scope, installation_id: str) -> list[Device]:
    wanted = {**place(where), "installation": installation(installation_id)}
    return [device_of(provider, kind, row) for provider, kind, *row in await _all(connection, GET, wanted)]


async def export(connection: _Connection, audience: Audience, seq: int, limit: int) -> list[Device]:
    rows = await _all(connection, EXPORT, (audience.id, seq, limit))
    return [device_of(audience.provider, audience.token_kind, row) for row in rows]


async def counts(connection: _Connection, where: Scope) -> dict[str, int]:
    ((live, gone, test),) = await _all(connection, COUNTS, place(where))
    return {"live": live, "gone": gone, "test": test}
