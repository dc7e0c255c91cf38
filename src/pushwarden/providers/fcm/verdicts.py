"""What every answer of FCM means: one table, one total function. Only UNREGISTERED is a token's death."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from pushwarden.core.outcome import ACCEPTED, Blame, Ending, Outcome, Retry
from pushwarden.providers.fcm.facts import LEAST_WAIT, QUOTA_WAIT
from pushwarden.providers.port import Reply
from pushwarden.providers.verdicts import Verdict, retry_after

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
DISABLED = "SERVICE_DISABLED"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
TOKEN_FIELD = "message.token"
BAD_TOKEN = f"INVALID_ARGUMENT {TOKEN_FIELD}"
"""Our word: the error code and the field it is about. Without the field the fault is the message's."""

_D, _M, _C, _P, _N = Blame.DEVICE, Blame.MESSAGE, Blame.CREDENTIAL, Blame.PROVIDER, Blame.NOBODY
_NEVER, _LATER, _ELSEWHERE = Retry.NEVER, Retry.LATER, Retry.ELSEWHERE
_MENDED = "The lane is held, no token is touched."

VERDICTS: tuple[Verdict, ...] = (
    Verdict(400, "INVALID_ARGUMENT", _M, _NEVER, "The message is not one FCM takes, or it is too large.",
            "Look at the push's `fcm` fields and its size."),
    Verdict(400, BAD_TOKEN, _D, _NEVER, "The token is damaged or not a registration token.",
            "It is set aside and buried on a second word an hour later. When many tokens say so, the lane is held and "
            "none is buried.", many="they are no FCM tokens, or damaged; look where the list comes from"),
    Verdict(401, "THIRD_PARTY_AUTH_ERROR", _N, _LATER, "The APNs key or web push key in the Firebase project is "
            "missing or wrong.", "Only iOS and web devices of the project are affected: mend it in Firebase under "
            "Cloud Messaging. Android goes on."),
    Verdict(401, "APNS_AUTH_ERROR", _N, _LATER, "The older name of THIRD_PARTY_AUTH_ERROR.",
            "Mend the APNs key in Firebase under Cloud Messaging. Android goes on."),
    Verdict(401, "UNAUTHENTICATED", _C, _ELSEWHERE, "The access token is not accepted or has ended.",
            "It goes out once more with a new access token. When it comes again, the lane is held: look whether the "
            "key was deleted at Google, and at this machine's clock."),
    Verdict(403, "SENDER_ID_MISMATCH", _D, _NEVER, "The token belongs to another Firebase project.",
            "It is set aside and buried on a second word an hour later. When many tokens say so, the lane is held and "
            "none is buried: look whether the credential is of the app's own project.",
            many="they belong to another Firebase project; use the service account of the project that made them"),
    Verdict(403, "PERMISSION_DENIED", _C, _LATER, "The Cloud Messaging API is off in the project, or the account may "
            "not send.", f"{_MENDED} Enable the API, or give the account the role Firebase Cloud Messaging API Admin."),
    Verdict(403, "SERVICE_DISABLED", _C, _LATER, "The Cloud Messaging API is off in the project.",
            f"{_MENDED} Enable it in the Google Cloud console."),
    Verdict(404, "NOT_FOUND", _C, _LATER, "There is no such project.",
            f"{_MENDED} Look at the project id in the service account's file."),
    Verdict(404, "UNREGISTERED", _D, _NEVER, "The app was removed, or the token was replaced or unused for 270 days.",
            "It is buried at once, unless the app registered it again since the push was written.", gone=True),
    Verdict(429, "QUOTA_EXCEEDED", _P, _LATER, "The project, a device or a topic gets too many messages.",
            "It is tried again when Google says, else after a minute."),
    Verdict(429, "RESOURCE_EXHAUSTED", _P, _LATER, "A quota of the project is used up.",
            "It is tried again when Google says, else after a minute."),
    Verdict(500, "INTERNAL", _P, _LATER, "Something failed at Google.", "It is tried again after ten seconds or more."),
    Verdict(500, "UNSPECIFIED_ERROR", _P, _LATER, "Something failed at Google, which does not say what.",
            "It is tried again after ten seconds or more."),
    Verdict(503, "UNAVAILABLE", _P, _LATER, "Google is overloaded.",
            "It is tried again when Google says, else after ten seconds or more."),
)  # fmt: skip
"""Firebase, "FCM error codes", and the shapes pushiko recorded."""

