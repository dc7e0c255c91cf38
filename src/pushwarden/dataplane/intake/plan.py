"""Step 4: who gets the push → shards. Pure, given what the devices store answered."""

from __future__ import annotations

import secrets
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pushwarden.core.device import LEAST_LOT, RAW_AUDIENCE, Audience
from pushwarden.core.lane import Class, Lane
from pushwarden.core.push import Message, Push, PushType
from pushwarden.core.scope import Scope
from pushwarden.core.shard import SHARD_WIDTH, NewShard, ShardKind
from pushwarden.core.signal import asks
from pushwarden.dataplane.intake.parse import Parsed, Target

USERS_ARE_BULK = 256
"""More named users than this go with the fan-outs, so that they do not hold up single pushes."""

DEFAULT_TTL: dict[PushType, int] = {
    PushType.ALERT: 86_400,
    PushType.BACKGROUND: 3_600,
    PushType.VOIP: 30,
    PushType.PUSHTOTALK: 0,
    PushType.LIVEACTIVITY: 3_600,
    PushType.LOCATION: 60,
}
OTHER_TTL = 3_600
"""Seconds. A late silent push or ring is worse than none; an alert is still read the next day."""
URGENT = frozenset({PushType.VOIP, PushType.PUSHTOTALK})


@dataclass(frozen=True, slots=True)
class Plan:
    """estimated: recipients as far as intake can know; for tags it is the most there can be."""

    shards: tuple[NewShard, ...]
    estimated: int
    left_out: Mapping[str, int]  # provider without a credential for this type → recipients


def push_id(now_ms: int) -> str:
    """20 lower-case hex digits: 48-bit Unix milliseconds, then 32 random bits."""
    (one,) = push_ids(now_ms, 1)
    return one


def push_ids(now_ms: int, count: int) -> list[str]:
    """Of one moment: consecutive from a random start, so that no two are the same."""
    start, moment = secrets.randbits(32), f"{now_ms:012x}"
    return [f"{moment}{number & 0xFFFFFFFF:08x}" for number in range(start, start + count)]


def default_ttl(push_type: PushType) -> int:
    """Seconds."""
    return DEFAULT_TTL.get(push_type, OTHER_TTL)


def class_of(push_type: PushType, target: Target) -> Class:
    if push_type in URGENT:
        return Class.URGENT
    return Class.BULK if target.fan_out or len(target.names) > USERS_ARE_BULK else Class.NORMAL


def token_kind(parsed: Parsed) -> str:
    """A Live Activity starts by the push-to-start token and goes on by its own."""
    request = parsed.request
    event = request.apns.get("aps", request.apns)
    if request.type is PushType.LIVEACTIVITY and isinstance(event, dict) and event.get("event") == "start":
        return "liveactivity-start"
    return request.type.token_kind


def push_of(parsed: Parsed, where: Scope, now_ms: int) -> Push:
    """The push as the journal keeps it, its times resolved against now."""
    request, target = parsed.request, parsed.target
    assert where.environment is not None
    due = max(now_ms, parsed.not_before)
    ttl = default_ttl(request.type) if request.ttl is None else request.ttl
    name = push_id(now_ms)
    return Push(
        id=name,
        organisation=where.organisation,
        app=where.app,
        environment=where.environment,
        type=request.type,
        klass=class_of(request.type, target),
        message=Message(
            request.title, request.subtitle, request.body, request.icon, request.image, request.sound,
            request.badge, request.link, request.data | (asks(name) if request.confirm else {}), request.overrides,
        ),
        accepted_at=now_ms,
        expires_at=due + ttl * 1000,
        not_before=parsed.not_before,
        collapse_id=request.collapse_id,
        priority=request.priority or ("normal" if request.type is PushType.BACKGROUND else "high"),
        tags=target.tags,
    )  # fmt: skip


def plan_range(push: Push, audiences: Sequence[Audience], slots: Mapping[str, str]) -> Plan:
    """Every device of the audiences up to `next_seq`, shard by shard; many unproven ones go into the suspect lane.

    slots, here and below: provider that can be sent to → the slot of its lane.
    """
    reached = [audience for audience in audiences if audience.provider in slots]
    shards = tuple(shard for audience in reached for shard in _ranges(push, audience, slots))
    left_out = _left_out((audience, audience.size) for audience in audiences if audience.provider not in slots)
    return Plan(shards, sum(audience.size for audience in reached), left_out)


def _ranges(push: Push, audience: Audience, slots: Mapping[str, str]) -> Iterator[NewShard]:
    proven, stop, due = audience.proven_seq, audience.next_seq, _due(push)
    suspect = push.klass is Class.BULK and stop - proven >= LEAST_LOT
    for klass, first, last in ((push.klass, 0, proven), (Class.SUSPECT if suspect else push.klass, proven, stop)):
        lane = _lane(push, audience.provider, slots, klass)
        for lo in range(first, last, SHARD_WIDTH):
            width = min(SHARD_WIDTH, last - lo)
            yield NewShard(push.id, push.organisation, ShardKind.RANGE, audience.id, lane, due, lo, width)


def plan_list(
    push: Push, found: Mapping[int, Sequence[int]], audiences: Mapping[int, Audience], slots: Mapping[str, str]
) -> Plan:
    """The named devices; `found` as `Devices.find` answers: audience → ascending seqs."""
    shards: list[NewShard] = []
    left_out = []
    for audience_id, seqs in found.items():
        audience = audiences[audience_id]
        if audience.provider not in slots:
            left_out.append((audience, len(seqs)))
            continue
        lane, due = _lane(push, audience.provider, slots), _due(push)
        for start in range(0, len(seqs), SHARD_WIDTH):
            part = seqs[start : start + SHARD_WIDTH]
            members = packed(part)
            shards.append(
                NewShard(push.id, push.organisation, ShardKind.LIST, audience_id, lane, due, 0, len(part), members)
            )
    return Plan(tuple(shards), sum(shard.width for shard in shards), _left_out(left_out))


def plan_tokens(push: Push, target: Target, slots: Mapping[str, str]) -> Plan:
    """Raw tokens: at most 1,000, so one shard. A topic or condition is a shard of one recipient."""
    assert target.provider
    shard = NewShard(
        push.id, push.organisation, ShardKind.TOKENS, RAW_AUDIENCE, _lane(push, target.provider, slots), _due(push),
        0, len(target.names), "\n".join(target.names).encode(),
    )  # fmt: skip
    return Plan((shard,), len(target.names), {})


def packed(seqs: Sequence[int]) -> bytes:
    """Little-endian u64, as a LIST shard keeps its members."""
    column = array("Q", seqs)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _lane(push: Push, provider: str, slots: Mapping[str, str], klass: Class | None = None) -> str:
    return Lane(push.organisation, push.app, push.environment, provider, klass or push.klass, slots[provider]).key


def _due(push: Push) -> int:
    return max(push.accepted_at, push.not_before)


def _left_out(pairs: Iterable[tuple[Audience, int]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for audience, size in pairs:
        counts[audience.provider] = counts.get(audience.provider, 0) + size
    return counts
