"""Between the journal's rows, which are the same in every database, and core's types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from pushwarden.core.addressed import pack
from pushwarden.core.lane import Class
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Message, Push, PushState, PushType
from pushwarden.core.scope import Environment
from pushwarden.core.shard import Failure, NewShard, Shard, ShardKind, ShardState, Times
from pushwarden.ports.journal import Part, Progress, Sheet, Single

INLINE = 1024
"""Bytes of members kept in the shard's own row; longer ones stand in `roster`, written once."""

PUSH_COLUMNS = (
    "id", "organisation", "app", "environment", "type", "class", "message", "accepted_at", "expires_at", "not_before",
    "collapse_id", "priority", "tags", "schedule", "cohort", "state",
)  # fmt: skip

FATES = ("accepted", "refused", "unknown", "expired", "stopped", "withdrawn")
ENDED = " + ".join(FATES)

KEPT_COLUMNS = (
    *PUSH_COLUMNS, "audience_note", "finished_at", "number", "actor", "source", "addressed", "handed_at", "first_at",
    "last_at", "planned", *FATES,
)  # fmt: skip
"""A push with what its finished shards came to: what `progress_of` reads."""
_NOTE, _FINISHED, _NUMBER, _ACTOR, _SOURCE, _ADDRESSED, _TIMES, _PLANNED, _FIRST_FATE = (
    16,
    17,
    18,
    19,
    20,
    21,
    22,
    25,
    26,
)

RANK = {Class.URGENT: 0, Class.NORMAL: 1, Class.BULK: 2, Class.SUSPECT: 3, Class.ALONE: 4}
ALONE = f"rtrim(lane, 'abcdefghijklmnopqrstuvwxyz') || '{Class.ALONE}'"
"""SQL: a shard's lane with the class `alone` for its own."""

_FATES = tuple(Fate(fate) for fate in FATES)
_message = msgspec.json.Decoder(Message)


def push_row(push: Push) -> tuple[Any, ...]:
    """In the order of PUSH_COLUMNS. Enumerated values as plain text: SQLite's binding is slow with others."""
    return (
        push.id, push.organisation, push.app, str(push.environment), str(push.type), str(push.klass),
        msgspec.json.encode(push.message).decode(), push.accepted_at, push.expires_at, push.not_before,
        push.collapse_id, push.priority, push.tags, push.schedule, push.cohort, str(push.state),
    )  # fmt: skip


def push_of(row: Sequence[Any]) -> Push:
    """The reverse of `push_row`."""
    return Push(
        row[0], row[1], row[2], Environment(row[3]), PushType(row[4]), Class(row[5]), _message.decode(row[6]),
        accepted_at=row[7], expires_at=row[8], not_before=row[9], collapse_id=row[10], priority=row[11],
        tags=row[12], schedule=row[13], cohort=row[14], state=PushState(row[15]),
    )  # fmt: skip


@lru_cache(maxsize=1024)
def lane_rank(lane: str) -> int:
    """Of its class: 0 urgent, 1 normal, 2 bulk."""
    return RANK[Class(lane.rpartition("/")[2])]


def shard_row(shard: NewShard, no: int, state: ShardState) -> tuple[Any, ...]:
    """A LIST or TOKENS shard is frozen from the start: its members are named."""
    frozen = shard.kind is not ShardKind.RANGE
    return (
        shard.push, no, shard.organisation, shard.kind, shard.audience, shard.lane,
        lane_rank(shard.lane), state, shard.due_at, shard.lo, shard.width, shard.attempt,
        int(frozen), shard.width if frozen else 0, inline(shard.members),
        0, "", 0, 0, 0, 0, 0, 0, 0, 0, 0, b"",
    )  # fmt: skip


def inline(members: bytes) -> bytes:
    """As much of the members as stands in the shard's own row: all or nothing."""
    return members if len(members) <= INLINE else b""


