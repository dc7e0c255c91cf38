"""What intake does to the journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from pushwarden.adapters.postgres.journal import rows, sql
from pushwarden.core.errors import Busy, IdempotencyMismatch
from pushwarden.core.shard import ShardState
from pushwarden.ports.journal import Acceptance, Accepted

KEY_LIFE_MS = 48 * 3_600_000
_TRIES = 8

Answer = Accepted | Exception
_Key = tuple[str, str, str, str]


async def accept(connection: AsyncConnection[Any], items: Sequence[Acceptance]) -> list[Answer]:
    """An answer an item. An item whose push is there already, or whose key was used, changes nothing."""
    answers: dict[int, Answer] = {}
    for _ in range(_TRIES):
        open_items = {at: item for at, item in enumerate(items) if at not in answers}
        if not open_items:
            return [answers[at] for at in range(len(items))]
        firsts = _firsts(open_items)
        taken = await _take(connection, list(firsts.values()))
        answers |= {at: Accepted(item.push.id) for at, item in firsts.items() if item.push.id in taken}
        left = {at: item for at, item in open_items.items() if at not in answers}
        answers |= await _seen(connection, left) if left else {}
    raise Busy


def _firsts(items: dict[int, Acceptance]) -> dict[int, Acceptance]:
    """Of those with one id or one key only the first: the others are answered once it is there."""
    used = set[Any]()
    firsts = {}
    for at, item in items.items():
        names = {item.push.id, _key(item)} - {None}
        if not names & used:
            firsts[at] = item
        used |= names
    return firsts


def _key(item: Acceptance) -> _Key | None:
    push = item.push
    return (push.organisation, push.app, push.environment, item.idempotency_key) if item.idempotency_key else None


async def _take(connection: AsyncConnection[Any], items: Sequence[Acceptance]) -> set[str]:
    """The ids of those accepted now; the rest is known already, by its id or its key."""
    shards = [
        rows.new_shard(shard, no, ShardState.HELD if item.held else ShardState.READY)
        for item in items
        for no, shard in enumerate(item.shards)
    ]
    keyed = [item for item in items if item.idempotency_key]
    found = await connection.execute(
        sql.ACCEPT,
        {
            "pushes": rows.as_json([rows.new_push(item) for item in items]),
            "shards": rows.as_json(shards),
            "keys": rows.as_json([rows.new_key(item) for item in keyed]),
            "keyed": [item.push.id for item in keyed],
            "life": KEY_LIFE_MS,
        },
        prepare=True,
    )
    return {row[0] for row in await found.fetchall()}


async def _seen(connection: AsyncConnection[Any], items: dict[int, Acceptance]) -> dict[int, Answer]:
    """Answers of those whose push is there, or whose key was used; one that is gone meanwhile has none."""
    found = await connection.execute(sql.SEEN_IDS, {"ids": [item.push.id for item in items.values()]})
    ids = {row[0] for row in await found.fetchall()}
    keyed = [rows.new_key(item) for item in items.values() if item.idempotency_key]
    found = await connection.execute(sql.SEEN_KEYS, {"keys": rows.as_json(keyed), "life": KEY_LIFE_MS}, binary=True)
    used = {asked: (push, fingerprint) for asked, push, fingerprint in await found.fetchall()}
    answers: dict[int, Answer] = {}
    for at, item in items.items():
        if item.push.id in ids:
            answers[at] = Accepted(item.push.id, replayed=True)
        elif item.push.id in used:
            push, fingerprint = used[item.push.id]
            same = fingerprint == item.fingerprint
            answers[at] = Accepted(push, replayed=True) if same else IdempotencyMismatch()
    return answers
