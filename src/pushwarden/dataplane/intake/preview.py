"""The exact provider requests of a push for up to three recipients, with nothing written and nothing secret shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from pushwarden.core.app import Credential
from pushwarden.core.device import RAW_AUDIENCE, Rows
from pushwarden.core.lane import Lane
from pushwarden.core.push import PushType
from pushwarden.core.secret import redacted
from pushwarden.core.shard import NewShard, ShardKind
from pushwarden.dataplane.intake.parse import Parsed
from pushwarden.dataplane.intake.push import Caller, Draft, Intake
from pushwarden.dataplane.intake.receipts import warnings
from pushwarden.ports.devices import Devices
from pushwarden.providers.port import Cell, Envelope, Provider

SAMPLES = 3
SHARDS_LOOKED_AT = 16
"""A tag expression few devices match may have no sample in these."""


@dataclass(frozen=True, slots=True)
class Sample:
    lane: Lane
    rows: Rows


async def preview(intake: Intake, devices: Devices, parsed: Parsed, caller: Caller) -> dict[str, Any]:
    """Counts by audience, the requests with sizes, and warnings. A stop does not hinder a preview; it is a warning."""
    open_eyed = msgspec.structs.replace(parsed.request, when_stopped="hold")
    draft = await intake.draft(Parsed(open_eyed, parsed.target, parsed.not_before), caller)
    samples = await _samples(intake, devices, draft)
    stopped = ["Sending is stopped here: this push would be refused or held."] if draft.acceptance.held else []
    return {
        "class": str(draft.push.klass),
        "estimated": draft.plan.estimated,
        "audiences": await _audiences(intake, draft, caller),
        "requests": [request for sample in samples for request in _requests(intake, draft, sample)],
        "warnings": stopped + warnings(draft),
    }


async def _audiences(intake: Intake, draft: Draft, caller: Caller) -> list[dict[str, Any]]:
    """recipients: exact for named devices; for a fan-out the width of its range, the most there can be."""
    counts: dict[tuple[int, str], int] = {}
    for shard in draft.plan.shards:
        key = (shard.audience, Lane.parse(shard.lane).provider)
        counts[key] = counts.get(key, 0) + shard.width
    known = await intake.sources.recipients.audiences(caller.where, [one for one, _ in counts if one != RAW_AUDIENCE])
    return [
        {
            "provider": provider,
            "token_kind": "raw" if audience == RAW_AUDIENCE else known[audience].token_kind,
            "recipients": count,
        }
        for (audience, provider), count in counts.items()
    ]


async def _samples(intake: Intake, devices: Devices, draft: Draft) -> list[Sample]:
    samples: list[Sample] = []
    room = SAMPLES
    for shard in draft.plan.shards[:SHARDS_LOOKED_AT]:
        lane = Lane.parse(shard.lane)
        if room == 0:
            break
        columns = intake.sources.providers[lane.provider].columns(draft.push)
        rows = await _rows(devices, draft, shard, columns, room)
        if len(rows):
            samples.append(Sample(lane, rows))
            room -= len(rows)
    return samples


async def _rows(devices: Devices, draft: Draft, shard: NewShard, columns: tuple[str, ...], room: int) -> Rows:
    match shard.kind:
        case ShardKind.TOKENS:
            tokens = shard.members.split(b"\n")[:room]
            return Rows(range(len(tokens)), tokens)
        case ShardKind.LIST:
            seqs: Sequence[int] = memoryview(shard.members).cast("Q").tolist()[:room]
        case ShardKind.RANGE:
            found = await devices.members(shard.audience, shard.lo, shard.lo + shard.width, draft.push.tags)
            seqs = found[:room]
    return await devices.pick(shard.audience, seqs, columns)


def _requests(intake: Intake, draft: Draft, sample: Sample) -> list[dict[str, Any]]:
    credential = intake.sources.snapshot().of_lane(sample.lane)
    assert credential is not None  # planned only for providers that have one
    provider = intake.sources.providers[sample.lane.provider]
    envelopes = _rendered(provider, draft, credential, sample.rows)
    return [request for envelope in envelopes for request in shown(provider, draft.push.type, envelope, sample)]


def _rendered(provider: Provider, draft: Draft, credential: Credential, rows: Rows) -> list[Envelope]:
    return provider.render(draft.push, draft.app, credential, rows)


def shown(provider: Provider, kind: PushType, envelope: Envelope, sample: Sample) -> Iterator[dict[str, Any]]:
    """Each as JSON, with its size; a token is redacted wherever it stands."""
    rows = range(envelope.count) if envelope.rows is None else envelope.rows
    limit = provider.facts.payload_limit.get(kind)
    for place, row in enumerate(islice(rows, SAMPLES)):
        token, body = sample.rows.tokens[row], _cell(envelope.body, place)
        yield {
            "provider": sample.lane.provider,
            "method": "POST",
            "url": _text(b"https://" + envelope.origin.authority + _cell(envelope.path, place), token),
            "headers": {name.decode(): _text(_cell(value, place), token) for name, value in envelope.headers},
            "body": _text(body, token),
            "body_bytes": len(body),
            "limit_bytes": limit,
        }
    for row, outcome in envelope.refused:
        yield {"provider": sample.lane.provider, "refused": outcome.reason, "token": redacted(sample.rows.tokens[row])}


def _cell(cell: Cell, place: int) -> bytes:
    return cell if isinstance(cell, bytes) else cell[place]


def _text(value: bytes, token: bytes) -> str:
    """The device token is replaced wherever a provider puts it."""
    return value.replace(token, redacted(token).encode()).decode("utf-8", "replace")
