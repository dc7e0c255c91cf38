"""Apps, credentials as the data plane sees them, and the Snapshot that control publishes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pushwarden.core.request import key_label
from pushwarden.core.scope import Environment


@dataclass(frozen=True, slots=True)
class App:
    """An app of an organisation. `id` is a slug, unique within its organisation. Times are Unix milliseconds."""

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


class CredentialKind(StrEnum):
    APNS_TOKEN = "apns_token"
    APNS_CERTIFICATE = "apns_certificate"
    FCM_SERVICE_ACCOUNT = "fcm_service_account"


class CredentialState(StrEnum):
    STANDBY = "standby"
    ACTIVE = "active"
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True)
class Credential:
    """What may be known of a credential. The sealed material opens only in a sender.

    slot: the topics it is for. Empty for the app's own and all that has no slot of its own; `voip` for calls alone.
    enabled: False when a person switched it off. Times are Unix milliseconds, 0 when there was or is none.
    previous_until: when one that was replaced is destroyed.
    request: the certificate request made here whose key it has. `sealed` is then that key alone, and `certificate`
    (PEM) belongs before it.
    """

    organisation: str
    app: str
    environment: Environment
    id: str
    provider: str
    kind: CredentialKind
    state: CredentialState
    fingerprint: str
    facts: dict[str, Any] = field(default_factory=dict)  # key_id, team_id, topics, environments, not_after (ms), …
    sealed: bytes = field(default=b"", repr=False)
    version: int = 1  # of the sealed material; a change of state leaves it
    created_at: int = 0
    slot: str = ""
    enabled: bool = True
    activated_at: int = 0
    previous_until: int = 0
    request: str = ""
    certificate: str = ""

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

    endpoints: provider → origin override, used only in the `simulated` environment and by tests.
    """

    version: int
    apps: dict[tuple[str, str], App] = field(default_factory=dict)
    credentials: dict[tuple[str, str, Environment, str], Credential] = field(default_factory=dict)

    def app(self, organisation: str, app: str) -> App | None:
        return self.apps.get((organisation, app))

    def credential(self, organisation: str, app: str, environment: Environment, provider: str) -> Credential | None:
        """The active credential of a lane, None when there is none."""
        return self.credentials.get((organisation, app, environment, provider))
