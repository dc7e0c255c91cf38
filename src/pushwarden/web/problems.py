"""Every failure leaves as an RFC 9457 problem with a stable code."""

from __future__ import annotations

from typing import Any

from pushwarden.core.errors import Busy, MethodNotAllowed, PushwardenError, Unauthenticated
from pushwarden.web.call import Answer

Headers = tuple[tuple[bytes, bytes], ...]

_OWN = frozenset({"type", "title", "status", "detail", "code", "request_id"})


def problem(error: PushwardenError, request_id: str) -> Answer:
    """What a refusal is answered with."""
    said: dict[str, Any] = {
        "type": f"urn:pushwarden:problem:{error.code}",
        "title": error.title(),
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
    }
    said |= {name: value for name, value in error.extra.items() if name not in _OWN}
    return Answer(said, error.status, _headers(error), b"application/problem+json")


def _headers(error: PushwardenError) -> Headers:
    match error:
        case Unauthenticated():
            return ((b"www-authenticate", b'Bearer realm="pushwarden"'),)
        case MethodNotAllowed():
            return ((b"allow", ", ".join(error.extra.get("allowed", ())).encode()),)
        case Busy():
            return ((b"retry-after", b"1"),)
        case _:
            return ()