def single_row(sheet: Sheet, single: Single) -> tuple[Any, ...]:
    """For INSERT_SINGLE. A push to nobody is done at once."""
    now, count = sheet.accepted_at, len(single.parts)
    return (
        single.id, single.type, single.klass, single.message, now, single.expires_at, single.not_before,
        single.collapse_id, single.priority, "open" if count else "done", single.audience_note, count,
        None if count else now, pack((part.audience, part.width, part.members) for part in single.parts),
    )  # fmt: skip


def addressed(shards: Iterable[NewShard]) -> bytes:
    """Who is named by a push with these shards, as core.addressed packs it."""
    parts = list(shards)
    if any(shard.kind is ShardKind.RANGE for shard in parts):
        return b""
    return pack((shard.audience, shard.width, shard.members) for shard in parts)


def part_row(sheet: Sheet, single: Single, no: int, part: Part) -> tuple[Any, ...]:
    """For INSERT_PART."""
    return (
        single.id, no, part.kind, part.audience, part.lane, lane_rank(part.lane),
        max(sheet.accepted_at, single.not_before), part.width, inline(part.members),
    )  # fmt: skip


def shard_of(row: Sequence[Any], members: bytes) -> Shard:
    """From the columns CLAIM returns."""
    return Shard(
        push=row[1], no=row[2], organisation=row[3], kind=ShardKind(row[4]), audience=row[5], lane=row[6],
        due_at=row[7], lo=row[8], width=row[9], members=members, attempt=row[11], crashes=row[12], fence=row[13],
        frozen=bool(row[14]), planned=row[15], issued=row[16], done=row[17],
        counts=dict(zip(_FATES, row[18:24], strict=True)), moved=row[24],
    )  # fmt: skip


def totals(counts: Mapping[Fate, int]) -> list[int]:
    """In the order of FATES."""
    return [counts.get(fate, 0) for fate in _FATES]


def fates(values: Sequence[int]) -> dict[Fate, int]:
    """The reverse of `totals`."""
    return dict(zip(_FATES, values, strict=True))


def failure_row(failure: Failure) -> tuple[Any, ...]:
    return (
        failure.push, failure.audience, failure.seq, failure.fate, failure.reason, failure.status, failure.at,
        failure.kept_token,
    )  # fmt: skip


def failure_of(push: str, row: Sequence[Any]) -> tuple[int, Failure]:
    """The row's number and the failure; its token is what was kept of it."""
    return row[0], Failure(push, row[1], row[2], Fate(row[3]), row[4], row[5], row[6], row[7].encode())


def in_flight(kind: ShardKind, frozen: bool, width: int, issued: int, members: bytes, done: bytes) -> int:
    """Members below `issued` that have not ended."""
    open_bits = ((1 << min(issued, width)) - 1) & ~int.from_bytes(done, "little")
    if kind is ShardKind.RANGE:
        open_bits &= int.from_bytes(members, "little") if frozen else 0
    return open_bits.bit_count()


def progress_of(row: Sequence[Any], left: Sequence[Sequence[Any]], flying: int, refusals: dict[str, int]) -> Progress:
    """row: KEPT_COLUMNS. left: a group a state: state, shards, unfrozen ones, estimated, planned, then the fates."""
    shards = {group[0]: group[1] for group in left}
    unfrozen = sum(group[2] for group in left)
    estimated = row[_PLANNED] + sum(group[3] for group in left)
    planned = row[_PLANNED] + sum(group[4] for group in left)
    ended = [sum(values) for values in zip(row[_FIRST_FATE:], *(group[5:] for group in left), strict=True)]
    return Progress(
        push=push_of(row),
        audience_note=row[_NOTE],
        estimated=estimated,
        planned=None if unfrozen else planned,
        pending=estimated - flying - sum(ended),
        in_flight=flying,
        fates=fates(ended),
        shards=shards,
        refusals=refusals,
        finished_at=row[_FINISHED],
        number=row[_NUMBER],
        actor=row[_ACTOR],
        source=row[_SOURCE],
        addressed=row[_ADDRESSED] or b"",
        times=Times(*row[_TIMES:_PLANNED]),
    )
