"""From a message to the JSON object Apple gets."""

from __future__ import annotations

from typing import Any

from pushwarden.core.push import Message, Push, PushType
from pushwarden.providers.apns.facts import KINDS
from pushwarden.providers.template import merge

_APS: dict[PushType, dict[str, Any]] = {
    PushType.BACKGROUND: {"content-available": 1},
    PushType.WIDGETS: {"content-changed": True},
    PushType.CONTROLS: {"content-changed": True},
}


def payload(push: Push) -> dict[str, Any]:
    """`aps` first, then link, icon, image and data beside it; `overrides["apns"]` is merged over all of it."""
    message = push.message
    aps = {**_APS.get(push.type, {}), **_visible(message)}
    built: dict[str, Any] = {"aps": aps} if aps or KINDS[push.type].aps else {}
    built |= {name: value for name in ("link", "icon", "image") if (value := getattr(message, name))}
    built |= message.data
    overrides = {name: value for name, value in message.overrides.get("apns", {}).items() if name != "headers"}
    return merge(built, overrides)


def _visible(message: Message) -> dict[str, Any]:
    texts = {name: value for name in ("title", "subtitle", "body") if (value := getattr(message, name))}
    aps: dict[str, Any] = {"alert": texts} if texts else {}
    if message.sound:
        aps["sound"] = message.sound
    if message.badge is not None:
        aps["badge"] = message.badge
    if message.image:
        aps["mutable-content"] = 1  # lets the app's service extension fetch the picture
    return aps
