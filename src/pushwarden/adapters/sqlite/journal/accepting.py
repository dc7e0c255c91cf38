"""What intake does to the journal inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pushwarden.adapters.journal_rows import push_row
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.sqlite.journal import sql
from pushwarden.adapters.sqlite.journal.insert import insert, insert_shards, scoped
from pushwarden.core.errors import IdempotencyMismatch
from pushwarden.core.push import PushState
from pushwarden.core.scope import Scope
from pushwarden.core.shard import ShardState
from pushwarden.ports.journal import Acceptance, Accepted

KEY_LIFE_MS = 48 * 3_600_000

Answer = Accepted | Exception
_Key = tuple[str, str, str, str]


def accept(connection: sqlite3.Connection, items: Sequence[Acceptance]) -> list[Answer]:
    """An answer an item. An item whose push is there already, or whose key was used, changes nothing."""
    ids, keys = _seen(connection, items)
    answers: list[Answer] = []
    fresh: list[Acceptance] = []
    for item in items:
        key, push = _key(item), item.push.id
        if push in ids:
            answers.append(Accepted(push, replayed=True))
        elif key is not None and key in keys:
            answers.append(_again(item, *keys[key]))
        else:
            answers.append(Accepted(push))
            fresh.append(item)
            ids.add(push)
            if key is not None:
                keys[key] = (push, item.fingerprint)
    _insert(connection, fresh)
    return answers


def _key(item: Acceptance) -> _Key | None:
    push = item.push
    return (push.organisation, push.app, push.environment, item.idempotency_key) if item.idempotency_key else None


def _again(item: Acceptance, push: str, fingerprint: bytes) -> Answer:
    return Accepted(push, replayed=True) if fingerprint == item.fingerprint else IdempotencyMismatch()


def _seen(
    connection: sqlite3.Connection, items: Sequence[Acceptance]
) -> tuple[set[str], dict[_Key, tuple[str, bytes]]]:
    """Of the items' pushes the ids that are there; of their keys the push and fingerprint each was used with."""
    asked = [(key, item.push.accepted_at - KEY_LIFE_MS) for item in items if (key := _key(item)) is not None]
    ids, keys = connection.execute(
        sql.SEEN,
        {
            "ids": msgspec.json.encode([item.push.id for item in items]).decode(),
            "keys": msgspec.json.encode([(*key, since) for key, since in asked]).decode(),
        },
    ).fetchone()
    used = {asked[at][0]: (push, bytes.fromhex(print_)) for at, push, print_ in msgspec.json.decode(keys)}
    return set(msgspec.json.decode(ids)), used


def _insert(connection: sqlite3.Connection, items: Sequence[Acceptance]) -> None:
    pushes, shards, keys = [], [], []
    for item in items:
        push, count = item.push, len(item.shards)
        row = push_row(push) if count else (*push_row(push)[:-1], PushState.DONE)
        pushes.append((*row, item.audience_note, item.actor, count, None if count else push.accepted_at, *[0] * 7))
        state = ShardState.HELD if item.held else ShardState.READY
        shards += [(shard, no, state) for no, shard in enumerate(item.shards)]
        key = _key(item)
        if key is not None:
            keys.append((*key, item.fingerprint, push.id, push.accepted_at))
    insert(connection, sql.INSERT_PUSH, pushes)
    insert_shards(connection, shards)
    insert(connection, sql.INSERT_KEY, keys)


def discard(connection: sqlite3.Connection, where: Scope, before_ms: int) -> list[str]:
    """At most 500 pushes of the scope, whose shards are due at once, also the held ones."""
    statement, named = scoped(sql.DISCARD, where)
    ids = [row[0] for row in connection.execute(statement, {**named, "before": before_ms}).fetchall()]
    if ids:
        listed = msgspec.json.encode(ids).decode()
        connection.execute(sql.DISCARD_SHARDS, {"ids": listed, "due": before_ms})
    return ids


def hold(connection: sqlite3.Connection, where: Scope) -> int:
    """At most 500 shards."""
    return connection.execute(*scoped(sql.HOLD, where)).rowcount


def release(connection: sqlite3.Connection, where: Scope) -> int:
    """At most 500 shards."""
    return connection.execute(*scoped(sql.RELEASE, where)).rowcount
