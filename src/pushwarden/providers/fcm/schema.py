"""Every field a message may have, and its type. Google refuses a field it does not know; so do we, by its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pushwarden.core.errors import Invalid
from pushwarden.providers.fcm.facts import RESERVED, RESERVED_STARTS, TTL_LIMIT

Check = Callable[[Any, str], None]
"""(value, its path such as `fcm.android.ttl`): Invalid when it is not what the field takes."""

_TARGETS = ("token", "topic", "condition", "fid")
_INT32 = 2**31


def invalid(field: str, why: str, **extra: Any) -> Invalid:
    return Invalid(f"{field} {why}.", field=field, **extra)


def text(value: Any, field: str) -> None:
    if not isinstance(value, str):
        raise invalid(field, "must be text")


def flag(value: Any, field: str) -> None:
    if not isinstance(value, bool):
        raise invalid(field, "must be true or false")


def whole(value: Any, field: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not -_INT32 <= value < _INT32:
        raise invalid(field, "must be a whole number of 32 bits")


def share(value: Any, field: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise invalid(field, "must be a number from 0 to 1")


def free(value: Any, field: str) -> None:
    if not isinstance(value, Mapping):
        raise invalid(field, "must be an object")


def texts(value: Any, field: str) -> None:
    free(value, field)
    for name, one in value.items():
        text(one, f"{field}.{name}")


def data(value: Any, field: str) -> None:
    """Text to text; names that Google keeps for itself are refused (Firebase, "Message")."""
    texts(value, field)
    for name in value:
        if name in RESERVED or name.startswith(RESERVED_STARTS):
            raise invalid(f"{field}.{name}", "is a name Google keeps for itself; choose another")


def matching(pattern: str, why: str) -> Check:
    compiled = re.compile(pattern)

    def check(value: Any, field: str) -> None:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise invalid(field, why)

    return check


def one_of(*names: str) -> Check:
    def check(value: Any, field: str) -> None:
        if not isinstance(value, str) or value not in names:
            raise invalid(field, f"must be one of {', '.join(names)}")

    return check


def many(inner: Check) -> Check:
    def check(value: Any, field: str) -> None:
        if not isinstance(value, list):
            raise invalid(field, "must be a list")
        for place, one in enumerate(value):
            inner(one, f"{field}[{place}]")

    return check


def record(**fields: Check) -> Check:
    def check(value: Any, field: str) -> None:
        free(value, field)
        for name, one in value.items():
            inner = fields.get(name)
            if inner is None:
                raise invalid(f"{field}.{name}", _unknown(field, name, fields))
            inner(one, f"{field}.{name}")

    return check


def _unknown(field: str, name: str, fields: Mapping[str, Check]) -> str:
    if field == "fcm" and name in _TARGETS:
        return "cannot be set here; name the recipients in `to`"
    return f"is not a field of FCM; there are {', '.join(fields)}"


_duration = matching(r"\d{1,12}(\.\d{1,9})?s", "must be seconds as text, like 3.5s")
_label = matching(r"[A-Za-z0-9\-_.~%]{1,50}", "must be 1 to 50 letters, digits or -_.~%")
_time = matching(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", "must be a time like 2030-01-31T08:00:00Z"
)
_colour = matching(r"#[0-9A-Fa-f]{6}", "must be a colour like #ff8800")
_https = matching(r"https://\S+", "must be a link that begins with https://")


def _ttl(value: Any, field: str) -> None:
    _duration(value, field)
    if float(value[:-1]) > TTL_LIMIT:
        raise invalid(field, f"is more than four weeks; FCM keeps a push for {TTL_LIMIT}s at most")


_ANDROID_NOTIFICATION = record(
    title=text, body=text, icon=text, color=_colour, sound=text, tag=text, click_action=text, title_loc_key=text,
    title_loc_args=many(text), body_loc_key=text, body_loc_args=many(text), channel_id=text, ticker=text, sticky=flag,
    event_time=_time, local_only=flag,
    notification_priority=one_of(
        "PRIORITY_UNSPECIFIED", "PRIORITY_MIN", "PRIORITY_LOW", "PRIORITY_DEFAULT", "PRIORITY_HIGH", "PRIORITY_MAX"
    ),
    default_sound=flag, default_vibrate_timings=flag, vibrate_timings=many(_duration), default_light_settings=flag,
    light_settings=record(
        color=record(red=share, green=share, blue=share, alpha=share),
        light_on_duration=_duration, light_off_duration=_duration,
    ),
    visibility=one_of("VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"), notification_count=whole, image=text,
    proxy=one_of("PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"),
)  # fmt: skip
_OPTIONS = record(analytics_label=_label)

OVERRIDE = record(
    validate_only=flag,
    notification=record(title=text, body=text, image=text),
    data=data,
    android=record(
        collapse_key=text, priority=one_of("NORMAL", "HIGH"), ttl=_ttl, restricted_package_name=text, data=data,
        direct_boot_ok=flag, bandwidth_constrained_ok=flag, restricted_satellite_ok=flag,
        notification=_ANDROID_NOTIFICATION, fcm_options=_OPTIONS,
    ),
    apns=record(
        headers=texts, payload=free, fcm_options=record(analytics_label=_label, image=text), live_activity_token=text
    ),
    webpush=record(
        headers=texts, data=texts, notification=free, fcm_options=record(link=_https, analytics_label=_label)
    ),
    fcm_options=_OPTIONS,
)  # fmt: skip
"""A push's `fcm`: a message without its target, and `validate_only`. Source: googleapis, fcm discovery document."""
