"""Reasons in a few words: what people read first of a push that did not arrive. The raw reason stands beside it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pushwarden.core.names import called


class Trouble(StrEnum):
    """Kinds of reasons; each has one short title."""

    GONE = "gone"
    TOKEN = "token"
    OTHER_APP = "other_app"
    CREDENTIAL = "credential"
    TOO_BIG = "too_big"
    MALFORMED = "malformed"
    TOO_MANY = "too_many"
    PROVIDER = "provider"
    NO_ANSWER = "no_answer"
    OURS = "ours"
    UNLISTED = "unlisted"


_TITLES = {
    Trouble.GONE: "App removed or token old",
    Trouble.TOKEN: "Token damaged or from the other environment",
    Trouble.OTHER_APP: "Token belongs to another app",
    Trouble.CREDENTIAL: "{provider} doesn't accept our credential",
    Trouble.TOO_BIG: "Message too big",
    Trouble.MALFORMED: "Message malformed",
    Trouble.TOO_MANY: "Too many pushes at once",
    Trouble.PROVIDER: "{provider} had trouble",
    Trouble.NO_ANSWER: "No answer came, so it may have arrived",
    Trouble.OURS: "A mistake of Pushwarden",
    Trouble.UNLISTED: "A reason Pushwarden does not list",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """again: whether the same push to the same recipient may go through when it is tried later. provider: who says it,
    empty when it can be either or when it is our own word."""

    trouble: Trouble
    again: bool = False
    provider: str = ""

    @property
    def title(self) -> str:
        """A few words, without a full stop."""
        return _TITLES[self.trouble].format(provider=called(self.provider) if self.provider else "The provider")


def _all(trouble: Trouble, provider: str, *reasons: str, again: bool = False) -> dict[str, Reason]:
    return dict.fromkeys(reasons, Reason(trouble, again, provider))


REASONS: dict[str, Reason] = {
    **_all(Trouble.GONE, "apns", "Unregistered", "ExpiredToken"),
    **_all(Trouble.TOKEN, "apns", "BadDeviceToken"),
    **_all(Trouble.OTHER_APP, "apns", "DeviceTokenNotForTopic"),
    **_all(
        Trouble.CREDENTIAL, "apns", "BadCertificate", "BadCertificateEnvironment", "BadEnvironmentKeyIdInToken",
        "BadEnvironmentKeyInToken", "ExpiredProviderToken", "InvalidProviderToken", "MissingProviderToken",
        "UnrelatedKeyIdInToken", "TopicDisallowed", "BadTopic", "MissingTopic", again=True,
    ),
    **_all(Trouble.CREDENTIAL, "apns", "Forbidden"),
    **_all(Trouble.TOO_BIG, "", "PayloadTooLarge"),
    **_all(Trouble.MALFORMED, "apns", "BadCollapseId", "BadExpirationDate", "BadPriority"),
    **_all(Trouble.TOO_MANY, "apns", "TooManyRequests", "TooManyProviderTokenUpdates", again=True),
    **_all(
        Trouble.PROVIDER, "apns", "InternalServerError", "ServiceUnavailable", "Shutdown", "IdleTimeout", again=True
    ),
    **_all(
        Trouble.OURS, "apns", "BadMessageId", "DuplicateHeaders", "InvalidPushType", "MissingDeviceToken",
        "PayloadEmpty", "BadPath", "MethodNotAllowed",
    ),
    **_all(Trouble.GONE, "fcm", "UNREGISTERED"),
    **_all(Trouble.TOKEN, "fcm", "INVALID_ARGUMENT message.token", "BadTokenShape"),
    **_all(Trouble.OTHER_APP, "fcm", "SENDER_ID_MISMATCH"),
    **_all(
        Trouble.CREDENTIAL, "fcm", "THIRD_PARTY_AUTH_ERROR", "APNS_AUTH_ERROR", "UNAUTHENTICATED", "PERMISSION_DENIED",
        "SERVICE_DISABLED", "NOT_FOUND", again=True,
    ),
    **_all(Trouble.MALFORMED, "fcm", "INVALID_ARGUMENT"),
    **_all(Trouble.TOO_MANY, "fcm", "QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED", again=True),
    **_all(Trouble.PROVIDER, "fcm", "INTERNAL", "UNSPECIFIED_ERROR", "UNAVAILABLE", again=True),
    **_all(Trouble.NO_ANSWER, "", "reset", "deadline", "connection lost", "sender lost", again=True),
    **_all(Trouble.OURS, "", "quarantined"),
}  # fmt: skip
"""Every reason that the tables of verdicts know, and our own words for what got no answer."""

_UNLISTED = Reason(Trouble.UNLISTED)


def known(reason: str) -> Reason:
    """Of a reason that stands in no table, what its status says, or that it is not listed."""
    found = REASONS.get(reason)
    if found is not None:
        return found
    status = reason.removeprefix("HTTP ")
    if status != reason and status.isascii() and status.isdigit():
        return _by_status(int(status))
    return _UNLISTED


def _by_status(status: int) -> Reason:
    if status == 429:
        return Reason(Trouble.TOO_MANY, again=True)
    if status in (401, 403):
        return Reason(Trouble.CREDENTIAL, again=True)
    return Reason(Trouble.PROVIDER, again=True) if status >= 500 else Reason(Trouble.MALFORMED)
