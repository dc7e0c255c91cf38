"""Devices and the audiences they stand in. A device token is provider-opaque bytes and never printed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from pushwarden.core.scope import Environment
from pushwarden.core.secret import redacted

RAW_AUDIENCE = 0
"""Raw tokens stand in no audience; stored audiences count from 1."""


class DeviceState(StrEnum):
    LIVE = "live"
    GONE = "gone"  # a tombstone: the provider said so; reversible for 30 days


# What a token is for. A PushKit token is not a device token: the kind is stored with it.
TOKEN_KINDS: dict[str, tuple[str, ...]] = {
    "apns": (
        "alert", "voip", "complication", "fileprovider", "mdm", "location", "liveactivity", "liveactivity-start",
        "pushtotalk", "widgets", "controls",
    ),
    "fcm": ("alert", "voip"),
}  # fmt: skip

_OF_THE_APP = frozenset({"alert", "mdm"})
"""Token kinds whose pushes go to the app's own topic; each other kind has one of its own."""


def slot_of(token_kind: str) -> str:
    """The slot of credentials that pushes to such tokens ask for first, as `Credential.slot`."""
    return "" if token_kind in _OF_THE_APP else token_kind.removesuffix("-start")


LEAST_LOT = 100
"""Fewer unproven devices than this are sent to like the others: too few to say anything by a share of them."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Every device of one (organisation, app, environment, provider, token kind). `id` is dense and small."""

    id: int
    organisation: str
    app: str
    environment: Environment
    provider: str
    token_kind: str
    size: int = 0  # live devices, for previews; may lag by seconds
    next_seq: int = 0  # the next device's number: every seq of the audience is below it
    proven_seq: int = 0  # devices below it were sent to, themselves or a sample of their lot, and were accepted


@dataclass(frozen=True, slots=True)
class Device:
    """One installation's token in one audience. Times are Unix milliseconds.

    seq: dense within the audience, given at first registration, never reused, kept when the token changes.
    """

    installation_id: str
    provider: str
    token: str = field(repr=False)
    token_kind: str = "alert"
    user: str = ""
    app_version: str = ""
    build: str = ""
    tags: tuple[str, ...] = ()
    test: bool = False
    marked: bool = False  # a person made it a test device; the app's registrations leave it one
    seq: int = -1
    state: DeviceState = DeviceState.LIVE
    registered_at: int = 0
    gone_at: int | None = None
    gone_reason: str = ""
    version: int = 0

    def __str__(self) -> str:
        return f"{self.installation_id} {self.provider}/{self.token_kind} {redacted(self.token)} {self.state}"


def keeping_mark(old: Device | None, new: Device) -> Device:
    """The new registration: a device that a person made a test device stays one, whatever the app says."""
    return replace(new, test=True, marked=True) if old is not None and old.marked else new


PERSONAL = ("user", "installation_id", "app_version", "build")
"""Columns of `Rows.values` that a message may name."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Recipients as columns, all of one length. `values` holds the columns a template names (user, build, …).

    tokens: the wire form (APNs: lower-case hex; FCM: as the app got it, or a topic or condition as in core.topics).
    registered: Unix ms, only where it was asked for.
    """

    seqs: list[int] | range
    tokens: list[bytes] = field(repr=False)
    values: dict[str, list[str]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.tokens)
