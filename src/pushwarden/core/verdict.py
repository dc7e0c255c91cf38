"""Is it working? One sentence for an app's environment and at most one thing to do, from facts. Pure.

stopped > off > refused > not in effect > attention > not proven > working > ready > waiting > nothing yet
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from pushwarden.core.health import DAY_MS, Health
from pushwarden.core.names import called
from pushwarden.core.words import listed, plural, share


class State(StrEnum):
    """The worst first."""

    STOPPED = "stopped"
    REFUSED = "refused"
    DRIFT = "drift"
    ATTENTION = "attention"
    UNPROVEN = "unproven"
    WORKING = "working"
    READY = "ready"
    WAITING = "waiting"
    NOTHING = "nothing"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Look:
    """Shape, word and colour, always all three."""

    kind: str
    shape: str
    word: str


LOOKS = {
    State.STOPPED: Look("bad", "stopped", "Stopped"),
    State.REFUSED: Look("bad", "refused", "Refused"),
    State.DRIFT: Look("warn", "attention", "Not in effect"),
    State.ATTENTION: Look("warn", "attention", "Attention"),
    State.UNPROVEN: Look("info", "unproven", "Not proven yet"),
    State.WORKING: Look("ok", "active", "Working"),
    State.READY: Look("ok", "ready", "Ready"),
    State.WAITING: Look("off", "none", "Waiting for a device"),
    State.NOTHING: Look("off", "none", "Not set up"),
    State.DISABLED: Look("off", "disabled", "Disabled"),
}
NEEDS_SOMEBODY = frozenset({State.STOPPED, State.REFUSED, State.DRIFT, State.ATTENTION})

MUCH, SOME = 0.05, 200
"""More refused than this share, of at least so many, wants a look."""
MOST = 0.5


@dataclass(frozen=True, slots=True)
class Proof:
    """A credential in use. ends_at: Unix ms, 0 for never. kind, spare: what it is and what stands by, in words."""

    provider: str
    health: Health
    kind: str = "credential"
    ends_at: int = 0
    spare: str = ""


@dataclass(frozen=True, slots=True)
class Halt:
    """A stop in force. at: Unix ms."""

    at: int
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Of an app's environment now. lacking: providers the app has a name for and no credential.

    senders: name → the version it has loaded, of those that answer; version: the newest; settled: it is older than
    what senders need to load it. accepted, refused: in the last hour. devices: by provider.
    """

    now_ms: int
    enabled: bool = True
    trial: bool = False
    halt: Halt | None = None
    proofs: tuple[Proof, ...] = ()
    lacking: tuple[str, ...] = ()
    senders: Mapping[str, int] = field(default_factory=dict)
    version: int = 0
    settled: bool = True
    accepted: int = 0
    refused: int = 0
    devices: Mapping[str, int] = field(default_factory=dict)

    @property
    def behind(self) -> tuple[str, ...]:
        return tuple(name for name, version in self.senders.items() if version < self.version and self.settled)

    @property
    def reachable(self) -> int:
        return sum(self.devices.values())


@dataclass(frozen=True, slots=True)
class Verdict:
    """sentence and rest head the page; todo is what a person should do about it, and relief what eases it.

    label: of the one button; where: `credentials`, `devices`, `send`, `activity`, `resume`, `settings` or `system`.
    sign: what stands before the sentence, where that is not the state's own look.
    """

    state: State
    sentence: str
    rest: str = ""
    todo: str = ""
    relief: str = ""
    label: str = ""
    where: str = ""
    sign: State | None = None

    @property
    def look(self) -> Look:
        return LOOKS[self.state]

    @property
    def heading(self) -> Look:
        return LOOKS[self.sign or self.state]


def verdict(facts: Facts) -> Verdict:
    """Total: the first rule that has something to say."""
    return next(said for rule in RULES if (said := rule(facts)) is not None)


def _stopped(facts: Facts) -> Verdict | None:
    if facts.halt is None:
        return None
    why = f": “{facts.halt.reason}”" if facts.halt.reason else ""
    return Verdict(State.STOPPED, "Stopped.", f"Nothing is sent. {facts.halt.by} stopped it{why}.",
                   label="Resume…", where="resume")  # fmt: skip


def _disabled(facts: Facts) -> Verdict | None:
    if facts.enabled and not (facts.proofs and all(one.health is Health.DISABLED for one in facts.proofs)):
        return None
    if facts.enabled:
        off = listed([f"the {called(one.provider)} {one.kind}" for one in facts.proofs])
        rest = f"Somebody switched {off} off; pushes wait."
        return Verdict(State.DISABLED, "Switched off.", rest, label="Open credentials", where="credentials")
    return Verdict(State.DISABLED, "Disabled.", "This app takes no pushes until somebody enables it.",
                   label="Open settings", where="settings")  # fmt: skip


def _refused(facts: Facts) -> Verdict | None:
    failing = [one for one in facts.proofs if one.health is Health.FAILING]
    if failing:
        return _failing(failing[0], facts.now_ms)
    asked = facts.accepted + facts.refused
    if asked < SOME or facts.refused <= MOST * asked:
        return None
    rest = f"{share(facts.refused, asked)} of the pushes of the last hour were refused."
    return Verdict(State.REFUSED, "Most pushes are refused.", rest, label="See why", where="activity")


