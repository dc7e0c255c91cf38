"""What a sender does to the journal inside one transaction, up to the claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pushwarden.adapters.journal_rows import lane_rank, push_of, shard_of
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.sqlite.journal import sql
from pushwarden.core.push import Push
from pushwarden.core.shard import Shard, ShardKind

LEASE_MS = 10_000


def enlist(connection: sqlite3.Connection, seat: str, now_ms: int) -> int:
    """The new incarnation's number."""
    connection.execute(sql.GIVE_BACK, {"seat": seat})
    number: int = connection.execute(sql.ENLIST, {"seat": seat, "now": now_ms}).fetchall()[0][0]
    return number


def renew(connection: sqlite3.Connection, seat: str, now_ms: int) -> int:
    """Takes back what lapsed senders hold; how many shards."""
    connection.execute(sql.RENEW, {"seat": seat, "now": now_ms})
    count = 0
    for (other,) in connection.execute(sql.LAPSED, {"since": now_ms - LEASE_MS}).fetchall():
        count += connection.execute(sql.GIVE_BACK, {"seat": other}).rowcount
        connection.execute(sql.LAPSE, {"seat": other})
    return count


def claim(
    connection: sqlite3.Connection, seat: str, shares: Mapping[str, int], now_ms: int, statement: str
) -> list[tuple[Shard, Push]]:
    """statement: CLAIM or CLAIM_ENDED."""
    connection.execute(sql.RENEW, {"seat": seat, "now": now_ms})
    rows: list[Any] = []
    for lane, limit in shares.items():
        wanted = {"seat": seat, "rank": lane_rank(lane), "lane": lane, "now": now_ms, "limit": limit}
        # RETURNING gives rows in no promised order.
        rows += sorted(connection.execute(statement, wanted).fetchall(), key=lambda row: (row[7], row[0]))
    return _with_pushes(connection, rows)


def _with_pushes(connection: sqlite3.Connection, rows: Sequence[Any]) -> list[tuple[Shard, Push]]:
    ids = msgspec.json.encode(list({row[1] for row in rows})).decode()
    pushes = {row[0]: push_of(row) for row in connection.execute(sql.PUSHES, {"ids": ids}).fetchall()}
    elsewhere = [row[0] for row in rows if not row[10] and ShardKind(row[4]) is not ShardKind.RANGE]
    long = dict(connection.execute(sql.ROSTERS, {"ids": msgspec.json.encode(elsewhere).decode()}).fetchall())
    return [(shard_of(row, long.get(row[0], row[10])), pushes[row[1]]) for row in rows]


def promote(connection: sqlite3.Connection, lane: str, to: str, audience: int, upto: int) -> int:
    """At most 500 ready and 500 held shards."""
    named = {"lane": lane, "to": to, "audience": audience, "upto": upto}
    named |= {"rank": lane_rank(lane), "to_rank": lane_rank(to)}
    return sum(connection.execute(statement, named).rowcount for statement in (sql.PROMOTE, sql.PROMOTE_HELD))


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
