"""What every answer of APNs means: one table, one total function. Unlisted reasons touch no token."""

from __future__ import annotations

import msgspec

from pushwarden.core.outcome import ACCEPTED, Blame, Ending, Outcome, Retry
from pushwarden.providers.port import Reply
from pushwarden.providers.verdicts import Verdict, retry_after

LEAST_PLAUSIBLE_MS = 10**11
"""A 410's timestamp is in milliseconds; a smaller number is seconds, and is not believed."""


_D, _M, _C, _P, _U, _N = (
    Blame.DEVICE, Blame.MESSAGE, Blame.CREDENTIAL, Blame.PROVIDER, Blame.US, Blame.NOBODY,
)  # fmt: skip
_NEVER, _LATER, _ELSEWHERE = Retry.NEVER, Retry.LATER, Retry.ELSEWHERE

_OURS = "This is a fault of Pushwarden: report it with the push's id."
_MENDED = "The lane is held. Mend the credential; what is held goes out then."

VERDICTS: tuple[Verdict, ...] = (
    Verdict(400, "BadCollapseId", _M, _NEVER, "The collapse id is not allowed.", "Send one of at most 64 bytes."),
    Verdict(400, "BadDeviceToken", _D, _NEVER, "The token is damaged or belongs to the other environment.",
            "It is set aside and buried on a second word an hour later. When many tokens say so, the lane is held "
            "and none is buried: look whether sandbox and production are mixed.",
            many="sandbox and production are probably mixed up; look which build registered these devices"),
    Verdict(400, "BadExpirationDate", _M, _NEVER, "The expiration is not a time.", "Correct the expiration."),
    Verdict(400, "BadMessageId", _U, _NEVER, "The apns-id is not a UUID.", _OURS),
    Verdict(400, "BadPriority", _M, _NEVER, "The priority does not fit the push type.", "A silent push takes only 5."),
    Verdict(400, "BadTopic", _C, _LATER, "The topic is not one Apple knows.",
            "Correct the app's bundle id. The lane is held."),
    Verdict(400, "DeviceTokenNotForTopic", _C, _NEVER, "The token belongs to another app's bundle id.",
            "No token is touched. Compare the app's bundle id with the app that registered the devices.",
            many="they belong to another app; compare the app's bundle id with the app that registered them"),
    Verdict(400, "DuplicateHeaders", _U, _NEVER, "A header was sent twice.", _OURS),
    Verdict(400, "IdleTimeout", _N, _ELSEWHERE, "The connection was idle for too long.",
            "Nothing to do: it goes out on another connection."),
    Verdict(400, "InvalidPushType", _U, _NEVER, "Apple does not know the push type.", _OURS),
    Verdict(400, "MissingDeviceToken", _U, _NEVER, "The request named no token.", _OURS),
    Verdict(400, "MissingTopic", _C, _LATER, "The request named no topic.",
            "Give the app its bundle id. The lane is held."),
    Verdict(400, "PayloadEmpty", _U, _NEVER, "The request had no body.", _OURS),
    Verdict(400, "TopicDisallowed", _C, _LATER, "The credential may not send to this topic.",
            "Use a credential that covers the bundle id and the push type. The lane is held.",
            many="the credential does not cover this topic; activate one for the app's bundle id and the push type"),
    Verdict(403, "BadCertificate", _C, _LATER, "Apple does not accept the certificate.", _MENDED),
    Verdict(403, "BadCertificateEnvironment", _C, _LATER, "The certificate is for the other environment.", _MENDED),
    Verdict(403, "BadEnvironmentKeyIdInToken", _C, _LATER, "The key is limited to the other environment.", _MENDED),
    # Observed on the wire where Apple's page has the spelling above.
    Verdict(403, "BadEnvironmentKeyInToken", _C, _LATER, "The key is limited to the other environment.", _MENDED),
    Verdict(403, "ExpiredProviderToken", _C, _ELSEWHERE, "The provider token is older than an hour.",
            "It goes out on a new connection. When it comes again, look at this machine's clock."),
    Verdict(403, "Forbidden", _C, _NEVER, "The credential may not do this.", "Look at the key's rights at Apple."),
    Verdict(403, "InvalidProviderToken", _C, _LATER, "Apple does not accept the key: team id, key id, the key's "
            "service or a revocation.", _MENDED),
    Verdict(403, "MissingProviderToken", _C, _LATER, "The request had neither certificate nor provider token.",
            _MENDED),
    Verdict(403, "UnrelatedKeyIdInToken", _C, _ELSEWHERE, "The connection belongs to another key.",
            "Nothing to do: it goes out on another connection."),
    Verdict(404, "BadPath", _U, _NEVER, "The path is wrong.", _OURS),
    Verdict(405, "MethodNotAllowed", _U, _NEVER, "The method is not POST.", _OURS),
    Verdict(410, "ExpiredToken", _D, _NEVER, "The token has expired.",
            "It is buried unless the app registered it again since.", gone=True),
    Verdict(410, "Unregistered", _D, _NEVER, "The app was removed, or the token is old.",
            "It is buried unless the app registered it again since.", gone=True),
    Verdict(413, "PayloadTooLarge", _M, _NEVER, "The body is larger than 4096 bytes (VoIP: 5120).", "Send less."),
    Verdict(429, "TooManyProviderTokenUpdates", _P, _LATER, "The team makes provider tokens too often.",
            "Another system may use the same team; it is tried again later with the same token."),
    Verdict(429, "TooManyRequests", _N, _LATER, "Too many pushes in a row to this one device.",
            "Only this device waits; it is tried again later."),
    Verdict(500, "InternalServerError", _P, _LATER, "Something failed at Apple.", "It is tried again later."),
    Verdict(503, "ServiceUnavailable", _P, _LATER, "Apple is overloaded.", "It is tried again later."),
    Verdict(503, "Shutdown", _N, _ELSEWHERE, "Apple is closing this server.",
            "Nothing to do: it goes out on another connection."),
)  # fmt: skip
"""Apple, "Handling notification responses from APNs": every documented pair."""

