"""What a sender does to the journal inside one transaction, up to the claim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pushwarden.adapters.journal_rows import RANK, push_of, shard_of
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.sqlite.journal import sql
from pushwarden.core.lane import Class
from pushwarden.core.push import Push
from pushwarden.core.shard import Shard, ShardKind

LEASE_MS = 10_000


def enlist(connection: sqlite3.Connection, seat: str, now_ms: int) -> int:
    """The new incarnation's number."""
    connection.execute(sql.GIVE_BACK, {"seat": seat})
    number: int = connection.execute(sql.ENLIST, {"seat": seat, "now": now_ms}).fetchall()[0][0]
    return number


def renew(connection: sqlite3.Connection, seat: str, now_ms: int) -> None:
    connection.execute(sql.RENEW, {"seat": seat, "now": now_ms})


def ranks(classes: Sequence[str]) -> list[int]:
    """Urgent first."""
    return sorted(RANK[Class(klass)] for klass in set(classes))


def claim(
    connection: sqlite3.Connection, seat: str, classes: Sequence[str], limit: int, now_ms: int
) -> list[tuple[Shard, Push]]:
    """Takes back what lapsed senders hold, then claims. Urgent first, then by due_at."""
    _lapse(connection, seat, now_ms)
    renew(connection, seat, now_ms)
    rows: list[Any] = []
    for rank in ranks(classes):
        wanted = {"seat": seat, "rank": rank, "now": now_ms, "limit": limit - len(rows)}
        # RETURNING gives rows in no promised order.
        rows += sorted(connection.execute(sql.CLAIM, wanted).fetchall(), key=lambda row: (row[7], row[0]))
        if len(rows) >= limit:
            break
    return _with_pushes(connection, rows)


def _lapse(connection: sqlite3.Connection, seat: str, now_ms: int) -> None:
    lapsed = connection.execute(sql.LAPSED, {"since": now_ms - LEASE_MS}).fetchall()
    for (other,) in lapsed:
        if other != seat:
            connection.execute(sql.GIVE_BACK, {"seat": other})
            connection.execute(sql.LAPSE, {"seat": other})


def _with_pushes(connection: sqlite3.Connection, rows: Sequence[Any]) -> list[tuple[Shard, Push]]:
    ids = msgspec.json.encode(list({row[1] for row in rows})).decode()
    pushes = {row[0]: push_of(row) for row in connection.execute(sql.PUSHES, {"ids": ids}).fetchall()}
    elsewhere = [row[0] for row in rows if not row[10] and ShardKind(row[4]) is not ShardKind.RANGE]
    long = dict(connection.execute(sql.ROSTERS, {"ids": msgspec.json.encode(elsewhere).decode()}).fetchall())
    return [(shard_of(row, long.get(row[0], row[10])), pushes[row[1]]) for row in rows]


def freeze(connection: sqlite3.Connection, items: Sequence[tuple[Shard, bytes, int]]) -> list[bool]:
    """(shard, members, planned) each; False where the fence moved on."""
    return [
        connection.execute(
            sql.FREEZE,
            {"members": members, "planned": planned, "push": shard.push, "no": shard.no, "fence": shard.fence},
        ).rowcount
        == 1
        for shard, members, planned in items
    ]
