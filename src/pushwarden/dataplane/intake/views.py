"""What callers see of pushes: progress, refusals in plain words, failures, receipts of a cancel."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pushwarden.core.device import RAW_AUDIENCE
from pushwarden.core.outcome import Fate
from pushwarden.core.push import PushState
from pushwarden.core.reasons import known
from pushwarden.core.secret import redacted
from pushwarden.core.shard import Failure
from pushwarden.dataplane.intake.words import explained
from pushwarden.ports.journal import Progress


def iso(ms: int | None) -> str | None:
    """Unix milliseconds as ISO 8601 in UTC; None for none and for 0."""
    if not ms:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def state(progress: Progress, now_ms: int) -> str:
    """`held` and `scheduled` are what an open push is called while nothing of it can go out."""
    push, shards = progress.push, progress.shards
    if push.state is not PushState.OPEN or shards.get("claimed"):
        return str(push.state)
    if shards.get("held"):
        return "held"
    return "scheduled" if push.not_before > now_ms else "open"


def progress_view(progress: Progress, now_ms: int) -> dict[str, Any]:
    """Conservation: planned = pending + in_flight + accepted + refused + unknown + expired + stopped + withdrawn."""
    push = progress.push
    return {
        "id": push.id,
        "app": push.app,
        "environment": str(push.environment),
        "source": progress.source,
        "actor": progress.actor,
        "state": state(progress, now_ms),
        "type": str(push.type),
        "class": str(push.klass),
        "audience": progress.audience_note,
        "title": push.message.title,
        "estimated": progress.estimated,
        "planned": progress.planned,
        "pending": progress.pending,
        "in_flight": progress.in_flight,
        **{str(fate): progress.fates.get(fate, 0) for fate in Fate},
        "refusals": [refusal_view(reason, count) for reason, count in sorted(progress.refusals.items())],
        "shards": progress.shards,
        "accepted_at": iso(push.accepted_at),
        "not_before": iso(push.not_before),
        "expires_at": iso(push.expires_at),
        "handed_at": iso(progress.times.handed_at),
        "first_answer_at": iso(progress.times.first_at),
        "last_answer_at": iso(progress.times.last_at),
        "finished_at": iso(progress.finished_at),
    }


def refusal_view(reason: str, count: int) -> dict[str, Any]:
    meaning, action = explained(reason)
    return {"reason": reason, "count": count, "title": known(reason).title, "meaning": meaning, "action": action}


def failure_view(row: int, failure: Failure, *, whole: bool) -> dict[str, Any]:
    """token_hash: of a device's token, enough to recognise it. token: a raw one, shown to who may see tokens."""
    meaning, action = explained(failure.reason)
    kept, raw = failure.token.decode(), failure.audience == RAW_AUDIENCE
    token = {"token": kept if whole else redacted(kept)} if raw else {"token_hash": kept}
    return token | {
        "row": row,
        "audience": failure.audience,
        "seq": failure.seq,
        "fate": str(failure.fate),
        "reason": failure.reason,
        "status": failure.status,
        "at": iso(failure.at),
        "title": known(failure.reason).title if failure.reason else "",
        "meaning": meaning,
        "action": action,
    }
