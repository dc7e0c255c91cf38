"""Every failure leaves as an RFC 9457 problem with a stable code."""

from __future__ import annotations

from typing import Any

import msgspec

from pushwarden.core.errors import Busy, MethodNotAllowed, PushwardenError, Unauthenticated

Headers = tuple[tuple[bytes, bytes], ...]

_OWN = frozenset({"type", "title", "status", "detail", "code", "request_id"})


def problem(error: PushwardenError, request_id: str) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a refusal."""
    said: dict[str, Any] = {
        "type": f"urn:pushwarden:problem:{error.code}",
        "title": error.title(),
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
    }
    said |= {name: value for name, value in error.extra.items() if name not in _OWN}
    return error.status, _headers(error), msgspec.json.encode(said)


def _headers(error: PushwardenError) -> Headers:
    content = (b"content-type", b"application/problem+json")
    match error:
        case Unauthenticated():
            return (content, (b"www-authenticate", b'Bearer realm="pushwarden"'))
        case MethodNotAllowed():
            return (content, (b"allow", ", ".join(error.extra.get("allowed", ())).encode()))
        case Busy():
            return (content, (b"retry-after", b"1"))
        case _:
            return (content,)
