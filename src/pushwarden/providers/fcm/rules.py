"""What a push must satisfy before it is accepted for FCM; each refusal names its field and says what to do."""

from __future__ import annotations

from typing import Any

from pushwarden.core.errors import Invalid, TooLarge
from pushwarden.core.push import Push, PushType
from pushwarden.providers.fcm import schema
from pushwarden.providers.fcm.facts import LIMIT, PUSH_TYPES, TTL_LIMIT
from pushwarden.providers.fcm.payload import as_json, payload, ttl
from pushwarden.providers.fcm.schema import invalid
from pushwarden.providers.template import PLACEHOLDER, encode, encodes

_VISIBLE = ("title", "subtitle", "body", "icon", "image", "sound", "badge")
_TEXTS = ("title", "body", "icon", "image", "sound", "link", "collapse_id")


def validate(push: Push) -> int:
    """The bytes of its message, placeholders empty. Invalid names the `field`; TooLarge has `bytes` and `limit`."""
    if push.type not in PUSH_TYPES:
        raise Invalid(f"FCM knows no {push.type} push; send type {', '.join(PUSH_TYPES)}.", field="type")
    schema.OVERRIDE(push.message.overrides.get("fcm", {}), "fcm")
    _texts(push)
    _data(push)
    _times(push)
    built = _built(push)
    _shown(push, built)
    least = len(PLACEHOLDER.sub(b"", encode(built)))
    if least > LIMIT:
        raise TooLarge(f"The message has {least} bytes; FCM takes {LIMIT}.", bytes=least, limit=LIMIT)
    return least


def _texts(push: Push) -> None:
    for name in _TEXTS:
        value = push.collapse_id if name == "collapse_id" else getattr(push.message, name)
        if not encodes(value):
            raise invalid(name, "holds half a character (a lone surrogate); send whole ones")
    badge = push.message.badge
    if badge is not None:
        schema.whole(badge, "badge")
        if badge < 0:
            raise invalid("badge", "must be 0 or more")


def _data(push: Push) -> None:
    given = push.message.data
    schema.data(dict.fromkeys(given, ""), "data")
    beside = ("link", "title", "body") if push.type is PushType.VOIP else ("link",)
    for name in beside:
        if name in given and getattr(push.message, name):
            raise invalid(f"data.{name}", f"stands beside the field {name}; give one of them")
    for name, value in given.items():
        if PLACEHOLDER.search(name.encode(errors="replace")):
            raise invalid("data", "has a placeholder in a name; only values may hold one")
        if not isinstance(value, str) and PLACEHOLDER.search(_json(name, value).encode(errors="replace")):
            raise invalid(f"data.{name}", "holds a placeholder inside a list or object; FCM gets that as one text, "
                          "so placeholders may stand only in plain texts")  # fmt: skip


def _json(name: str, value: Any) -> str:
    try:
        return as_json(value)
    except UnicodeEncodeError:
        raise invalid(f"data.{name}", "holds half a character (a lone surrogate); send whole ones") from None
    except (RecursionError, OverflowError, TypeError):
        raise invalid(f"data.{name}", "is too deep or holds what JSON cannot; send a flatter one") from None


def _times(push: Push) -> None:
    if push.expires_at < max(push.accepted_at, push.not_before):
        raise invalid("ttl", "ends before the push may start; give a longer one")
    if ttl(push) > TTL_LIMIT:
        raise invalid("ttl", f"is {ttl(push)} seconds; FCM keeps a push for {TTL_LIMIT} at most")


def _built(push: Push) -> dict[str, Any]:
    try:
        built = payload(push)
        encode(built)
    except UnicodeEncodeError:
        raise invalid("fcm" if "fcm" in push.message.overrides else "data",
                      "holds half a character (a lone surrogate); send whole ones") from None  # fmt: skip
    except (RecursionError, OverflowError, TypeError):
        raise invalid("fcm", "is too deep or holds what JSON cannot; send a flatter one") from None
    return built


def _shown(push: Push, built: dict[str, Any]) -> None:
    """An alert shows something; the others carry data alone."""
    android = built["android"].get("notification", {})
    if push.type is PushType.ALERT:
        if not built.get("notification") and not android.keys() - {"tag"}:
            raise invalid("title", "is missing: an alert needs a title, body, sound or badge; else send background")
        return
    for name in ("fcm.notification", "fcm.android.notification"):
        if built.get("notification") if name == "fcm.notification" else android:
            raise invalid(name, f"cannot be in a {push.type} push; send type alert to show something")
    for name in _VISIBLE if push.type is PushType.BACKGROUND else ():
        if getattr(push.message, name) not in ("", None):
            raise invalid(name, "cannot be in a background push; send type alert to show something")
