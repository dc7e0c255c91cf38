"""A sheet of single pushes as the acceptances it stands for."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pushwarden.core.lane import Class
from pushwarden.core.push import Message, Push, PushType
from pushwarden.core.shard import NewShard, ShardKind
from pushwarden.ports.journal import Acceptance, Accepted, Part, Sheet, Single

_message = msgspec.json.Decoder(Message)


def acceptances(sheet: Sheet) -> list[Acceptance]:
    """One a row, in order."""
    return [_acceptance(sheet, single) for single in sheet.singles]


def unusual(sheet: Sheet, answers: Sequence[Accepted | Exception]) -> dict[int, Accepted | Exception]:
    """Of an answer a row, those of rows that were not accepted anew."""
    return {row: answer for row, answer in enumerate(answers) if answer != Accepted(sheet.singles[row].id)}


def _acceptance(sheet: Sheet, single: Single) -> Acceptance:
    where = sheet.where
    assert where.environment is not None
    push = Push(
        single.id, where.organisation, where.app, where.environment, PushType(single.type), Class(single.klass),
        _message.decode(single.message), sheet.accepted_at, single.expires_at, single.not_before, single.collapse_id,
        single.priority,
    )  # fmt: skip
    return Acceptance(
        push,
        tuple(_shard(push, part) for part in single.parts),
        single.audience_note,
        single.idempotency_key,
        single.fingerprint,
        sheet.actor,
        sheet.held,
        sheet.source,
    )


def _shard(push: Push, part: Part) -> NewShard:
    due = max(push.accepted_at, push.not_before)
    return NewShard(
        push.id, push.organisation, ShardKind(part.kind), part.audience, part.lane, due, 0, part.width, part.members
    )
