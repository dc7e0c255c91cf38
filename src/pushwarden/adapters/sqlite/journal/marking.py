"""Recording marks: the journal's hot transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from pushwarden.adapters.journal_rows import failure_row, totals
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.sqlite.journal import sql
from pushwarden.adapters.sqlite.journal.insert import insert, insert_shards
from pushwarden.core.outcome import Fate
from pushwarden.core.shard import NO_TIMES, Mark, NewShard, ShardState, Times

_Key = tuple[str, int, int]
Folds = dict[str, tuple[list[int], Times]]
"""Push → what is added to planned and to the fates, and its times."""


def mark(connection: sqlite3.Connection, marks: Sequence[Mark], now_ms: int) -> list[bool]:
    """False where the fence moved on; then nothing of that mark is recorded.

    A mark written twice is recorded once: failures and retries count only when more recipients have ended.
    """
    gone = _finish(connection, [_key(one) for one in marks if one.finished])
    folds: Folds = {}
    fresh = []
    for one in marks:
        if not one.finished:
            fresh.append(_record(connection, one))
        elif (shard := gone.pop(_key(one), None)) is not None:
            _add(folds, one, *shard)
            fresh.append(True)
        else:
            fresh.append(None)
        if fresh[-1] is not None and one.release is not None and one.times.handed_at:
            _add_times(folds, one)
    _keep(connection, [one for one, new in zip(marks, fresh, strict=True) if new])
    if folds:
        ended = msgspec.json.encode([_folded(*fold) for fold in folds.items()]).decode()
        connection.execute(sql.FOLD, {"folds": ended, "now": now_ms})
    return [new is not None for new in fresh]


def _folded(push: str, fold: tuple[list[int], Times]) -> tuple[Any, ...]:
    counts, times = fold
    return (push, *counts, times.handed_at, times.first_at, times.last_at)


def _key(one: Mark) -> _Key:
    return one.push, one.no, one.fence


def _finish(connection: sqlite3.Connection, keys: Sequence[_Key]) -> dict[_Key, tuple[bool, int]]:
    """Drops the shards that are still claimed so; whether each was frozen, and how many it had planned."""
    if not keys:
        return {}
    asked = msgspec.json.encode(keys).decode()
    rows = connection.execute(sql.FINISH, {"marks": asked}).fetchall()
    long = [row[3] for row in rows if not row[6]]
    if long:
        connection.execute(sql.DROP_ROSTERS, {"ids": msgspec.json.encode(long).decode()})
    return {(row[0], row[1], row[2]): (bool(row[4]), row[5]) for row in rows}


def _add(folds: Folds, one: Mark, frozen: bool, planned: int) -> None:
    counts = totals(one.counts)
    values = [planned - one.moved if frozen else sum(counts), *counts]
    before = folds.get(one.push)
    if before is None:
        folds[one.push] = values, one.times
    else:
        folds[one.push] = [old + new for old, new in zip(before[0], values, strict=True)], before[1].with_(one.times)


def _add_times(folds: Folds, one: Mark) -> None:
    counts, times = folds.get(one.push, ([0] * 7, NO_TIMES))
    folds[one.push] = counts, times.with_(one.times)


def _record(connection: sqlite3.Connection, one: Mark) -> bool | None:
    """Whether its failures and retries are to be kept; None when the fence moved on."""
    key, counts = _key(one), totals(one.counts)
    fresh = not (one.failures or one.retries) or _has_news(connection, key, one.moved + sum(counts))
    values = (one.issued, one.moved, *counts, one.done)
    if one.release is None:
        done = connection.execute(sql.MARK, (*values, *key))
    else:
        done = connection.execute(sql.MARK_AND_RELEASE, (*values, one.due_at, one.release, *key))
    return fresh if done.rowcount == 1 else None


def _has_news(connection: sqlite3.Connection, key: _Key, ended: int) -> bool:
    before = connection.execute(sql.ENDED_SO_FAR, key).fetchone()
    return before is not None and ended > before[0]


def _keep(connection: sqlite3.Connection, marks: Sequence[Mark]) -> None:
    """What the marks bring along. Retries come before a push is called done: they are its shards."""
    for one in marks:
        if one.retries:
            _insert_retries(connection, one.push, one.retries)
    failures = [failure for one in marks for failure in one.failures]
    insert(connection, sql.INSERT_FAILURE, [failure_row(failure) for failure in failures])
    reasons = Counter((failure.push, failure.reason) for failure in failures if failure.fate is Fate.REFUSED)
    insert(connection, sql.COUNT_REFUSALS, [(*reason, count) for reason, count in reasons.items()])


def _insert_retries(connection: sqlite3.Connection, push: str, retries: Sequence[NewShard]) -> None:
    ((next_no,),) = connection.execute(sql.NUMBER_SHARDS, {"count": len(retries), "push": push}).fetchall()
    first = next_no - len(retries)
    insert_shards(connection, [(retry, first + place, ShardState.READY) for place, retry in enumerate(retries)])
