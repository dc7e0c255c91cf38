"""Recording marks: the journal's hot transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from pushwarden.adapters.postgres.journal import rows, sql
from pushwarden.core.shard import Mark

Places = list[tuple[int, Mark]]


async def mark(connection: AsyncConnection[Any], marks: Sequence[Mark], now_ms: int) -> set[int]:
    """The places of those recorded; where the fence moved on nothing of that mark is.

    A mark written twice is recorded once: failures and retries count only when more recipients have ended.
    """
    done: set[int] = set()
    for run in _runs(marks):
        plain = [(at, one) for at, one in run if _only_counts(one)]
        rest = [(at, one) for at, one in run if not _only_counts(one)]
        done |= await _count(connection, plain) if plain else set()
        done |= await _record(connection, rest, now_ms) if rest else set()
    return done


def is_plain(marks: Sequence[Mark]) -> bool:
    """Whether one statement records them all."""
    return all(map(_only_counts, marks)) and len({(one.push, one.no) for one in marks}) == len(marks)


def _only_counts(one: Mark) -> bool:
    return not (one.finished or one.retries or one.failures or one.release)


def _runs(marks: Sequence[Mark]) -> list[Places]:
    """Parts in which no shard stands twice, in order."""
    runs: list[Places] = [[]]
    seen = set[tuple[str, int]]()
    for at, one in enumerate(marks):
        if (one.push, one.no) in seen:
            runs.append([])
            seen = set()
        seen.add((one.push, one.no))
        runs[-1].append((at, one))
    return runs


async def _count(connection: AsyncConnection[Any], marks: Places) -> set[int]:
    said = rows.as_json([rows.counted(one) for _, one in marks])
    found = await connection.execute(sql.MARK, {"marks": said}, prepare=True)
    kept = set(await found.fetchall())
    return {at for at, one in marks if (one.push, one.no) in kept}


async def _record(connection: AsyncConnection[Any], marks: Places, now_ms: int) -> set[int]:
    values = {
        "marks": rows.as_json([rows.recorded(at, one) for at, one in marks]),
        "failures": rows.as_json([row for at, one in marks for row in rows.failures(at, one)]),
        "retries": rows.as_json([row for at, one in marks for row in rows.retries(at, one)]),
    }
    finished = list({one.push for _, one in marks if one.finished})
    await connection.execute(sql.LOCK_PUSHES, {"ids": list({one.push for _, one in marks})}, prepare=True)
    found = await connection.execute(sql.RECORD, values, prepare=True)
    if finished:
        await connection.execute(sql.CLOSE, {"ids": finished, "now": now_ms}, prepare=True)
    return {int(row[0]) for row in await found.fetchall()}
