"""What may be known of a credential, and of one that was just added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pushwarden.control.standings import Stand
from pushwarden.core.app import App, Credential
from pushwarden.core.check import Check
from pushwarden.core.health import WORDS, Health, Standing
from pushwarden.core.names import IDENTITIES, called
from pushwarden.core.probe import Finding, Probe
from pushwarden.core.request import CertificateRequest
from pushwarden.core.scope import Environment


class HealthView(msgspec.Struct):
    """How it stands (docs/credentials.md). checks: why; reason: the id of what they say. Times are 0 for never."""

    state: str
    shape: str
    word: str
    sends: str
    reason: str
    since: int
    proven_at: int
    checks: list[Check]


class CredentialView(msgspec.Struct):
    """slot: the topics it is for, empty for the app's own. version: of its slot, for `version` in a change.

    previous_until: when one that was replaced is destroyed. request: the certificate request its key is of.
    """

    id: str
    provider: str
    slot: str
    kind: str
    state: str
    enabled: bool
    fingerprint: str
    facts: dict[str, Any]
    request: str
    version: int
    created_at: int
    activated_at: int
    previous_until: int
    health: HealthView | None = None


class CredentialList(msgspec.Struct):
    credentials: list[CredentialView]


class ProbeView(msgspec.Struct):
    """A live proof. finding: verifying, proven, refused or unproven; says: the same for people; url: itself."""

    id: str
    credential: str
    asked_by: str
    asked_at: int
    done_at: int
    finding: Finding
    says: str
    checks: list[Check]
    url: str


class Uploaded(msgspec.Struct):
    """checks: of the file. probe: what the provider is asked; null where sending is stopped."""

    credential: CredentialView
    checks: list[Check]
    probe: ProbeView | None = None


_SAYS = {
    Finding.VERIFYING: "{people} is being asked.",
    Finding.PROVEN: "Ready: {people} accepts it.",
    Finding.REFUSED: "Refused: it can't send.",
    Finding.UNPROVEN: "Saved, but {people} has not confirmed it.",
}


def probe_view(probe: Probe, credential: Credential) -> ProbeView:
    says = _SAYS[probe.finding].format(people=called(credential.provider))
    where = f"/v1/apps/{credential.app}/{credential.environment}/credentials/{credential.id}/probes/{probe.id}"
    own = {name: getattr(probe, name) for name in ("id", "credential", "asked_by", "asked_at", "done_at", "finding")}
    return ProbeView(**own, says=says, checks=list(probe.checks), url=where)


def view_of(credential: Credential) -> CredentialView:
    own = (name for name in CredentialView.__struct_fields__ if name != "health")
    seen = {name: getattr(credential, name) for name in own}
    return CredentialView(**seen | {"version": credential.revision})


def stood(stand: Stand, now_ms: int) -> CredentialView:
    """With how it stands now."""
    view = view_of(stand.credential)
    view.health = _health(stand.standing, stand.checks(now_ms), stand.record.proven_at)
    return view


def absent(
    app: App, environment: Environment, own: Sequence[Stand], requests: Sequence[CertificateRequest]
) -> dict[str, HealthView]:
    """Providers for which the app has a name and no credential, or waits for Apple's certificate."""
    there = {one.credential.provider for one in own}
    waiting = any(one.open and one.environment is environment for one in requests)
    found = {}
    for provider, name in IDENTITIES.items():
        if provider not in there and getattr(app, name):
            asked = provider == "apns" and waiting
            checks = () if asked else (Check.of("none", provider=called(provider)),)
            state = Standing(Health.REQUESTED) if asked else Standing(Health.NONE, "none")
            found[provider] = _health(state, checks, 0)
    return found


def _health(standing: Standing, checks: Sequence[Check], proven_at: int) -> HealthView:
    words = WORDS[standing.health]
    return HealthView(
        standing.health, words.shape, words.word, words.sends, standing.reason, standing.since, proven_at, list(checks)
    )
