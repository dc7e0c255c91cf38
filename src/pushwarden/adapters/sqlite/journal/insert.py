"""Statements that are filled in at run time: many rows at once, and the conditions of a Scope."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, count
from typing import Any

from pushwarden.adapters.journal_rows import INLINE, shard_row
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.sqlite.journal import sql
from pushwarden.core.scope import Scope
from pushwarden.core.shard import NewShard, ShardState

_CHUNKS = (256, 32, 8, 1)
_ROWS = re.compile(r"\{rows(?:: (.*))?\}")
_OWN = re.compile(r"\$(\d*)")


def insert(
    connection: sqlite3.Connection, template: str, rows: Sequence[Sequence[Any]], shared: Sequence[Any] = ()
) -> None:
    """Inserts by few statements of many rows: each step of SQLite hands the GIL away and waits for it again."""
    at = 0
    for size in _CHUNKS:
        while len(rows) - at >= size:
            statement = _filled(template, size, len(rows[0]), len(shared))
            connection.execute(statement, list(chain(shared, *rows[at : at + size])))
            at += size


@lru_cache(maxsize=64)
def _filled(template: str, rows: int, width: int, shared: int) -> str:
    place = _ROWS.search(template)
    assert place is not None
    shape = place[1] or ", ".join("$" * width)
    lists = ",".join(f"({_numbered(shape, shared + row * width)})" for row in range(rows))
    return template[: place.start()] + lists + template[place.end() :]


def _numbered(shape: str, before: int) -> str:
    """With a parameter's number for each value of the row; `before` parameters stand before them."""
    following = count(before + 1)
    return _OWN.sub(lambda own: f"?{before + int(own[1]) if own[1] else next(following)}", shape)


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
    insert_rosters(connection, [(shard.push, no, shard.members) for shard, no, _ in shards])


def insert_rosters(connection: sqlite3.Connection, lists: Iterable[tuple[str, int, bytes]]) -> None:
    """(push, shard number, members) each, of which only the long ones stand in `roster`."""
    for push, no, members in lists:
        if len(members) > INLINE:
            connection.execute(sql.INSERT_ROSTER, {"members": members, "push": push, "no": no})
