"""Apps, credentials as the data plane sees them, and the Snapshot that control publishes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pushwarden.core.lane import CANARY, Lane
from pushwarden.core.request import key_label
from pushwarden.core.scope import Environment


@dataclass(frozen=True, slots=True)
class App:
    """An app of an organisation. `id` is a slug, unique within its organisation. Times are Unix milliseconds.

    trial: until it goes live, production and sandbox pushes reach test devices only.
    """

    organisation: str
    id: str
    name: str
    description: str = ""
    enabled: bool = True
    bundle_id: str = ""
    android_package: str = ""
    wns_sid: str = ""
    callbacks: tuple[str, ...] = ()
    version: int = 1
    created_at: int = 0
    contacts: tuple[str, ...] = ()  # e-mail addresses of those who are told when a credential ends
    trial: bool = False
    deleted_at: int = 0  # above 0 it is in the bin: nothing is sent, and it can be put back for a week

    def tries(self, environment: Environment | None) -> bool:
        """Whether pushes there may reach test devices only. Simulators are never limited."""
        return self.trial and environment is not Environment.SIMULATED


class CredentialKind(StrEnum):
    APNS_TOKEN = "apns_token"
    APNS_CERTIFICATE = "apns_certificate"
    FCM_SERVICE_ACCOUNT = "fcm_service_account"


class CredentialState(StrEnum):
    STANDBY = "standby"
    ACTIVE = "active"
    PREVIOUS = "previous"  # was active: to be switched back to for a week
    RETIRED = "retired"  # its material is destroyed, what is known of it stays


@dataclass(frozen=True, slots=True)
class Credential:
    """What may be known of a credential. The sealed material opens only in a sender.

    slot: the topics it is for. Empty for the app's own and all that has no slot of its own; `voip` for calls alone.
    enabled: False when a person switched it off. Times are Unix milliseconds, 0 when there was or is none.
    previous_until: when one that was replaced is destroyed.
    request: the certificate request made here whose key it has. `sealed` is then that key alone, and `certificate`
    (PEM) belongs before it.
    revision: of its slot; every change of a credential there gives all of them the next.
    """

    organisation: str
    app: str
    environment: Environment
    id: str
    provider: str
    kind: CredentialKind
    state: CredentialState
    fingerprint: str
    facts: dict[str, Any] = field(default_factory=dict)  # key_id, team_id, topics, slots, environments, not_after, …
    sealed: bytes = field(default=b"", repr=False)
    version: int = 1  # of the sealed material; a change of state leaves it
    created_at: int = 0
    slot: str = ""
    enabled: bool = True
    activated_at: int = 0
    previous_until: int = 0
    request: str = ""
    certificate: str = ""
    revision: int = 1

    def covers(self, slot: str) -> bool:
        """Whether it is good for a slot's pushes. What names no slots is good for all of them, as a key is."""
        return slot in self.facts.get("slots", (slot,))

    @property
    def label(self) -> str:
        """Names this version of it."""
        return f"{self.organisation}|{self.app}|{self.id}|{self.version}"

    @property
    def sealed_under(self) -> str:
        """What `sealed` is bound to, and opens under."""
        return key_label(self.organisation, self.app, self.request) if self.request else self.label


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The configuration in effect, read-only for the data plane. A higher version replaces a lower one whole.

    credentials: by organisation, app, environment, provider and slot; those on standby have a slot of their own.
    """

    version: int
    apps: dict[tuple[str, str], App] = field(default_factory=dict)
    credentials: dict[tuple[str, str, Environment, str, str], Credential] = field(default_factory=dict)

    @classmethod
    def of(cls, version: int, apps: Iterable[App], credentials: Iterable[Credential]) -> Snapshot:
        """credentials: active ones, and those on standby, which may be tried."""
        return cls(
            version,
            {(app.organisation, app.id): app for app in apps},
            {(c.organisation, c.app, c.environment, c.provider, _seat(c)): c for c in credentials},
        )

    @property
    def active(self) -> tuple[Credential, ...]:
        return tuple(one for one in self.credentials.values() if one.state is CredentialState.ACTIVE)

    def app(self, organisation: str, app: str) -> App | None:
        return self.apps.get((organisation, app))

    def credential(
        self, organisation: str, app: str, environment: Environment, provider: str, slot: str = ""
    ) -> Credential | None:
        """What a slot's pushes are sent with, None when there is nothing; a disabled one sends when it is enabled."""
        place = (organisation, app, environment, provider)
        own = self.credentials.get((*place, slot))
        if own is None and slot.startswith(CANARY):  # active by now: what was to try it goes by it all the same
            own = next(
                (one for key, one in self.credentials.items() if key[:4] == place and CANARY + one.id == slot), None
            )
        return choose(own, self.credentials.get((*place, "")), slot)

    def of_lane(self, lane: Lane) -> Credential | None:
        return self.credential(lane.organisation, lane.app, lane.environment, lane.provider, lane.slot)


def choose(own: Credential | None, main: Credential | None, slot: str) -> Credential | None:
    """The slot's own credential, else the main one when that covers it. Who is disabled gives way to the other."""
    if main is None or slot.startswith(CANARY) or not main.covers(slot):
        return own
    return own if own is not None and (own.enabled or not main.enabled) else main


def _seat(credential: Credential) -> str:
    return credential.slot if credential.state is CredentialState.ACTIVE else CANARY + credential.id
