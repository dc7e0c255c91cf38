"""What APNs answers: one refusal, its JSON body, and every documented pair of status and reason."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from pushwarden.simulators.common import batch


@dataclass(frozen=True, slots=True)
class Refusal(batch.Refusal):
    """timestamp_ms: only with 410, when the token was last known to be dead, ms since the epoch."""

    timestamp_ms: int | None = None

    @property
    def body(self) -> bytes:
        content: dict[str, str | int] = {"reason": self.reason}
        if self.timestamp_ms is not None:
            content["timestamp"] = self.timestamp_ms
        return json.dumps(content, separators=(",", ":")).encode()


# Apple, "Handling notification responses from APNs".
STATUS_OF: Final = {
    "BadCollapseId": 400,
    "BadDeviceToken": 400,
    "BadExpirationDate": 400,
    "BadMessageId": 400,
    "BadPriority": 400,
    "BadTopic": 400,
    "DeviceTokenNotForTopic": 400,
    "DuplicateHeaders": 400,
    "IdleTimeout": 400,
    "InvalidPushType": 400,
    "MissingDeviceToken": 400,
    "MissingTopic": 400,
    "PayloadEmpty": 400,
    "TopicDisallowed": 400,
    "BadCertificate": 403,
    "BadCertificateEnvironment": 403,
    "BadEnvironmentKeyIdInToken": 403,
    "ExpiredProviderToken": 403,
    "Forbidden": 403,
    "InvalidProviderToken": 403,
    "MissingProviderToken": 403,
    "UnrelatedKeyIdInToken": 403,
    "BadPath": 404,
    "MethodNotAllowed": 405,
    "ExpiredToken": 410,
    "Unregistered": 410,
    "PayloadTooLarge": 413,
    "TooManyProviderTokenUpdates": 429,
    "TooManyRequests": 429,
    "InternalServerError": 500,
    "ServiceUnavailable": 503,
    "Shutdown": 503,
}


def refusal(reason: str, timestamp_ms: int | None = None) -> Refusal:
    """The documented refusal of that reason. KeyError for an undocumented one."""
    return Refusal(STATUS_OF[reason], reason, timestamp_ms)
