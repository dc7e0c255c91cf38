"""What APNs may know of a device token, and what it answers then."""

from __future__ import annotations

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


def verdict(state: State, since_ms: int, started_ms: int) -> Refusal | None:
    """since_ms: for unregistered and expired, the timestamp of the answer; 0: a day before `started_ms`."""
    if state is State.OK:
        return None
    gone = state in {State.UNREGISTERED, State.EXPIRED}
    return refusal(REASONS[state], (since_ms or started_ms - DAY_MS) if gone else None)
