"""How a credential stands: ten states, what leads from one to another, what people read. Pure.

Kept is what answers said of it (`Record`); that it is in use, ended, off or destroyed is derived whenever it is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from pushwarden.core.app import Credential, CredentialState
from pushwarden.core.check import Check

DAY_MS = 86_400_000
WARNED_DAYS = 30
"""Days before its end from which a credential in use needs attention (Apple mails at 30 days)."""
PROOF_MS = 15_000
"""How long a proof is awaited: a sender has 10 s for it, and may have to be found first."""
PROVEN_MS = 60_000
"""How often at most real traffic is written down as proof."""


class Health(StrEnum):
    NONE = "none"
    REQUESTED = "requested"
    VERIFYING = "verifying"
    READY = "ready"
    ACTIVE = "active"
    ATTENTION = "attention"
    UNPROVEN = "unproven"
    FAILING = "failing"
    DISABLED = "disabled"
    RETIRED = "retired"


class Event(StrEnum):
    """First what answers and people add to what is kept, then what is derived at every reading."""

    REQUESTED = "requested"  # a certificate request made here waits for Apple's answer
    UPLOADED = "uploaded"  # a file was checked and sealed, and its proof is asked for
    PROVEN = "proven"  # an answer came that only a good credential gets, and no more refusals than usual
    UNREACHED = "unreached"  # its proof had no answer in time
    OUTAGE = "outage"  # the provider has trouble, whoever asks
    DOUBTED = "doubted"  # refusals for its sake are more than before
    REFUSED = "refused"  # refusals for its sake are most of the answers, or one answer left no doubt
    ENABLED = "enabled"  # a person switched it on again
    ACTIVATED = "activated"  # pushes of its slot use it
    REPLACED = "replaced"  # they do not: it is in reserve
    ENDING = "ending"  # it ends within WARNED_DAYS
    ENDED = "ended"  # its last day is over
    DISABLED = "disabled"  # a person switched it off
    RETIRED = "retired"  # its material is destroyed


_H, _E = Health, Event
_ALWAYS = {_E.ENDED: _H.FAILING, _E.REFUSED: _H.FAILING, _E.DISABLED: _H.DISABLED, _E.RETIRED: _H.RETIRED}

TABLE: dict[Health, dict[Event, Health]] = {
    _H.NONE: {_E.REQUESTED: _H.REQUESTED, _E.UPLOADED: _H.VERIFYING},
    _H.REQUESTED: {_E.UPLOADED: _H.VERIFYING},
    _H.VERIFYING: _ALWAYS | {_E.PROVEN: _H.READY, _E.UNREACHED: _H.UNPROVEN, _E.DOUBTED: _H.ATTENTION},
    _H.READY: _ALWAYS | {_E.ACTIVATED: _H.ACTIVE, _E.DOUBTED: _H.ATTENTION},
    _H.ACTIVE: _ALWAYS | {_E.REPLACED: _H.READY, _E.DOUBTED: _H.ATTENTION, _E.ENDING: _H.ATTENTION},
    _H.ATTENTION: _ALWAYS | {_E.REPLACED: _H.READY, _E.PROVEN: _H.READY, _E.DOUBTED: _H.ATTENTION},
    _H.UNPROVEN: _ALWAYS | {_E.UPLOADED: _H.VERIFYING, _E.PROVEN: _H.READY, _E.DOUBTED: _H.ATTENTION},
    _H.FAILING: _ALWAYS | {_E.PROVEN: _H.READY, _E.DOUBTED: _H.ATTENTION},
    _H.DISABLED: {_E.ENABLED: _H.VERIFYING, _E.RETIRED: _H.RETIRED},
    _H.RETIRED: {},
}
"""What is not named leaves the state as it is: an outage changes nothing, and nothing leads out of `retired`."""

REASONS = {
    _E.UNREACHED: "live.no_sender", _E.DOUBTED: "run.refused_rate", _E.REFUSED: "run.refused_rate",
    _E.ENDING: "cert.expires", _E.ENDED: "cert.expired",
}  # fmt: skip
"""The message that explains the state an event led to, where the event brings none of its own."""


@dataclass(frozen=True, slots=True)
class Words:
    """A state as people see it, never by colour alone. sends: what becomes of its pushes."""

    shape: str
    word: str
    meaning: str
    sends: str


WORDS: dict[Health, Words] = {
    _H.NONE: Words("○", "No credential", "nothing is uploaded", "no"),
    _H.REQUESTED: Words("◔", "Waiting for Apple's certificate", "a request was made here, the .cer is not back", "no"),
    _H.VERIFYING: Words("◌", "Checking…", "its proof is under way", "as before"),
    _H.READY: Words("✓", "Ready (standby)", "proven, not in use", "no"),
    _H.ACTIVE: Words("●", "Active", "in use and well", "yes"),
    _H.ATTENTION: Words("▲", "Active, needs attention", "works now; will end, or is refused more than before", "yes"),
    _H.UNPROVEN: Words("◇", "Saved, not proven", "checked here; no answer of the provider yet", "only when activated"),
    _H.FAILING: Words("✕", "Refused, or ended", "the provider refuses it, or it ended", "no; held, not dropped"),
    _H.DISABLED: Words("❚❚", "Disabled", "a person switched it off", "no; held, not dropped"),
    _H.RETIRED: Words("⊘", "Retired", "replaced for good; its material is destroyed", "no"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of a credential: what answers said. Times are Unix milliseconds, 0 for never.

    since: when `health` began; reason: a message's id; checks: the evidence; proven_at: the last answer that only a
    good credential gets; asked_at: the last proof that was asked for.
    """

    organisation: str
    app: str
    credential: str
    health: Health = Health.UNPROVEN
    since: int = 0
    reason: str = ""
    checks: tuple[Check, ...] = ()
    proven_at: int = 0
    asked_at: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How a credential stands at one moment. reason: a message's id, empty when there is nothing to say."""

    health: Health
    reason: str = ""
    since: int = 0


