"""From a message to the JSON object FCM gets, without its target."""

from __future__ import annotations

from typing import Any

import msgspec

from pushwarden.core.push import Message, Push, PushType
from pushwarden.providers.template import merge

SHOWN = ("title", "body", "image")
"""What `notification` holds. A push that carries data alone has title and body there instead."""


def payload(push: Push) -> dict[str, Any]:
    """`overrides["fcm"]` is laid over what the fields make. UnicodeEncodeError, RecursionError as `encode`."""
    message = push.message
    built: dict[str, Any] = {}
    if push.type is PushType.ALERT:
        built["notification"] = _texts(message, SHOWN)
    built["data"] = data(push)
    built["android"] = android(push)
    own = {name: value for name, value in built.items() if value}
    override = {name: value for name, value in message.overrides.get("fcm", {}).items() if name != "validate_only"}
    return merge(own, override)


def validate_only(push: Push) -> bool:
    """Google checks everything and sends nothing."""
    return bool(push.message.overrides.get("fcm", {}).get("validate_only", False))


def data(push: Push) -> dict[str, str]:
    """Strings as they are, anything else as its JSON: FCM takes text alone."""
    message = push.message
    own = _texts(message, ("link",))
    if push.type is PushType.VOIP:  # the app draws the call itself
        own |= _texts(message, ("title", "body"))
    return own | {name: value if isinstance(value, str) else as_json(value) for name, value in message.data.items()}


def as_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def android(push: Push) -> dict[str, Any]:
    built: dict[str, Any] = {"priority": "NORMAL" if push.priority == "normal" else "HIGH", "ttl": f"{ttl(push)}s"}
    if push.collapse_id:
        built["collapse_key"] = push.collapse_id
    if push.type is PushType.ALERT:
        built["notification"] = _notification(push)
    return built


def ttl(push: Push) -> int:
    """Seconds Google keeps it. A silent push is not stored: one that was stopped must not wake phones hours later."""
    if push.type is PushType.BACKGROUND:
        return 0
    return max(0, push.expires_at - max(push.accepted_at, push.not_before)) // 1000


def _notification(push: Push) -> dict[str, Any]:
    """tag: sent again after no answer, an alert still shows once; a collapse key would be one of a phone's four."""
    built: dict[str, Any] = _texts(push.message, ("icon", "sound"))
    if push.message.badge is not None:
        built["notification_count"] = push.message.badge
    return built | {"tag": push.collapse_id or push.id}


def _texts(message: Message, names: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name in names if (value := getattr(message, name))}
