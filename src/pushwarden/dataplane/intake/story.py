"""The whole story of one push: its stages with their times, each named recipient, what devices reported. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pushwarden.core.addressed import unpack
from pushwarden.core.device import RAW_AUDIENCE, Audience
from pushwarden.core.names import called
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Push
from pushwarden.core.reasons import known
from pushwarden.core.shard import Failure
from pushwarden.core.signal import FIELD, SignalKind, nonce_of
from pushwarden.dataplane.intake.views import failure_view, iso, progress_view
from pushwarden.ports.journal import Progress
from pushwarden.ports.records import Reports

FAILURES = 100
"""Failed recipients shown with a push."""


@dataclass(frozen=True, slots=True)
class Material:
    """What the stores said. names: (audience, seq) → installation and user, of devices that are still there."""

    progress: Progress
    failures: Sequence[tuple[int, Failure]] = ()
    reports: Reports = field(default_factory=Reports)
    audiences: Mapping[int, Audience] = field(default_factory=dict)
    names: Mapping[tuple[int, int], tuple[str, str]] = field(default_factory=dict)


def story(material: Material, now_ms: int, *, whole: bool) -> dict[str, Any]:
    """whole: raw tokens may be shown."""
    progress = material.progress
    push = progress.push
    return progress_view(progress, now_ms) | {
        "message": _message(push),
        "collapse_id": push.collapse_id,
        "priority": push.priority,
        "tags": push.tags,
        "confirm": bool(nonce_of(push.message.data)),
        "reports": _reports(push, material.reports),
        "recipients": _recipients(material),
        "failures": [failure_view(row, one, whole=whole) for row, one in material.failures],
    }


def _message(push: Push) -> dict[str, Any]:
    """Without what is empty, and without the nonce: who knows it may speak for the device."""
    said = {name: value for name, value in asdict(push.message).items() if value not in ("", None, {})}
    if FIELD in said.get("data", {}) and nonce_of(push.message.data):
        said["data"] = {name: value for name, value in said["data"].items() if name != FIELD}
    return said


def _reports(push: Push, reports: Reports) -> dict[str, Any]:
    """By kind; null is "not reported", which is not zero: a device may have got the push and say nothing."""
    found: dict[str, Any] = {}
    for kind in SignalKind:
        said = reports.counts.get(kind)
        found[kind] = said and {
            "devices": said.devices,
            "first_at": iso(said.first_at),
            "last_at": iso(said.last_at),
            "first_ms": said.first_at - push.accepted_at,
        }
    return found


def _recipients(material: Material) -> list[dict[str, Any]]:
    """Those named by a push to a few, as long as it is kept who they were."""
    progress = material.progress
    failures = {(one.audience, one.seq): one for _, one in material.failures}
    raw = 0
    found = []
    for audience, entry in unpack(progress.addressed):
        seq = int.from_bytes(entry, "little") if audience != RAW_AUDIENCE else raw
        raw += audience == RAW_AUDIENCE
        failure = failures.get((audience, seq))
        found.append(_recipient(material, (audience, seq), failure))
    return found


def _recipient(material: Material, key: tuple[int, int], failure: Failure | None) -> dict[str, Any]:
    progress, audience = material.progress, material.audiences.get(key[0])
    installation, user = material.names.get(key, ("", ""))
    provider = audience.provider if audience else known(failure.reason).provider if failure else ""
    times = progress.times
    alone = progress.estimated == 1
    outcome = str(failure.fate) if failure else _outcome(progress)
    answered = outcome in ("accepted", "refused") and alone and times.last_at
    return {
        "installation_id": installation,
        "user": user,
        "provider": provider,
        "called": called(provider) if provider else "",
        "outcome": outcome,
        "status": failure.status if failure else 200 if outcome == "accepted" else 0,
        "reason": failure.reason if failure else "",
        "title": known(failure.reason).title if failure else "",
        "apns_id": apns_id(progress.push.id, key[1]) if provider == "apns" else "",
        "ms": times.last_at - times.handed_at if answered else None,
        "reported": {str(kind): iso(at) for kind, at in material.reports.apart.get(key, {}).items()},
    }


def _outcome(progress: Progress) -> str:
    """Of one that is not among the failures: what all others came to, empty while or where that cannot be said."""
    ended = {fate: count for fate, count in progress.fates.items() if count}
    kept = {Fate.REFUSED, Fate.UNKNOWN}
    others = [fate for fate in ended if fate not in kept]
    if progress.finished_at is None or len(others) != 1:
        return ""
    return str(others[0])


def apns_id(push: str, seq: int) -> str:
    """As it stands in the request: the push's 80 bits, then the device's number."""
    return "-".join((push[:8], push[8:12], push[12:16], push[16:20], f"{seq:012x}"))
