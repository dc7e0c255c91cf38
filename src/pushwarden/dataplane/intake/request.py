"""The body of a push request as it comes over the wire: every field, its type and its bounds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from pushwarden.core.push import PushType

USERS_LIMIT = 10_000
TOKENS_LIMIT = 1_000
TTL_LIMIT = 2_419_200
"""28 days in seconds: what every provider keeps at most (FCM 28 days, APNs 30)."""
COLLAPSE_BYTES = 64
BODY_LIMIT = 1 << 20
"""Bytes of one push request; ten thousand long user names fit."""
DEPTH_LIMIT = 16

Name = Annotated[str, Meta(min_length=1, max_length=256)]
Token = Annotated[str, Meta(min_length=1, max_length=4096)]


class To(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who gets the push: exactly one field. `provider` says whose `tokens` these are; topics are FCM's."""

    user: Name | UnsetType = UNSET
    users: Annotated[list[Name], Meta(min_length=1, max_length=USERS_LIMIT)] | UnsetType = UNSET
    device: Name | UnsetType = UNSET
    tokens: Annotated[list[Token], Meta(min_length=1, max_length=TOKENS_LIMIT)] | UnsetType = UNSET
    tags: Annotated[str, Meta(min_length=1)] | UnsetType = UNSET
    all: bool | UnsetType = UNSET
    topic: Annotated[str, Meta(min_length=1)] | UnsetType = UNSET
    condition: Annotated[str, Meta(min_length=1)] | UnsetType = UNSET
    provider: Name | UnsetType = UNSET


class PushRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """ttl: seconds from when the push is due. not_before: Unix seconds or ISO 8601 with an offset.

    credential: one on standby, to be tried on test devices; empty for what is active. confirm: asks devices to report
    that they received it. test: people find it among the tests.
    """

    to: To
    type: PushType = PushType.ALERT
    title: str = ""
    subtitle: str = ""
    body: str = ""
    icon: str = ""
    image: str = ""
    sound: str = ""
    badge: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    link: str = ""
    data: dict[str, Any] = {}
    ttl: Annotated[int, Meta(ge=0, le=TTL_LIMIT)] | None = None
    collapse_id: str = ""
    priority: Literal["high", "normal", ""] = ""
    not_before: int | float | str | None = None
    when_stopped: Literal["refuse", "hold"] = "refuse"
    credential: Annotated[str, Meta(max_length=64)] = ""
    confirm: bool = False
    test: bool = False
    apns: dict[str, Any] = {}
    fcm: dict[str, Any] = {}
    wns: dict[str, Any] = {}
    webpush: dict[str, Any] = {}
    hms: dict[str, Any] = {}

    @property
    def overrides(self) -> dict[str, dict[str, Any]]:
        named = {"apns": self.apns, "fcm": self.fcm, "wns": self.wns, "webpush": self.webpush, "hms": self.hms}
        return {provider: fields for provider, fields in named.items() if fields}

    @property
    def texts(self) -> tuple[str, ...]:
        """What may hold placeholders."""
        return (self.title, self.subtitle, self.body, self.icon, self.image, self.sound, self.link)