_TABLE = {(verdict.status, verdict.reason): verdict for verdict in VERDICTS}

# By status alone: for an answer without a readable reason, and the blame of a reason that is not in the table.
_STATUS: dict[int, tuple[Blame, Retry]] = {
    401: (Blame.CREDENTIAL, Retry.ELSEWHERE),
    403: (Blame.CREDENTIAL, Retry.ONCE),
    404: (Blame.CREDENTIAL, Retry.ONCE),  # a wrong URL or project; never a token
    429: (Blame.PROVIDER, Retry.LATER),
}


class _Error(msgspec.Struct):
    status: str = ""
    details: list[dict[str, Any]] = []


class _Body(msgspec.Struct):
    error: _Error


_DECODE = msgspec.json.Decoder(_Body).decode


def classify(reply: Reply) -> Outcome:
    """Total. A reason outside the table is kept verbatim, tried once more and never blamed on the device."""
    if 200 <= reply.status < 300:
        return ACCEPTED if reply.status == 200 else Outcome(Ending.ACCEPTED, status=reply.status)
    reason = _reason(reply.body)
    verdict = _TABLE.get((reply.status, reason))
    if verdict is not None:
        outcome = _refused(reply, reason, verdict.blame, verdict.retry)
        return replace(outcome, gone=True) if verdict.gone else outcome
    blame, retry = _by_status(reply.status)
    return (
        _refused(reply, reason, blame, Retry.ONCE) if reason else _refused(reply, f"HTTP {reply.status}", blame, retry)
    )


def disabled(body: bytes) -> bool:
    """Whether a 403 is about the API that is off in the project, and not about the account (google.rpc.ErrorInfo)."""
    try:
        error = _DECODE(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return error.status == DISABLED or any(detail.get("reason") == DISABLED for detail in error.details)


def _refused(reply: Reply, reason: str, blame: Blame, retry: Retry) -> Outcome:
    wait = retry_after(reply.headers)
    if wait is None and reply.status == 429:
        wait = QUOTA_WAIT
    if reply.status >= 500:
        wait = max(wait or 0.0, LEAST_WAIT)
    return Outcome(Ending.REFUSED, reason, reply.status, blame, retry, wait)


def _reason(body: bytes) -> str:
    """FCM's own error code, else the status word; with the field when it is the token's. Empty when unreadable."""
    try:
        error = _DECODE(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    code = next((_word(detail.get("errorCode")) for detail in error.details if detail.get("@type") == FCM_ERROR), "")
    reason = code or error.status
    return BAD_TOKEN if reason == "INVALID_ARGUMENT" and _names_token(error.details) else reason


def _names_token(details: list[dict[str, Any]]) -> bool:
    """Whether every violation is about the token: one about anything else makes it the message's fault."""
    fields = [
        violation.get("field") if isinstance(violation, dict) else None
        for detail in details
        if detail.get("@type") == BAD_REQUEST and isinstance(detail.get("fieldViolations"), list)
        for violation in detail["fieldViolations"]
    ]
    return bool(fields) and all(field == TOKEN_FIELD for field in fields)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _by_status(status: int) -> tuple[Blame, Retry]:
    if status in _STATUS:
        return _STATUS[status]
    if status >= 500:
        return Blame.PROVIDER, Retry.LATER
    return (Blame.MESSAGE, Retry.ONCE) if 400 <= status < 500 else (Blame.PROVIDER, Retry.ONCE)


NOTES = """- The reason is `errorCode` of the FcmError detail, wherever it stands among the details; without one, the
  status word. An answer that cannot be read (FCM's 502 is a web page) is judged by its status and touches no token.
- `UNREGISTERED` names no time, and yet is buried at the first word: Google gives it only for a token that was good once
  and is not any more, and never takes it back for the same token; a phone that comes back registers another. What an
  hour's doubt would protect is protected by the comparison: the token is buried as of when the push was written, so one
  that was registered since stays. More than 10 % of them still hold the lane for a person, like Apple's 410.
- A 404 without `UNREGISTERED` is the project's or the address's fault. Purging on the bare 404 has cost others all
  their tokens.
- `INVALID_ARGUMENT` is the token's fault only when the field violations name `message.token` and nothing else.
- `SENDER_ID_MISMATCH` is counted among the bad tokens: a few are set aside, many mean the wrong project.
- Retry-After is a floor. Without one, 429 waits a minute and 5xx ten seconds, as Google asks.
"""