def record_of(credential: Credential) -> Record:
    """Of one of which nothing is kept: nobody has heard of it yet."""
    return Record(credential.organisation, credential.app, credential.id)


def step(health: Health, event: Event) -> Health:
    """Total: what an event makes of a state."""
    return TABLE[health].get(event, health)


def heard(record: Record, event: Event, now_ms: int, reason: str = "", checks: tuple[Check, ...] = ()) -> Record:
    """What is kept after an event. reason: a message's id, by itself the event's own."""
    asked = now_ms if event in (Event.UPLOADED, Event.ENABLED) else record.asked_at
    proven = now_ms if event is Event.PROVEN else record.proven_at
    record = replace(record, proven_at=proven, asked_at=asked)
    after = TABLE[record.health].get(event)
    if after is None:
        return record
    since = record.since if after is record.health else now_ms
    why = (reason or REASONS[event]) if event in REASONS else ""
    return replace(record, health=after, since=since, reason=why, checks=checks)


def enabled_again(record: Record, now_ms: int) -> Record:
    """A person switched it on: what was known of it is to be proven anew."""
    return heard(replace(record, health=Health.DISABLED), Event.ENABLED, now_ms)


def standing(credential: Credential, record: Record, now_ms: int) -> Standing:
    """How it stands now: what is kept, and then what follows from the credential itself and from the clock."""
    found = Standing(record.health, record.reason, record.since)
    for event, since in (*_silence(record, now_ms), *_derived(credential, now_ms)):
        after = TABLE[found.health].get(event)
        if after is not None:
            found = Standing(after, REASONS.get(event, ""), since or found.since)
    return found


def _silence(record: Record, now_ms: int) -> Iterator[tuple[Event, int]]:
    """A proof that nobody gave: no sender ran, or it ended in the middle."""
    given_up = max(record.since, record.asked_at) + PROOF_MS
    if record.health is Health.VERIFYING and now_ms >= given_up:
        yield Event.UNREACHED, given_up


def _derived(credential: Credential, now_ms: int) -> Iterator[tuple[Event, int]]:
    """Events that nobody writes down, in the order in which they weigh, and since when (0: not known)."""
    active = credential.state is CredentialState.ACTIVE
    yield (Event.ACTIVATED, credential.activated_at) if active else (Event.REPLACED, 0)
    ends = ends_at(credential)
    if ends and now_ms >= ends:
        yield Event.ENDED, ends
    elif ends and now_ms >= ends - WARNED_DAYS * DAY_MS:
        yield Event.ENDING, ends - WARNED_DAYS * DAY_MS
    yield (Event.ENABLED if credential.enabled else Event.DISABLED), 0
    if credential.state is CredentialState.RETIRED:
        yield Event.RETIRED, 0


def ends_at(credential: Credential) -> int:
    """When its certificate ends, Unix milliseconds; 0 for a key, which has no end."""
    return int(credential.facts.get("not_after") or 0)
