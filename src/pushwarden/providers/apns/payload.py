"""The JSON body: from a message to a payload, and from a template to one body a device."""

from __future__ import annotations

import re
from itertools import repeat
from typing import Any

import msgspec

from pushwarden.core.device import Rows
from pushwarden.core.push import Message, Push, PushType
from pushwarden.providers.apns.facts import KINDS

PLACEHOLDER = re.compile(rb"\{\{(user|installation_id|app_version|build)\}\}")
_ESCAPED = re.compile(r'["\\\x00-\x09\x0b-\x1f\ud800-\udfff]')

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
    return _merge(built, overrides)


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


def _merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        merged[name] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def encode(built: dict[str, Any]) -> bytes:
    """Compact UTF-8. UnicodeEncodeError for a lone surrogate, RecursionError for a payload too deep."""
    return msgspec.json.encode(built)


def columns(body: bytes) -> tuple[str, ...]:
    """The placeholders of an encoded body, each once, in order of appearance."""
    return tuple(dict.fromkeys(name.decode() for name in PLACEHOLDER.findall(body)))


def fill(body: bytes, rows: Rows) -> list[bytes]:
    """One body a row. A placeholder can stand only inside a JSON string, so a value needs no more than escaping.

    A column the rows do not have is empty text.
    """
    if not len(rows):
        return []
    parts = PLACEHOLDER.split(body)
    escaped = {name: _escape(rows.values.get(name) or [""] * len(rows)) for name in columns(body)}
    if len(parts) == 3:
        head, name, tail = parts
        # No JSON we encode holds a raw newline, so that one join and one split do all rows.
        return (head + (tail + b"\n" + head).join(escaped[name.decode()]) + tail).split(b"\n")
    cells = [escaped[part.decode()] if odd % 2 else repeat(part) for odd, part in enumerate(parts)]
    return [b"".join(row) for row in zip(*cells, strict=False)]


def _escape(values: list[str]) -> list[bytes]:
    joined = "\n".join(values)
    if joined.count("\n") == len(values) - 1 and not _ESCAPED.search(joined):
        return joined.encode().split(b"\n")
    return [msgspec.json.encode(_whole(value))[1:-1] for value in values]


def _whole(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
