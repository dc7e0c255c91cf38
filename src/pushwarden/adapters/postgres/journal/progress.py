"""Where pushes stand, exactly, as of one snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from pushwarden.adapters.journal_rows import in_flight, progress_of
from pushwarden.adapters.postgres.journal import sql_asked
from pushwarden.core.shard import ShardKind
from pushwarden.ports.journal import Progress


async def progress(connection: AsyncConnection[Any], kept: Sequence[Any]) -> list[Progress]:
    """For rows of KEPT_COLUMNS, in their order. The connection is in a transaction that sees one snapshot."""
    ids = {"ids": [row[0] for row in kept]}

    async def rows(statement: str) -> list[Any]:
        return await (await connection.execute(statement, ids, binary=True)).fetchall()

    left = defaultdict(list)
    for push, *group in await rows(sql_asked.LEFT):
        left[push].append(group)
    refusals: dict[str, dict[str, int]] = defaultdict(dict)
    for push, reason, recipients in await rows(sql_asked.REFUSALS):
        refusals[push][reason] = recipients
    flying: dict[str, int] = defaultdict(int)
    for push, kind, frozen, *bits in await rows(sql_asked.CLAIMED):
        flying[push] += in_flight(ShardKind(kind), bool(frozen), *bits)
    return [progress_of(row, left[row[0]], flying[row[0]], refusals[row[0]]) for row in kept]
