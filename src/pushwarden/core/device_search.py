"""Looking for devices: what people ask for, the index that finds it, and where a page ends."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from pushwarden.core.device import Device, DeviceState
from pushwarden.core.errors import Invalid
from pushwarden.core.tags import Expression, matches

LEAST_PREFIX = 4
"""Characters of a token to search by."""
LEAST_WHOLE = 32
"""What is shorter is taken for a token's beginning: Apple's have 64 digits, Google's some 160 characters."""
WALK = 50_000
"""Rows one request looks at, where no index knows what is asked."""
MOST = 500
"""Devices a page may have."""

_HEX = re.compile(r"[0-9a-f]+")
_FRAME = str.maketrans("", "", "<> \t\r\n")


class Way(Enum):
    """By what the devices are found; the other conditions are asked of each row on the way."""

    TOKEN = "token"
    INSTALLATION = "installation"
    USER = "user"
    TEST = "test"
    GONE = "gone"  # newest tombstone first
    ALL = "all"  # newest device first


@dataclass(frozen=True, slots=True)
class DeviceQuery:
    """Empty and None ask nothing. token: the whole of it. begins: how it begins. reason: the provider's own word."""

    token: str = field(default="", repr=False)
    begins: str = field(default="", repr=False)
    installation_id: str = ""
    user: str = ""
    tags: Expression | None = None
    provider: str = ""
    token_kind: str = ""
    app_version: str = ""
    build: str = ""
    test: bool | None = None
    state: DeviceState | None = None
    reason: str = ""

    @property
    def way(self) -> Way:
        if self.token:
            return Way.TOKEN
        if self.installation_id:
            return Way.INSTALLATION
        if self.user:
            return Way.USER
        if self.test:
            return Way.TEST
        return Way.GONE if self.state is DeviceState.GONE or self.reason else Way.ALL

    @property
    def walks(self) -> bool:
        """Whether rows must be looked at that no index knows."""
        asked = (self.begins, self.tags, self.app_version, self.build, self.test is False, self.reason, self.state)
        return any(asked) and self.way in (Way.ALL, Way.GONE)


@dataclass(frozen=True, slots=True)
class Place:
    """The last row looked at; what follows comes after it. gone_at: only where tombstones are listed."""

    audience: int
    gone_at: int
    seq: int

    def __str__(self) -> str:
        return f"{self.audience}.{self.gone_at}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """Invalid when it is no place that a page gave."""
        parts = text.split(".")
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
            raise Invalid("`after` is the `next` of the page before; leave it out for the first page.", field="after")
        return cls(*map(int, parts))


@dataclass(frozen=True, slots=True)
class Found:
    """after: where the next page begins, None at the end. searched: rows looked at, where no index knew the answer."""

    devices: list[Device]
    after: Place | None = None
    searched: int = 0


def token_prefix(text: str) -> str:
    """As it was pasted, without the frame and the spaces of NSData's description. Invalid when it is too short."""
    prefix = text.translate(_FRAME)
    if len(prefix) < LEAST_PREFIX:
        raise Invalid(f"Give at least the first {LEAST_PREFIX} characters of the token.", field="token")
    return prefix


def normal_prefix(provider: str, prefix: str) -> str | None:
    """How such tokens of this provider would begin in normal form; None when none can."""
    if provider != "apns" or not prefix:
        return prefix
    return prefix.lower() if _HEX.fullmatch(prefix.lower()) else None


def meets(query: DeviceQuery, device: Device) -> bool:
    """Every condition, whichever index found the device."""
    whole, begins = (normal_prefix(device.provider, text) for text in (query.token, query.begins))
    return (
        whole in ("", device.token)
        and begins is not None
        and device.token.startswith(begins)
        and query.installation_id in ("", device.installation_id)
        and query.user in ("", device.user)
        and (query.tags is None or matches(query.tags, device.tags))
        and query.provider in ("", device.provider)
        and query.token_kind in ("", device.token_kind)
        and query.app_version in ("", device.app_version)
        and query.build in ("", device.build)
        and query.test in (None, device.test)
        and query.state in (None, device.state)
        and query.reason in ("", device.gone_reason)
    )
