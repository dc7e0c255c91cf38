"""Statements that are filled in at run time: many rows at once, and the conditions of a Scope."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pushwarden.adapters.journal_rows import INLINE, shard_row
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.sqlite.journal import sql
from pushwarden.core.scope import Scope
from pushwarden.core.shard import NewShard, ShardState

_CHUNKS = (32, 8, 1)


def insert(connection: sqlite3.Connection, template: str, rows: Sequence[Sequence[Any]]) -> None:
    """Inserts by few statements of many rows: each step of SQLite hands the GIL away and waits for it again."""
    at = 0
    for size in _CHUNKS:
        while len(rows) - at >= size:
            statement = _filled(template, size, len(rows[0]))
            connection.execute(statement, [value for row in rows[at : at + size] for value in row])
            at += size


@lru_cache(maxsize=64)
def _filled(template: str, rows: int, width: int) -> str:
    one = "(" + ",".join("?" * width) + ")"
    return template.replace("{rows}", ",".join([one] * rows))


def scoped(template: str, where: Scope) -> tuple[str, dict[str, Any]]:
    """The statement with its `/* scope */` filled in, and the parameters that go with it."""
    named = {
        "organisation": where.organisation, "app": where.app, "environment": where.environment,
        "schedule": where.schedule, "cohort": where.cohort, "id": where.push,
    }  # fmt: skip
    named = {column: value for column, value in named.items() if value}
    conditions = " AND ".join(f"push.{column} = :{column}" for column in named) or "true"
    return template.replace("/* scope */", conditions), dict(named)


def insert_shards(connection: sqlite3.Connection, shards: Sequence[tuple[NewShard, int, ShardState]]) -> None:
    """(shard, its number, its state) each."""
    insert(connection, sql.INSERT_SHARD, [shard_row(*entry) for entry in shards])
    for shard, no, _ in shards:
        if len(shard.members) > INLINE:
            connection.execute(sql.INSERT_ROSTER, {"members": shard.members, "push": shard.push, "no": no})
