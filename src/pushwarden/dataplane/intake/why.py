"""Why a device did or did not get a push: what is known of both, judged in the order in which it decides. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pushwarden.core.addressed import names
from pushwarden.core.device import Device, DeviceState
from pushwarden.core.names import called
from pushwarden.core.outcome import Fate
from pushwarden.core.push import PushState
from pushwarden.core.reasons import known
from pushwarden.core.shard import Failure
from pushwarden.core.signal import SignalKind
from pushwarden.core.tags import matches, parse_tags
from pushwarden.core.why import WORDS, Conclusion
from pushwarden.dataplane.intake.views import iso, state
from pushwarden.dataplane.intake.words import explained
from pushwarden.ports.journal import Progress

_FANNED = ("all devices", "tags ")
"""How the audience of a push to a range is noted."""


@dataclass(frozen=True, slots=True)
class Known:
    """Of one push and one device. audience: the one the device stands in. reported: kind → when, 0 when not kept."""

    progress: Progress
    device: Device
    audience: int
    failure: Failure | None = None
    reported: dict[SignalKind, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    conclusion: Conclusion
    facts: dict[str, Any] = field(default_factory=dict)


def judge(one: Known, now_ms: int) -> Judged:
    """What a device said weighs most, then what the provider answered, then who was meant, then what became of all."""
    return _answered(one) or _not_meant(one) or _unfinished(one, now_ms) or _finished(one)


def _answered(one: Known) -> Judged | None:
    if SignalKind.OPENED in one.reported:
        return Judged(Conclusion.OPENED)
    if SignalKind.RECEIVED in one.reported:
        return Judged(Conclusion.CONFIRMED)
    if one.failure is None:
        return None
    meaning, action = explained(one.failure.reason)
    facts = {"reason_title": known(one.failure.reason).title, "meaning": meaning, "action": action}
    return Judged(Conclusion.UNKNOWN if one.failure.fate is Fate.UNKNOWN else Conclusion.REFUSED, facts)


def _not_meant(one: Known) -> Judged | None:
    push, device = one.progress.push, one.device
    wanted = push.type.token_kind
    if not device.token_kind.startswith(wanted):
        return Judged(Conclusion.OTHER_KIND, {"type": push.type, "wanted": wanted, "kind": device.token_kind})
    named = names(one.progress.addressed, one.audience, device.seq)
    if named is not None:
        return None if named else Judged(Conclusion.NOT_NAMED, {"to": one.progress.audience_note})
    if device.state is DeviceState.GONE and device.gone_at and device.gone_at < push.accepted_at:
        gone = {"gone": iso(device.gone_at), "gone_reason": device.gone_reason or "no reason kept"}
        return Judged(Conclusion.DEAD_BEFORE, gone)
    if device.registered_at > push.accepted_at:
        return Judged(Conclusion.REGISTERED_LATER, {"registered": iso(device.registered_at)})
    if push.tags and not matches(parse_tags(push.tags), device.tags):
        return Judged(Conclusion.TAGS_DIFFER, {"tags": push.tags})
    return None


def _unfinished(one: Known, now_ms: int) -> Judged | None:
    if one.progress.push.state is PushState.DONE:
        return None
    match state(one.progress, now_ms):
        case "held":
            return Judged(Conclusion.HELD)
        case "scheduled":
            return Judged(Conclusion.SCHEDULED)
        case _:
            return Judged(Conclusion.ON_ITS_WAY)


def _finished(one: Known) -> Judged:
    progress = one.progress
    named = names(progress.addressed, one.audience, one.device.seq)
    unsent = {fate: progress.fates.get(fate, 0) for fate in (Fate.EXPIRED, Fate.STOPPED, Fate.WITHDRAWN)}
    count = sum(unsent.values())
    for fate, ended in unsent.items():
        if ended and not progress.fates.get(Fate.ACCEPTED) and ended == count:
            return Judged(Conclusion(str(fate)))
    if named is None and not progress.audience_note.startswith(_FANNED):
        return Judged(Conclusion.NAMES_NOT_KEPT, {"to": progress.audience_note})
    if count:
        return Judged(Conclusion.SOME_ENDED, {"count": count, "planned": progress.planned or progress.estimated})
    provider = {"provider": called(one.device.provider)}
    return Judged(Conclusion.ACCEPTED if named else Conclusion.IN_RANGE, provider)


def told(one: Known, now_ms: int) -> dict[str, Any]:
    """As the API answers it."""
    judged, push, times = judge(one, now_ms), one.progress.push, one.progress.times
    words, failure = WORDS[judged.conclusion].filled(**judged.facts), one.failure
    return {
        "push": push.id,
        "title": push.message.title,
        "type": str(push.type),
        "audience": one.progress.audience_note,
        "accepted_at": iso(push.accepted_at),
        "handed_at": iso(times.handed_at),
        "last_answer_at": iso(times.last_at),
        "token_kind": one.device.token_kind,
        "provider": one.device.provider,
        "conclusion": str(judged.conclusion),
        "says": words.title,
        "because": words.text,
        "todo": words.todo,
        "reason": failure.reason if failure else "",
        "status": failure.status if failure else 0,
        "reported": {str(kind): iso(at) for kind, at in one.reported.items()},
    }
