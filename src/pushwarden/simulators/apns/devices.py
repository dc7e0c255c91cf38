"""The token table: what APNs knows of a device token. Any well-formed token is good unless a row or a share says so."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from enum import StrEnum

from .answers import Refusal, refusal

DAY_MS = 86_400_000


class State(StrEnum):
    OK = "ok"
    WRONG_ENVIRONMENT = "wrong-env"
    OTHER_TOPIC = "other-topic"
    UNREGISTERED = "unregistered"
    EXPIRED = "expired"
    BUSY = "busy"


REASONS = {
    State.WRONG_ENVIRONMENT: "BadDeviceToken",
    State.OTHER_TOPIC: "DeviceTokenNotForTopic",
    State.UNREGISTERED: "Unregistered",
    State.EXPIRED: "ExpiredToken",
    State.BUSY: "TooManyRequests",
}


@dataclass(frozen=True, slots=True)
class Device:
    """since_ms: for unregistered and expired, the timestamp of the answer; 0: a day before the simulator started."""

    state: State
    since_ms: int = 0


@dataclass(slots=True)
class Devices:
    """rows by token in lower case; shares of all other tokens, in order, by the CRC-32 of the lower-case token."""

    started_ms: int
    rows: dict[bytes, Device] = field(default_factory=dict)
    shares: tuple[tuple[State, float], ...] = ()

    @property
    def plain(self) -> bool:
        """Every well-formed token is good."""
        return not self.rows and not self.shares

    def verdict(self, token: bytes) -> Refusal | None:
        """token: lower-case hex."""
        device = self.rows.get(token)
        if device is None:
            device = Device(self._by_share(token)) if self.shares else None
        if device is None or device.state is State.OK:
            return None
        gone = device.state in {State.UNREGISTERED, State.EXPIRED}
        since = device.since_ms or self.started_ms - DAY_MS
        return refusal(REASONS[device.state], since if gone else None)

    def _by_share(self, token: bytes) -> State:
        at = zlib.crc32(token) / 2**32
        for state, share in self.shares:
            if at < share:
                return state
            at -= share
        return State.OK