def _failing(one: Proof, now_ms: int) -> Verdict:
    name = called(one.provider)
    ended = 0 < one.ends_at <= now_ms
    sentence = f"The {name} {one.kind} has expired." if ended else f"{name} refuses our {one.kind}."
    label = f"Switch to the standby {one.spare}…" if one.spare else "Open credentials"
    relief = f"A {one.spare} is waiting in standby." if one.spare else ""
    rest = f"Pushes to {name}’s devices wait until another one sends."
    return Verdict(State.REFUSED, sentence, rest, relief=relief, label=label, where="credentials")


def _drift(facts: Facts) -> Verdict | None:
    if facts.version and not facts.senders:
        rest = "Pushes are taken and wait; nothing is sent."
        return Verdict(State.DRIFT, "No sender is running.", rest, label="Open system", where="system")
    if not facts.behind:
        return None
    there = len(facts.senders) - len(facts.behind)
    rest = f"{there} of {len(facts.senders)} senders have configuration {facts.version}."
    todo = f"{listed(facts.behind)} {'has' if len(facts.behind) == 1 else 'have'} not loaded it."
    return Verdict(State.DRIFT, "The newest configuration is not in effect everywhere.", rest, todo,
                   label="Open system", where="system")  # fmt: skip


def _attention(facts: Facts) -> Verdict | None:
    """What works today and will not, or works for a part."""
    found = _ending(facts) or _doubted(facts) or _off(facts) or _unreached(facts) or _many(facts)
    if found is None:
        return None
    working = _working(facts)
    if working is None:
        return replace(found, sentence="Something needs attention.", rest="Nothing was sent in the last hour.")
    return replace(found, sentence=working.sentence, rest=working.rest, sign=State.WORKING)


def _ending(facts: Facts) -> Verdict | None:
    ending = [one for one in facts.proofs if one.health is Health.ATTENTION and one.ends_at > facts.now_ms]
    if not ending:
        return None
    one = min(ending, key=lambda proof: proof.ends_at)
    days = -(-(one.ends_at - facts.now_ms) // DAY_MS)
    at = datetime.fromtimestamp(one.ends_at / 1000, UTC)
    left = "tomorrow" if days == 1 else f"in {days} days"
    todo = f"the {called(one.provider)} {one.kind} expires {left}, on {at:%A} {at.day} {at:%B}."
    if one.spare:
        return Verdict(State.ATTENTION, "", "", todo, f"A verified {one.spare} is waiting in standby.",
                       f"Switch to the standby {one.spare}…", "credentials")  # fmt: skip
    relief = "Renewing does not disturb devices."
    return Verdict(State.ATTENTION, "", "", todo, relief, "Renew…", "credentials")


def _doubted(facts: Facts) -> Verdict | None:
    for one in facts.proofs:
        if one.health is Health.ATTENTION:
            todo = f"{called(one.provider)} refuses more pushes for the sake of our {one.kind} than before."
            return Verdict(State.ATTENTION, "", "", todo, "", "Open credentials", "credentials")
    return None


def _off(facts: Facts) -> Verdict | None:
    for one in facts.proofs:
        if one.health is Health.DISABLED:
            todo = f"the {called(one.provider)} {one.kind} is switched off; its pushes wait."
            return Verdict(State.ATTENTION, "", "", todo, "", "Open credentials", "credentials")
    return None


def _unreached(facts: Facts) -> Verdict | None:
    """Devices that nothing can be sent to."""
    for provider in facts.lacking:
        waiting = facts.devices.get(provider, 0)
        if waiting:
            todo = f"{plural(waiting, 'device')} cannot be reached: there is no {called(provider)} credential."
            return Verdict(State.ATTENTION, "", "", todo, "", "Add a credential", "credentials")
    return None


def _many(facts: Facts) -> Verdict | None:
    asked = facts.accepted + facts.refused
    if asked < SOME or facts.refused <= MUCH * asked:
        return None
    todo = f"{share(facts.refused, asked)} of the pushes of the last hour were refused."
    return Verdict(State.ATTENTION, "", "", todo, "", "See why", "activity")


def _unproven(facts: Facts) -> Verdict | None:
    waiting = [one for one in facts.proofs if one.health in (Health.UNPROVEN, Health.VERIFYING)]
    if not waiting or facts.accepted:
        return None
    one = waiting[0]
    rest = f"{called(one.provider)} has not confirmed our {one.kind}. The first push will."
    return Verdict(State.UNPROVEN, "Saved, not proven yet.", rest, label="Send a test push", where="send")


def _working(facts: Facts) -> Verdict | None:
    if not facts.accepted:
        return None
    names = listed([called(one.provider) for one in facts.proofs]) or "The provider"
    accept = "accept" if len(facts.proofs) > 1 else "accepts"
    accepted = share(facts.accepted, facts.accepted + facts.refused)
    return Verdict(State.WORKING, "Working.", f"{names} {accept} our pushes: {accepted} in the last hour.")


def _ready(facts: Facts) -> Verdict | None:
    if not facts.proofs or not facts.reachable:
        return None
    return Verdict(State.READY, "Ready.", "Nothing was sent in the last hour.", label="Send a test push", where="send")


def _waiting(facts: Facts) -> Verdict | None:
    if not facts.proofs:
        return None
    return Verdict(State.WAITING, "Waiting for a device.", "The first one that registers appears here.",
                   label="Connect a device", where="devices")  # fmt: skip


def _nothing(facts: Facts) -> Verdict:
    return Verdict(State.NOTHING, "Not set up yet.", "Nobody can be reached without a credential.",
                   label="Add a credential", where="credentials")  # fmt: skip


RULES: tuple[Callable[[Facts], Verdict | None], ...] = (
    _stopped, _disabled, _refused, _drift, _attention, _unproven, _working, _ready, _waiting, _nothing,
)  # fmt: skip
