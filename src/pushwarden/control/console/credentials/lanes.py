"""An environment's credentials as lanes: one a provider, with what is active, what stands by, and what was. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pushwarden.core.app import App, CredentialKind, CredentialState
from pushwarden.core.health import Health
from pushwarden.core.names import called

View = Any
"""A CredentialView."""
NAMES = {"apns": "bundle_id", "fcm": "android_package"}
SHAPES = {
    Health.NONE: ("none", "off"),
    Health.REQUESTED: ("requested", "info"),
    Health.VERIFYING: ("checking", "info"),
    Health.READY: ("ready", "ok"),
    Health.ACTIVE: ("active", "ok"),
    Health.ATTENTION: ("attention", "warn"),
    Health.UNPROVEN: ("unproven", "info"),
    Health.FAILING: ("refused", "bad"),
    Health.DISABLED: ("disabled", "off"),
    Health.RETIRED: ("retired", "off"),
}
"""Health → icon and colour."""
_WORST = (Health.FAILING, Health.ATTENTION, Health.UNPROVEN, Health.DISABLED)


@dataclass(frozen=True, slots=True)
class Lane:
    """standby: what would be switched to, or back to. special: active ones of other slots, such as calls."""

    provider: str
    name: str
    active: View | None
    standby: View | None
    special: Sequence[View]
    earlier: Sequence[View]

    @property
    def empty(self) -> bool:
        return not (self.active or self.standby or self.special)


@dataclass(frozen=True, slots=True)
class Verdict:
    """id: of the template's sentence. credential: whom it is about; standby: what could be switched to."""

    id: str
    lane: Lane | None = None
    credential: View | None = None


def lanes(app: App, kept: Iterable[View]) -> list[Lane]:
    """Providers the app has a name for, and all that have a credential; Apple first."""
    kept = list(kept)
    providers = [provider for provider, name in NAMES.items() if getattr(app, name)]
    providers += [one.provider for one in kept]
    order = list(dict.fromkeys([*NAMES, *providers]))
    return [_lane(provider, kept) for provider in order if provider in providers]


def _lane(provider: str, kept: Sequence[View]) -> Lane:
    own = [one for one in kept if one.provider == provider]
    active = next((one for one in own if one.state == CredentialState.ACTIVE and not one.slot), None)
    special = [one for one in own if one.state == CredentialState.ACTIVE and one.slot]
    waiting = [one for one in own if one.state == CredentialState.STANDBY]
    back = [one for one in own if one.state == CredentialState.PREVIOUS]
    standby = _newest(waiting) or _newest(back)
    shown = {id(one) for one in (active, standby, *special)}
    earlier = [one for one in own if id(one) not in shown]
    return Lane(provider, called(provider), active, standby, special, earlier)


def _newest(some: Sequence[View]) -> View | None:
    return max(some, key=lambda one: (one.activated_at, one.created_at), default=None)


def verdict(found: Sequence[Lane]) -> Verdict:
    """The worst thing that is so of what is in use; one sentence, and at most one thing to do."""
    for health in _WORST:
        for lane in found:
            for one in (lane.active, *lane.special):
                if one is not None and one.health is not None and one.health.state == health:
                    return Verdict(str(health), lane, one)
    missing = next((lane for lane in found if lane.active is None), None)
    if missing is not None:
        return Verdict("waiting" if missing.standby else "none", missing, missing.standby)
    return Verdict("well" if found else "nobody")


def facts(one: View) -> list[tuple[str, str, bool]]:
    """Name, value, whether it is shown in fixed width: what may be known of a credential."""
    own, found = one.facts, list[tuple[str, str, bool]]()
    match one.kind:
        case CredentialKind.APNS_TOKEN:
            found += [("Key", own.get("key_id", ""), True), ("Team", own.get("team_id", ""), True)]
        case CredentialKind.APNS_CERTIFICATE:
            found += [("Certificate", own.get("subject", ""), False), ("Serial", own.get("serial", ""), True)]
        case _:
            found += [
                ("Account", own.get("client_email", ""), True),
                ("Project", own.get("project_id", ""), True),
                ("Key ID", own.get("key_id", ""), True),
            ]
    found.append(("SHA-256", _short(one.fingerprint), True))
    if own.get("slots"):
        found.append(("Covers", ", ".join(slot or "alerts" for slot in own["slots"]), False))
    if own.get("environments"):
        found.append(("Good for", " and ".join(env.capitalize() for env in own["environments"]), False))
    return [(name, str(value), fixed) for name, value, fixed in found if value]


def _short(fingerprint: str) -> str:
    """The beginning and the end, in fours."""
    return f"{fingerprint[:4]} {fingerprint[4:8]} {fingerprint[8:12]} … {fingerprint[-4:]}"
