"""What a sender does to the journal, up to the claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection

from pushwarden.adapters.journal_rows import RANK, lane_rank, push_of, shard_of
from pushwarden.adapters.postgres.journal import sql
from pushwarden.core.lane import Class
from pushwarden.core.push import Push
from pushwarden.core.shard import Shard

LEASE_MS = 10_000


async def enlist(connection: AsyncConnection[Any], seat: str, now_ms: int) -> int:
    """The new incarnation's number. In a transaction."""
    found = await connection.execute(sql.ENLIST, {"seat": seat, "now": now_ms})
    ((number,),) = await found.fetchall()
    await connection.execute(sql.GIVE_BACK, {"seats": [seat]})
    return int(number)


async def renew(connection: AsyncConnection[Any], seat: str, now_ms: int) -> int:
    """Takes back what lapsed senders hold; how many shards. In a transaction."""
    await connection.execute(sql.RENEW, {"seat": seat, "now": now_ms}, prepare=True)
    found = await connection.execute(sql.LAPSE, {"seat": seat, "since": now_ms - LEASE_MS}, prepare=True)
    seats = [row[0] for row in await found.fetchall()]
    return (await connection.execute(sql.GIVE_BACK, {"seats": seats})).rowcount if seats else 0


async def ready(connection: AsyncConnection[Any], classes: Sequence[str]) -> dict[str, int]:
    """Lane → earliest due time."""
    ranks = sorted(RANK[Class(klass)] for klass in set(classes))
    found = await connection.execute(sql.READY, {"ranks": ranks}, prepare=True)
    return dict(await found.fetchall())


async def claim(
    connection: AsyncConnection[Any], seat: str, shares: Mapping[str, int], now_ms: int, statement: str
) -> list[tuple[Shard, Push]]:
    """statement: CLAIM or CLAIM_ENDED."""
    lanes = {"lanes": list(shares), "ranks": [lane_rank(lane) for lane in shares], "shares": list(shares.values())}
    found = await connection.execute(statement, {**lanes, "seat": seat, "now": now_ms}, prepare=True, binary=True)
    pushes: dict[str, Push] = {}
    claimed = []
    for row in await found.fetchall():
        long, of = row[sql.CLAIMED_WIDTH], row[sql.CLAIMED_WIDTH + 1 :]
        push = pushes.get(of[0]) or pushes.setdefault(of[0], push_of(of))
        claimed.append((shard_of(row, long or row[10]), push))
    return claimed


async def freeze(connection: AsyncConnection[Any], shard: Shard, members: bytes, planned: int) -> bool:
    """False where the fence moved on."""
    values = {"members": members, "planned": planned, "push": shard.push, "no": shard.no, "fence": shard.fence}
    return (await connection.execute(sql.FREEZE, values, prepare=True)).rowcount == 1
