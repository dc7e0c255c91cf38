"""What FCM asks of a message beyond its types. Source: FCM's reference of projects.messages, and observed limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from pushwarden.simulators.common import batch

from .answers import MALFORMED_TOKEN, TOO_LARGE, Refusal, invalid, unreadable
from .schema import REQUEST, TARGETS
from .strict import read

LIMIT: Final = 4096  # bytes of payload
MAX_TTL: Final = 2_419_200.0  # seconds, four weeks
TOKEN_SIZES: Final = (32, 4096)  # a token's length is not documented; 140 to 180 observed
TOKEN: Final = re.compile(rb"[A-Za-z0-9_:%-]{32,4096}")
TOKEN_BYTES: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:%-"
TOPIC: Final = re.compile(r"(/topics/)?(private/)?[a-zA-Z0-9-_.~%]+")
CONDITION: Final = re.compile(r"[\s()&|!]*('[a-zA-Z0-9-_.~%]+' in topics[\s()&|!]*)+")
MOST_TOPICS: Final = 5  # in a condition
LABEL: Final = re.compile(r"[a-zA-Z0-9-_.~%]{1,50}")
COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}")
RESERVED: Final = frozenset({"from", "message_type", "gcm"})
RESERVED_PREFIXES: Final = ("google.", "gcm.")
Content = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind(batch.Kind):
    """push_type: the target's field. ttl: seconds, None when absent. dry: validate_only."""

    collapse: str = ""
    ttl: float | None = None
    dry: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """What a body says. target: its text; refused: whatever stands in its way beside the target's state."""

    push_type: str
    target: bytes = b""
    collapse: str = ""
    ttl: float | None = None
    dry: bool = False
    refused: Refusal | None = None


UNREADABLE: Final = "unreadable"


def message(body: bytes) -> Message:
    """Total: any bytes."""
    content, wrong = read(body, REQUEST)
    if wrong:
        return Message(UNREADABLE, refused=unreadable(*wrong))
    found: Content = content.get("message", {})
    targets = [name for name in TARGETS if found.get(name)]
    if len(targets) > 1:
        text = f"Invalid value at 'message' (oneof), oneof field 'target' is already set. Cannot set '{targets[1]}'"
        return Message(UNREADABLE, refused=unreadable(("message", text)))
    if not targets:
        refused = invalid("message", "Recipient of the message is not set.", "Recipient of the message is not set.")
        return Message("none", refused=refused)
    android: Content = found.get("android", {})
    ttl = float(android["ttl"][:-1]) if "ttl" in android else None
    target = str(found[targets[0]]).encode()
    refused_by = next((refused for check in CHECKS for refused in check(found)), None)
    dry = bool(content.get("validate_only"))
    return Message(targets[0], target, android.get("collapse_key", ""), ttl, dry, refused_by)


def _target(found: Content) -> Iterator[Refusal]:
    token, topic, condition = found.get("token"), found.get("topic"), found.get("condition")
    if token and not TOKEN.fullmatch(token.encode()):
        yield MALFORMED_TOKEN
    if topic and not TOPIC.fullmatch(topic):
        yield invalid("message.topic", "Invalid topic name")
    if condition and not (CONDITION.fullmatch(condition) and condition.count("'") <= 2 * MOST_TOPICS):
        yield invalid("message.condition", "Invalid condition expression")


def _data(found: Content) -> Iterator[Refusal]:
    for path, holder in (("message", found), ("message.android", found.get("android", {}))):
        for key in holder.get("data", {}):
            if key in RESERVED or key.startswith(RESERVED_PREFIXES):
                yield invalid(f"{path}.data", f"Invalid data payload key: {key}")


def _android(found: Content) -> Iterator[Refusal]:
    android: Content = found.get("android", {})
    if "ttl" in android and not 0 <= float(android["ttl"][:-1]) <= MAX_TTL:
        yield invalid("message.android.ttl", "TTL must be between 0 and 2419200 seconds")
    color = android.get("notification", {}).get("color")
    if color and not COLOR.fullmatch(color):
        yield invalid("message.android.notification.color", "Invalid color, it must be #rrggbb")


def _options(found: Content) -> Iterator[Refusal]:
    for path, holder in (("message", found), *((f"message.{one}", found.get(one, {})) for one in PLATFORMS)):
        label = holder.get("fcm_options", {}).get("analytics_label")
        if label and not LABEL.fullmatch(label):
            yield invalid(f"{path}.fcm_options.analytics_label", "Invalid analytics label")
    link = found.get("webpush", {}).get("fcm_options", {}).get("link")
    if link and not link.startswith("https://"):
        yield invalid("message.webpush.fcm_options.link", "The link must be an HTTPS URL")


def _size(found: Content) -> Iterator[Refusal]:
    """Data and notification, shared and of each platform; FCM does not say how it counts."""
    shared = _weight(found.get("data")) + _weight(found.get("notification"))
    android, webpush = found.get("android", {}), found.get("webpush", {})
    sizes = (
        shared + _weight(android.get("data")) + _weight(android.get("notification")),
        shared + _weight(webpush.get("data")) + len(msgspec.json.encode(webpush.get("notification", ""))) - 2,
        len(msgspec.json.encode(found.get("apns", {}).get("payload", ""))),
    )
    if max(sizes) > LIMIT:
        yield TOO_LARGE


def _weight(part: Content | None) -> int:
    pairs = (part or {}).items()
    return sum(len(key.encode()) + len((one if isinstance(one, str) else str(one)).encode()) for key, one in pairs)


PLATFORMS: Final = ("android", "apns", "webpush")
CHECKS: Final[tuple[Callable[[Content], Iterator[Refusal]], ...]] = (_target, _data, _android, _options, _size)
