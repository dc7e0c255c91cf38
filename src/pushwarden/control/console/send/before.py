"""What is looked at before a push is sent: by the API's own preview, so that nothing is judged twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pushwarden.control.console.visit import Visit
from pushwarden.core.errors import PushwardenError, TooLarge

STOPPED = "Sending is stopped here"
TEST_LIMIT = 10_000
"""A push to more takes the app's name typed, and a fresh proof of who sends it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look. id: of the template's words; state: ok, bad or warn; values: what stands in them."""

    id: str
    state: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Before:
    """reach: devices, None where that is not known. wrong: field → the API's sentence."""

    seen: Sequence[Seen]
    reach: int | None
    wrong: Mapping[str, str] = field(default_factory=dict)
    requests: Sequence[Mapping[str, Any]] = ()

    @property
    def ready(self) -> bool:
        return bool(self.reach) and all(one.state != "bad" for one in self.seen)

    @property
    def large(self) -> bool:
        return (self.reach or 0) > TEST_LIMIT


async def looked(visit: Visit, body: Mapping[str, Any]) -> Before:
    try:
        preview = await visit.api.post(f"{visit.v1}/pushes/preview", body)
    except PushwardenError as error:
        return _refused(error)
    return judged(preview)


def judged(preview: Mapping[str, Any]) -> Before:
    """Of what POST …/pushes/preview answers."""
    warnings = [str(one) for one in preview["warnings"]]
    stopped = any(one.startswith(STOPPED) for one in warnings)
    reach = int(preview["estimated"])
    shown = [one for one in preview["requests"] if "body_bytes" in one]
    seen = [Seen("credential", "ok"), Seen("reach", "ok" if reach else "bad", {"n": reach})]
    seen += [_size(shown), *_kind(shown)] if shown else []
    seen.append(Seen("stopped" if stopped else "running", "bad" if stopped else "ok"))
    seen += [Seen("said", "warn", {"text": one}) for one in warnings if not one.startswith((STOPPED, "Nobody"))]
    seen += [Seen("said", "bad", {"text": one["refused"]}) for one in preview["requests"] if "refused" in one]
    return Before(seen, reach, requests=shown)


def _size(shown: Sequence[Mapping[str, Any]]) -> Seen:
    most = max(shown, key=lambda one: one["body_bytes"])
    return Seen("size", "ok", {"n": most["body_bytes"], "limit": most["limit_bytes"]})


def _kind(shown: Sequence[Mapping[str, Any]]) -> list[Seen]:
    """Apple's push type and priority, as they stand in the request."""
    headers = next((one["headers"] for one in shown if "apns-push-type" in one["headers"]), None)
    if headers is None:
        return []
    return [Seen("kind", "ok", {"type": headers["apns-push-type"], "priority": headers.get("apns-priority", "10")})]


def _refused(error: PushwardenError) -> Before:
    name = str(error.extra.get("field", "")).split(".")[0]
    known = {"no_credential": "no_credential", "trial": "trial", "app_disabled": "disabled"}
    if isinstance(error, TooLarge):
        return Before([Seen("said", "bad", {"text": error.detail})], None)
    seen = Seen(known.get(error.code, "said"), "bad", {"text": error.detail})
    return Before([seen], None, {name: error.detail} if name else {})
