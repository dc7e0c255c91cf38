"""Recording marks: the journal's hot transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pushwarden.adapters.journal_rows import failure_row, totals
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.sqlite.journal import sql
from pushwarden.adapters.sqlite.journal.insert import insert, insert_shards
from pushwarden.core.outcome import Fate
from pushwarden.core.shard import Failure, Mark, NewShard, ShardState


def mark(connection: sqlite3.Connection, marks: Sequence[Mark], now_ms: int) -> list[bool]:
    """False where the fence moved on; then nothing of that mark is recorded.

    A mark written twice is recorded once: failures and retries count only when more recipients have ended.
    """
    recorded = [_record(connection, one) for one in marks]
    failures = [failure for one, fresh in zip(marks, recorded, strict=True) if fresh for failure in one.failures]
    if failures:
        _keep_failures(connection, failures)
    for one, fresh in zip(marks, recorded, strict=True):
        if fresh and one.finished:
            connection.execute(sql.CLOSE, {"push": one.push, "now": now_ms})
    return [fresh is not None for fresh in recorded]


def _record(connection: sqlite3.Connection, one: Mark) -> bool | None:
    """Whether its failures are to be kept; None when the fence moved on."""
    key = (one.push, one.no, one.fence)
    counts = totals(one.counts)
    if one.finished:
        if not _finish(connection, one, counts):
            return None
        fresh = True
    else:
        fresh = not (one.failures or one.retries) or _has_news(connection, key, one.moved + sum(counts))
        values = (one.issued, one.moved, *counts, one.done)
        if one.release is None:
            done = connection.execute(sql.MARK, (*values, *key))
        else:
            done = connection.execute(sql.MARK_AND_RELEASE, (*values, one.due_at, one.release, *key))
        if done.rowcount != 1:
            return None
    if fresh and one.retries:
        _insert_retries(connection, one.push, one.retries)
    return fresh


def _has_news(connection: sqlite3.Connection, key: tuple[str, int, int], ended: int) -> bool:
    before = connection.execute(sql.ENDED_SO_FAR, key).fetchone()
    return before is not None and ended > before[0]


def _finish(connection: sqlite3.Connection, one: Mark, counts: Sequence[int]) -> bool:
    gone = connection.execute(sql.FINISH, (one.push, one.no, one.fence)).fetchall()
    if not gone:
        return False
    shard, frozen, planned, inline = gone[0]
    if not inline:
        connection.execute(sql.DROP_ROSTER, (shard,))
    left_planned = planned - one.moved if frozen else sum(counts)
    connection.execute(sql.FOLD, (left_planned, *counts, one.push))
    return True


def _insert_retries(connection: sqlite3.Connection, push: str, retries: Sequence[NewShard]) -> None:
    ((next_no,),) = connection.execute(sql.NUMBER_SHARDS, {"count": len(retries), "push": push}).fetchall()
    first = next_no - len(retries)
    insert_shards(connection, [(retry, first + place, ShardState.READY) for place, retry in enumerate(retries)])


def _keep_failures(connection: sqlite3.Connection, failures: Iterable[Failure]) -> None:
    failures = list(failures)
    insert(connection, sql.INSERT_FAILURE, [failure_row(failure) for failure in failures])
    reasons = Counter((failure.push, failure.reason) for failure in failures if failure.fate is Fate.REFUSED)
    insert(connection, sql.COUNT_REFUSALS, [(*key, count) for key, count in reasons.items()])
