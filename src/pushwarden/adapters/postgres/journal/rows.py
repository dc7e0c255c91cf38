"""Rows as the JSON that the statements take, by the names of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from pushwarden.adapters.journal_rows import FATES, addressed, failure_row, push_row, shard_row, totals
from pushwarden.adapters.postgres.journal.sql import KEY_COLUMNS, NEW_PUSH_COLUMNS
from pushwarden.core.push import PushState
from pushwarden.core.shard import Mark, NewShard, ShardState
from pushwarden.ports.journal import Acceptance

_SHARD_ROW = (
    "push", "no", "organisation", "kind", "audience", "lane", "rank", "state", "due_at", "lo", "width", "attempt",
    "frozen", "planned", "crashes", "holder", "fence", "issued", "moved", *FATES, "done",
)  # fmt: skip
_MEMBERS = 14
"""Where `shard_row` has them."""
_FAILURE = ("push", "audience", "seq", "fate", "reason", "status", "at", "token")


def as_json(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows).decode()


def hexed(value: bytes) -> str:
    """As PostgreSQL reads a bytea."""
    return "\\x" + value.hex()


def new_push(item: Acceptance) -> dict[str, Any]:
    """A push to nobody is done at once."""
    count, push = len(item.shards), item.push
    row = push_row(push) if count else (*push_row(push)[:-1], PushState.DONE)
    named = (item.audience_note, item.actor, count, None if count else push.accepted_at)
    more = (*named, item.source, hexed(addressed(item.shards)), *[0] * 7)
    return dict(zip(NEW_PUSH_COLUMNS, (*row, *more), strict=True))


def new_key(item: Acceptance) -> dict[str, Any]:
    push = item.push
    row = (
        push.organisation, push.app, push.environment, item.idempotency_key, hexed(item.fingerprint), push.id,
        push.accepted_at,
    )  # fmt: skip
    return dict(zip(KEY_COLUMNS, row, strict=True))


def new_shard(shard: NewShard, no: int, state: ShardState) -> dict[str, Any]:
    """With all of its members, however many: the statement moves long ones to `roster`."""
    row = list(shard_row(shard, no, state))
    del row[_MEMBERS]
    row[-1] = "\\x"
    return dict(zip(_SHARD_ROW, row, strict=True)) | {"members": hexed(shard.members)}


def counted(mark: Mark) -> dict[str, Any]:
    """What every mark says."""
    said = {"push": mark.push, "no": mark.no, "fence": mark.fence, "issued": mark.issued, "moved": mark.moved}
    return said | dict(zip(FATES, totals(mark.counts), strict=True)) | {"done": hexed(mark.done)}


def recorded(place: int, mark: Mark) -> dict[str, Any]:
    """What a mark says that does more than count."""
    return counted(mark) | {
        "place": place, "finished": mark.finished, "release": mark.release, "due_at": mark.due_at,
        "retries": len(mark.retries), **asdict(mark.times),
    }  # fmt: skip


def failures(place: int, mark: Mark) -> list[dict[str, Any]]:
    return [dict(zip(_FAILURE, failure_row(one), strict=True)) | {"place": place} for one in mark.failures]


def retries(place: int, mark: Mark) -> list[dict[str, Any]]:
    """`no` says whose they are; the statement numbers them."""
    return [new_shard(shard, place, ShardState.READY) for shard in mark.retries]
