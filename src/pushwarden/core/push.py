"""A push as it was accepted: provider-neutral, valid, and the same for every recipient."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pushwarden.core.lane import Class
from pushwarden.core.scope import Environment, Scope

LEAST_LIFE_MS = 10_000


class PushState(StrEnum):
    OPEN = "open"
    DISCARDING = "discarding"  # cancelled, or discarded at a resume: what is left ends `stopped`
    DONE = "done"


class Source(StrEnum):
    """Where a push came from."""

    API = "api"
    PERSON = "person"
    TEST = "test"
    SCHEDULE = "schedule"
    RETRY = "retry"


class PushType(StrEnum):
    """Apple's push types; other providers map the ones they know."""

    ALERT = "alert"
    BACKGROUND = "background"
    VOIP = "voip"
    COMPLICATION = "complication"
    FILEPROVIDER = "fileprovider"
    MDM = "mdm"
    LOCATION = "location"
    LIVEACTIVITY = "liveactivity"
    PUSHTOTALK = "pushtotalk"
    WIDGETS = "widgets"
    CONTROLS = "controls"

    @property
    def token_kind(self) -> str:
        """The kind of token this type is sent to."""
        return "alert" if self in (PushType.ALERT, PushType.BACKGROUND) else str(self)

    @property
    def repeatable(self) -> bool:
        """May a push with no answer be sent again? A second silent wake-up is a second chance to crash."""
        return self not in (PushType.BACKGROUND, PushType.VOIP, PushType.PUSHTOTALK)


@dataclass(frozen=True, slots=True)
class Message:
    """What the phone shows or the app receives. Empty strings and None mean absent.

    Texts may hold `{{user}}`, `{{installation_id}}`, `{{app_version}}` or `{{build}}`: a template, filled per device.
    """

    title: str = ""
    subtitle: str = ""
    body: str = ""
    icon: str = ""
    image: str = ""
    sound: str = ""
    badge: int | None = None
    link: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)  # provider name → its own fields


@dataclass(frozen=True, slots=True)
class Push:
    """One accepted push. Times are Unix milliseconds; priority is `high` or `normal`.

    id: 20 lower-case hex digits, the first 80 bits of every `apns-id` of this push.
    """

    id: str
    organisation: str
    app: str
    environment: Environment
    type: PushType
    klass: Class
    message: Message
    accepted_at: int
    expires_at: int
    not_before: int = 0
    collapse_id: str = ""
    priority: str = ""
    tags: str = ""  # the tag expression a range shard's members must match
    schedule: str = ""
    cohort: str = ""
    state: PushState = PushState.OPEN

    @property
    def deadline(self) -> int:
        """When it is no longer sent, 0 for never. A ttl of 0 means "do not store it": our queue has 10 s to send it."""
        stored = self.expires_at > max(self.accepted_at, self.not_before)
        return self.expires_at if stored or not self.expires_at else self.expires_at + LEAST_LIFE_MS

    @property
    def scope(self) -> Scope:
        return Scope(self.organisation, self.app, self.environment, self.schedule, self.cohort, self.id)
