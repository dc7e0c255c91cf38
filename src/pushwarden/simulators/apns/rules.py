"""What APNs checks in a request's headers, as documented; the order of the checks is ours, for Apple names none.

Apple, "Sending notification requests to APNs".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pushwarden.simulators.common import batch

from .answers import Refusal, refusal

LIMIT: Final = 4096  # bytes of payload
VOIP_LIMIT: Final = 5120
TOKEN_PREFIX: Final = b"/3/device/"
APNS_ID: Final = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
TOKEN: Final = re.compile(rb"(?:[0-9a-fA-F]{2}){1,200}")  # opaque and of variable length; Apple said up to 100 bytes
NOBODYS: Final = TOKEN_PREFIX + b"f" * 64  # well formed, and no device's: with it people ask whether they are known
TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,255}")

SUFFIXES: Final[Mapping[str, str]] = {
    "alert": "",
    "background": "",
    "voip": ".voip",
    "complication": ".complication",
    "fileprovider": ".pushkit.fileprovider",
    "mdm": "",
    "location": ".location-query",
    "liveactivity": ".push-type.liveactivity",
    "pushtotalk": ".voip-ptt",
    "widgets": ".push-type.widgets",
    "controls": ".push-type.controls",
}
SPECIAL: Final = tuple(suffix for suffix in SUFFIXES.values() if suffix)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a credential permits. topics empty: every topic. default: the topic of a one-topic certificate."""

    topics: frozenset[str] = frozenset()
    default: str = ""
    token: bool = True


@dataclass(frozen=True, slots=True)
class Kind(batch.Kind):
    """What the headers say of a request beside its id and token. expiration: epoch seconds, None when absent."""

    limit: int
    expiration: int | None = None


def kind(headers: Mapping[bytes, bytes], allowed: Allowed) -> Kind | Refusal:
    """Checks push type, topic and priority. An absent push type counts as alert, as older clients send it."""
    push_type = headers.get(b"apns-push-type", b"alert").decode("latin-1")
    if push_type not in SUFFIXES:
        return refusal("InvalidPushType")
    topic = headers.get(b"apns-topic", b"").decode("latin-1") or allowed.default
    if refused := _topic(topic, push_type, allowed):
        return refused
    priority = headers.get(b"apns-priority", b"5" if push_type == "background" else b"10")
    if priority not in {b"1", b"5", b"10"} or (push_type == "background" and priority == b"10"):
        return refusal("BadPriority")
    expires = headers.get(b"apns-expiration")
    limit = VOIP_LIMIT if push_type == "voip" else LIMIT
    return Kind(topic, push_type, limit, None if expires is None else int(expires))


def varying(headers: Mapping[bytes, bytes]) -> Refusal | None:
    """Checks apns-expiration and apns-collapse-id."""
    expires = headers.get(b"apns-expiration", b"0")
    if not expires.isdigit() or len(expires) > 12:
        return refusal("BadExpirationDate")
    return refusal("BadCollapseId") if len(headers.get(b"apns-collapse-id", b"")) > 64 else None


def _topic(topic: str, push_type: str, allowed: Allowed) -> Refusal | None:
    if not topic:
        return refusal("MissingTopic")
    suffix = SUFFIXES[push_type]
    fits = topic.endswith(suffix) if suffix else not topic.endswith(SPECIAL)
    if not fits or not TOPIC.fullmatch(topic):
        return refusal("BadTopic")
    base = topic.removesuffix(suffix)
    if allowed.topics and topic not in allowed.topics and not (allowed.token and base in allowed.topics):
        return refusal("TopicDisallowed")
    return refusal("Forbidden") if push_type == "location" and not allowed.token else None


def apns_id(value: bytes) -> Refusal | None:
    return None if APNS_ID.fullmatch(value) else refusal("BadMessageId")


def path(value: bytes) -> Refusal | None:
    """A refusal unless it is /3/device/ and a token in hex that a device may have."""
    if not value.startswith(TOKEN_PREFIX):
        return refusal("BadPath")
    token = value[len(TOKEN_PREFIX) :]
    if not token:
        return refusal("MissingDeviceToken")
    return refusal("BadDeviceToken") if value == NOBODYS or not TOKEN.fullmatch(token) else None


def payload(size: int, limit: int) -> Refusal | None:
    """size, limit: bytes."""
    if not size:
        return refusal("PayloadEmpty")
    return refusal("PayloadTooLarge") if size > limit else None
