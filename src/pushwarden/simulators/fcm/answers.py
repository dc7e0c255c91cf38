"""What FCM answers: a refusal, its details by type, and every documented errorCode.

Firebase, "FCM error codes"; shapes and texts observed (pushiko, docs/fcm_responses.md).
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any, Final

from pushwarden.simulators.common import batch

FCM_ERROR: Final = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
APNS_ERROR: Final = "type.googleapis.com/google.firebase.fcm.v1.ApnsError"
BAD_REQUEST: Final = "type.googleapis.com/google.rpc.BadRequest"
QUOTA_FAILURE: Final = "type.googleapis.com/google.rpc.QuotaFailure"
ERROR_INFO: Final = "type.googleapis.com/google.rpc.ErrorInfo"
INVALID: Final = "Request contains an invalid argument."
NOT_FOUND: Final = "Requested entity was not found."
GRPC: Final = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED",
    429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
DOCUMENTED: Final = {
    "INVALID_ARGUMENT": (400, INVALID),
    "UNREGISTERED": (404, NOT_FOUND),
    "SENDER_ID_MISMATCH": (403, "SenderId mismatch"),
    "THIRD_PARTY_AUTH_ERROR": (401, "Auth error from APNS or Web Push Service"),
    "QUOTA_EXCEEDED": (429, "Quota exceeded for quota metric 'Send requests' and limit 'Send requests per minute'."),
    "UNAVAILABLE": (503, "The service is currently unavailable."),
    "INTERNAL": (500, "Internal error encountered."),
}
HTML: Final = (
    b"<!DOCTYPE html><html lang=en><title>Error %d</title><p><b>%d.</b> <ins>That\xe2\x80\x99s an error.</ins>"
    b"<p>The server encountered a temporary error and could not complete your request."
    b"<p>Please try again in 30 seconds.</html>"
)


@dataclass(frozen=True, slots=True)
class Refusal(batch.Refusal):
    """reason: the errorCode, or the status of one that has none. details: in any order. html: no JSON at all."""

    message: str = ""
    details: tuple[dict[str, Any], ...] = ()
    html: bool = False
    retry_after: str = ""

    def body(self, shuffled: random.Random, *, bare: bool = False) -> bytes:
        """Google's JSON error; bare: without details. The order of the details varies, as observed."""
        if self.html:
            return HTML % (self.status, self.status)
        grpc = GRPC.get(self.status, "UNKNOWN")
        content: dict[str, Any] = {"code": self.status, "message": self.message, "status": grpc}
        if self.details and not bare:
            content["details"] = shuffled.sample(self.details, len(self.details))
        return json.dumps({"error": content}, indent=2).encode() + b"\n"


def fcm_error(code: str) -> dict[str, Any]:
    return {"@type": FCM_ERROR, "errorCode": code}


def refusal(code: str, *more: dict[str, Any], message: str = "") -> Refusal:
    """The documented answer of that errorCode, with more details. KeyError for an undocumented one."""
    status, text = DOCUMENTED[code]
    return Refusal(status, code, message or text, (fcm_error(code), *more))


def violations(*found: tuple[str, str]) -> dict[str, Any]:
    """found: (field, description)."""
    return {"@type": BAD_REQUEST, "fieldViolations": [{"field": field, "description": text} for field, text in found]}


def invalid(field: str, description: str, message: str = INVALID) -> Refusal:
    """FCM itself found a field wrong."""
    return refusal("INVALID_ARGUMENT", violations((field, description)), message=message)


def unreadable(*found: tuple[str, str]) -> Refusal:
    """The JSON is not this message: said before FCM sees it, so no FcmError. found: (field, description)."""
    return Refusal(400, "INVALID_ARGUMENT", "\n".join(text for _, text in found), (violations(*found),))


def page(status: int) -> Refusal:
    """An HTML page from the machine before the service."""
    return Refusal(status, f"HTML_{status}", html=True)


def denied(reason: str, message: str, status: int = 403) -> Refusal:
    """reason: of the ErrorInfo."""
    info = {"@type": ERROR_INFO, "reason": reason, "domain": "googleapis.com"}
    info["metadata"] = {"service": "fcm.googleapis.com"}  # type: ignore[assignment]
    return Refusal(status, reason, message, (info,))


NO_BEARER: Final = "Request is missing required authentication credential. Expected OAuth 2 access token."
BAD_BEARER: Final = "Request had invalid authentication credentials. Expected OAuth 2 access token."
MISSING_BEARER: Final = denied("CREDENTIALS_MISSING", NO_BEARER, 401)
UNKNOWN_BEARER: Final = denied("ACCESS_TOKEN_TYPE_UNSUPPORTED", BAD_BEARER, 401)
EXPIRED_BEARER: Final = denied("ACCESS_TOKEN_EXPIRED", BAD_BEARER, 401)
UNKNOWN_PROJECT: Final = Refusal(404, "NOT_FOUND", NOT_FOUND)
TOO_LARGE: Final = Refusal(400, "INVALID_ARGUMENT", INVALID)
MALFORMED_TOKEN: Final = invalid("message.token", "Invalid registration token")


def over_quota(retry_after: int) -> Refusal:
    """retry_after: seconds."""
    failure = {"subject": "project", "description": "Send requests per minute"}
    found = refusal("QUOTA_EXCEEDED", {"@type": QUOTA_FAILURE, "violations": [failure]})
    return Refusal(found.status, found.reason, found.message, found.details, retry_after=str(retry_after))


def scripted(status: int, reason: str) -> Refusal:
    """What a fault script asks for: documented reasons as documented, others as an FcmError of that code."""
    if reason == "PERMISSION_DENIED":
        return denied("IAM_PERMISSION_DENIED", "Permission 'cloudmessaging.messages.create' denied.", status)
    if reason == "SERVICE_DISABLED":
        return denied(reason, "Firebase Cloud Messaging API has not been used in this project.", status)
    if reason == "UNAUTHENTICATED":
        return denied("ACCESS_TOKEN_EXPIRED", BAD_BEARER, status)
    if reason in {"", GRPC.get(status, "")} and reason not in DOCUMENTED:
        return Refusal(status, reason, NOT_FOUND if status == 404 else "Error")
    message = DOCUMENTED[reason][1] if reason in DOCUMENTED else reason
    more = (violations(("message.token", "Invalid registration token")),) if reason == "INVALID_ARGUMENT" else ()
    return Refusal(status, reason, message, (fcm_error(reason), *more))