_TABLE = {(verdict.status, verdict.reason): verdict for verdict in VERDICTS}

# By status alone: for an answer without a readable reason, and the blame of a reason that is not in the table.
_STATUS: dict[int, tuple[Blame, Retry]] = {
    401: (Blame.CREDENTIAL, Retry.ONCE),
    403: (Blame.CREDENTIAL, Retry.ONCE),
    404: (Blame.US, Retry.NEVER),
    405: (Blame.US, Retry.NEVER),
    410: (Blame.DEVICE, Retry.NEVER),  # Apple answers 410 only for a dead token; undated, it is only set aside
    413: (Blame.MESSAGE, Retry.NEVER),
    429: (Blame.PROVIDER, Retry.LATER),
}


class _Body(msgspec.Struct):
    reason: str
    timestamp: object = None


_DECODE = msgspec.json.Decoder(_Body).decode


def classify(reply: Reply) -> Outcome:
    """Total. A reason outside the table is kept verbatim, tried once more and never blamed on the device."""
    if 200 <= reply.status < 300:
        return ACCEPTED if reply.status == 200 else Outcome(Ending.ACCEPTED, status=reply.status)
    body = _read(reply.body)
    if body is None:
        blame, retry = _by_status(reply.status)
        return _refused(reply, f"HTTP {reply.status}", blame, retry)
    verdict = _TABLE.get((reply.status, body.reason))
    if verdict is None:
        blame, _ = _by_status(reply.status)
        return _refused(reply, body.reason, Blame.NOBODY if blame is Blame.DEVICE else blame, Retry.ONCE)
    gone_ms = _instant(body.timestamp) if verdict.gone else None
    return _refused(reply, body.reason, verdict.blame, verdict.retry, gone_ms)


def _refused(reply: Reply, reason: str, blame: Blame, retry: Retry, gone_ms: int | None = None) -> Outcome:
    return Outcome(
        ending=Ending.REFUSED,
        reason=reason,
        status=reply.status,
        blame=blame,
        retry=retry,
        retry_after=retry_after(reply.headers),
        gone_ms=gone_ms,
    )


def _read(body: bytes) -> _Body | None:
    try:
        read = _DECODE(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return read if read.reason else None


def _by_status(status: int) -> tuple[Blame, Retry]:
    if status in _STATUS:
        return _STATUS[status]
    if status >= 500:
        return Blame.PROVIDER, Retry.LATER
    if 400 <= status < 500:
        return Blame.MESSAGE, Retry.ONCE
    return Blame.PROVIDER, Retry.ONCE


def _instant(timestamp: object) -> int | None:
    if isinstance(timestamp, bool) or not isinstance(timestamp, int):
        return None
    return timestamp if LEAST_PLAUSIBLE_MS <= timestamp < 2**63 else None


NOTES = """- An answer whose body cannot be read is judged by its status: 5xx and 429 later, 403 credential, 410 device,
  else once.
- A 410 carries the time since when Apple knows the token dead. A token registered after that time stays. Without a
  believable time the token is only set aside, and buried on a second word at least an hour later.
- `BadDeviceToken` has no time either, and is often the wrong environment: it is treated the same way.
- `TooManyRequests` blames nobody: one device's flood must not slow the others.
- `DeviceTokenNotForTopic` and `TopicDisallowed` are faults of the configuration: no token is touched.
"""
