"""What a push must satisfy before it is accepted for APNs; each refusal names its field and says what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pushwarden.core.app import App
from pushwarden.core.errors import Invalid, TooLarge
from pushwarden.core.push import Message, Push, PushType
from pushwarden.providers.apns.facts import COLLAPSE_ID_LIMIT, KINDS, PRIORITIES
from pushwarden.providers.apns.payload import payload
from pushwarden.providers.template import PLACEHOLDER, encode, encodes

HEADERS = ("apns-priority", "apns-expiration", "apns-collapse-id")
"""The headers `overrides["apns"]["headers"]` may set. The topic is not among them: it is the app's."""

_ANY_PLACEHOLDER = re.compile(r"\{\{\s*[A-Za-z_][\w.]*\s*\}\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BUNDLE_ID = re.compile(r"[A-Za-z0-9.-]{1,155}")
_VISIBLE = ("title", "subtitle", "body", "icon", "image", "sound", "badge")
_SILENT = (PushType.BACKGROUND, PushType.WIDGETS, PushType.CONTROLS, PushType.FILEPROVIDER, PushType.MDM)
_SHOWN_IN_APS = ("alert", "sound", "badge")
_SECONDS = re.compile(r"[0-9]{1,11}")
_SECONDS_END = 10**11  # a larger number is milliseconds


def validate(push: Push, app: App) -> int:
    """The bytes of its payload, placeholders empty. Invalid names the `field`; TooLarge has `bytes` and `limit`."""
    _bundle(app)
    _fields(push)
    headers(push)
    _times(push)
    built = payload(push)
    _TYPE_RULES.get(push.type, _no_rule)(push, built)
    return _size(push, built)


def headers(push: Push) -> dict[str, str]:
    """The header overrides, checked, as text."""
    if not push.message.overrides:
        return {}
    given = push.message.overrides.get("apns", {}).get("headers", {})
    if not isinstance(given, Mapping):
        raise _invalid("apns.headers", "must be an object of header names and values")
    return {name: _header(push, name, value) for name, value in given.items()}


def priority(push: Push) -> str:
    """`apns-priority`: the override, else 10 for high and 5 for normal, else the type's default."""
    override = headers(push).get("apns-priority")
    return override or {"high": "10", "normal": "5"}.get(push.priority) or KINDS[push.type].priorities[0]


def collapse_id(push: Push) -> str:
    """An alert without one gets the push's id: sent again after no answer, it still shows once."""
    own = push.id if push.type is PushType.ALERT else ""
    return headers(push).get("apns-collapse-id") or push.collapse_id or own


def expiration(push: Push) -> str:
    """Unix seconds; `0` (try once, never store) when the push lives no time at all."""
    override = headers(push).get("apns-expiration")
    lives = push.expires_at > max(push.accepted_at, push.not_before)
    return override or (str(push.expires_at // 1000) if lives else "0")


def _invalid(field: str, why: str, **extra: Any) -> Invalid:
    return Invalid(f"{field} {why}.", field=field, **extra)


def _bundle(app: App) -> None:
    if not app.bundle_id:
        raise Invalid(f"The app {app.id} has no bundle id; set bundle_id first.", field="bundle_id")
    if not _BUNDLE_ID.fullmatch(app.bundle_id):
        raise _invalid("bundle_id", "may hold only letters, digits, hyphens and dots")


def _fields(push: Push) -> None:
    message = push.message
    for name in ("title", "subtitle", "body", "link") if _has_braces(message) else ():
        for found in _ANY_PLACEHOLDER.findall(getattr(message, name)):
            if not PLACEHOLDER.fullmatch(found.encode(errors="replace")):
                raise _invalid(
                    name,
                    f"holds {found}; use {{{{user}}}}, {{{{installation_id}}}}, {{{{app_version}}}} or {{{{build}}}}",
                )
    if "aps" in message.data:
        raise _invalid("data.aps", "is Apple's own key; use the push's fields or the override apns.aps")
    for name in ("link", "icon", "image"):
        if name in message.data and getattr(message, name):
            raise _invalid(f"data.{name}", f"stands beside the field {name}; give one of them")
    if any(PLACEHOLDER.search(name.encode(errors="replace")) for name in message.data):
        raise _invalid("data", "has a placeholder in a name; only values may hold one")
    if isinstance(message.badge, bool) or (message.badge is not None and message.badge < 0):
        raise _invalid("badge", "must be 0 or more")
    if not isinstance(message.overrides.get("apns", {}).get("aps", {}), Mapping):
        raise _invalid("apns.aps", "must be an object")


def _has_braces(message: Message) -> bool:
    return any("{{" in text for text in (message.title, message.subtitle, message.body, message.link))


def _header(push: Push, name: str, value: object) -> str:
    field = f"apns.headers.{name}"
    if name not in HEADERS:
        raise _invalid("apns.headers", f"may set only {', '.join(HEADERS)}")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _invalid(field, "must be text or a whole number")
    if isinstance(value, int) and abs(value) >= _SECONDS_END:
        raise _invalid(field, "is too large a number; times are in seconds")
    text = str(value)
    _sendable(field, text)
    if name == "apns-priority" and text not in PRIORITIES:
        raise _invalid(field, f"must be {', '.join(PRIORITIES)}")
    if name == "apns-expiration" and not _SECONDS.fullmatch(text):
        raise _invalid(field, "must be Unix seconds, or 0")
    return text


def _sendable(field: str, text: str) -> None:
    """As a header value may be (RFC 9113 §8.2.1)."""
    if _CONTROL.search(text) or not encodes(text):
        raise _invalid(field, "may not hold line breaks, control characters or half a character")
    if text != text.strip():
        raise _invalid(field, "may not begin or end with a space")


def _times(push: Push) -> None:
    if push.expires_at < max(push.accepted_at, push.not_before):
        raise _invalid("ttl", "ends before the push may start; give a longer one")
    collapse = collapse_id(push)
    _sendable("collapse_id", collapse)
    size = len(collapse.encode())
    if size > COLLAPSE_ID_LIMIT:
        raise _invalid("collapse_id", f"has {size} bytes; Apple takes {COLLAPSE_ID_LIMIT}", bytes=size)
    allowed = KINDS[push.type].priorities
    if priority(push) not in allowed:
        wanted = "normal" if allowed == ("5",) else "high"
        raise _invalid("priority", f"must be {wanted} for a {push.type} push")


def _size(push: Push, built: dict[str, Any]) -> int:
    try:
        body = encode(built)
    except UnicodeEncodeError:
        raise Invalid(f"{_broken(push)} holds half a character (a lone surrogate); send whole ones.",
                      field=_broken(push)) from None  # fmt: skip
    except (RecursionError, OverflowError, TypeError):
        raise _invalid("data", "is too deep or holds what JSON cannot; send a flatter one") from None
    least, limit = len(PLACEHOLDER.sub(b"", body)), KINDS[push.type].limit
    if least > limit:
        raise TooLarge(f"The payload has {least} bytes; Apple takes {limit} for a {push.type} push.",
                       bytes=least, limit=limit)  # fmt: skip
    return least


def _broken(push: Push) -> str:
    texts = (name for name in (*_VISIBLE, "link") if isinstance(getattr(push.message, name), str))
    return next((name for name in texts if not encodes(getattr(push.message, name))), "data")


def _no_rule(push: Push, built: dict[str, Any]) -> None:
    return None


def _alert(push: Push, built: dict[str, Any]) -> None:
    if not any(name in built["aps"] for name in _SHOWN_IN_APS):
        raise _invalid("title", "is missing: an alert needs a title, body, sound or badge; else send type background")


def _silent(push: Push, built: dict[str, Any]) -> None:
    for name in _VISIBLE:
        if getattr(push.message, name) not in ("", None):
            raise _invalid(name, f"cannot be in a {push.type} push; send type alert to show something")
    for name in _SHOWN_IN_APS:
        if name in built.get("aps", {}):
            raise _invalid(f"apns.aps.{name}", f"cannot be in a {push.type} push; send type alert to show something")


def _background(push: Push, built: dict[str, Any]) -> None:
    _silent(push, built)
    if built["aps"] != {"content-available": 1}:
        raise _invalid("apns.aps", "of a background push holds only content-available 1")


def _mdm(push: Push, built: dict[str, Any]) -> None:
    _silent(push, built)
    if not isinstance(built.get("mdm"), str):
        raise _invalid("data.mdm", "is missing: an mdm push carries the device's PushMagic there")


def _pushtotalk(push: Push, built: dict[str, Any]) -> None:
    if expiration(push) != "0":
        raise _invalid("ttl", "must be 0 for a pushtotalk push")


def _liveactivity(push: Push, built: dict[str, Any]) -> None:
    aps = built["aps"]
    event, timestamp = aps.get("event"), aps.get("timestamp")
    if event not in ("start", "update", "end"):
        raise _invalid("apns.aps.event", "must be start, update or end for a liveactivity push")
    if isinstance(timestamp, bool) or not isinstance(timestamp, int) or not 0 < timestamp < _SECONDS_END:
        raise _invalid("apns.aps.timestamp", "must be Unix seconds for a liveactivity push")
    needed: dict[str, type] = {"content-state": Mapping}
    if event == "start":
        needed |= {"attributes": Mapping, "attributes-type": str, "alert": Mapping}
    for name, kind in needed.items():
        if not isinstance(aps.get(name), kind):
            raise _invalid(f"apns.aps.{name}", f"is missing: a liveactivity {event} needs it")


_TYPE_RULES: dict[PushType, Callable[[Push, dict[str, Any]], None]] = {
    PushType.ALERT: _alert,
    PushType.BACKGROUND: _background,
    PushType.WIDGETS: _silent,
    PushType.CONTROLS: _silent,
    PushType.FILEPROVIDER: _silent,
    PushType.MDM: _mdm,
    PushType.PUSHTOTALK: _pushtotalk,
    PushType.LIVEACTIVITY: _liveactivity,
}
