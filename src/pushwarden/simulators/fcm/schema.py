"""The fields of a send request, by type. Source: FCM's discovery document, v1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

STRING, BOOL, INT, FLOAT = "TYPE_STRING", "TYPE_BOOL", "TYPE_INT32", "TYPE_FLOAT"
DURATION: Final = "type.googleapis.com/google.protobuf.Duration"
TIMESTAMP: Final = "type.googleapis.com/google.protobuf.Timestamp"
STRUCT: Final = "type.googleapis.com/google.protobuf.Struct"
STRINGS: Final = "map"  # string to string


@dataclass(frozen=True, slots=True)
class Enum:
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Each:
    """A repeated field."""

    type: Type


@dataclass(frozen=True, slots=True)
class Message:
    """fields: by snake_case; `names` finds a field by either spelling."""

    name: str
    fields: Mapping[str, Type]
    names: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        both = {spelling: name for name in self.fields for spelling in (name, camel(name))}
        object.__setattr__(self, "names", both)

    @property
    def url(self) -> str:
        return f"type.googleapis.com/google.firebase.fcm.v1.{self.name}"


Type = str | Enum | Each | Message


def camel(name: str) -> str:
    """snake_case as proto JSON spells it."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


LABEL: Final = {"analytics_label": STRING}
COLOR: Final = Message("Color", {"red": FLOAT, "green": FLOAT, "blue": FLOAT, "alpha": FLOAT})
LIGHTS: Final = Message(
    "LightSettings", {"color": COLOR, "light_on_duration": DURATION, "light_off_duration": DURATION}
)
PRIORITIES: Final = ("PRIORITY_UNSPECIFIED", "PRIORITY_MIN", "PRIORITY_LOW", "PRIORITY_DEFAULT", "PRIORITY_HIGH")
PROXY: Final = Enum("Proxy", ("PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"))
VISIBILITY: Final = Enum("Visibility", ("VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"))
ANDROID_NOTIFICATION: Final = Message(
    "AndroidNotification",
    {
        **dict.fromkeys(("title", "body", "icon", "color", "sound", "tag", "click_action", "image"), STRING),
        **dict.fromkeys(("title_loc_key", "body_loc_key", "channel_id", "ticker"), STRING),
        **dict.fromkeys(("title_loc_args", "body_loc_args"), Each(STRING)),
        **dict.fromkeys(("sticky", "local_only", "default_sound"), BOOL),
        **dict.fromkeys(("default_vibrate_timings", "default_light_settings"), BOOL),
        "event_time": TIMESTAMP,
        "notification_priority": Enum("NotificationPriority", (*PRIORITIES, "PRIORITY_MAX")),
        "vibrate_timings": Each(DURATION),
        "light_settings": LIGHTS,
        "visibility": VISIBILITY,
        "notification_count": INT,
        "proxy": PROXY,
    },
)
ANDROID: Final = Message(
    "AndroidConfig",
    {
        "collapse_key": STRING,
        "priority": Enum("AndroidMessagePriority", ("NORMAL", "HIGH")),
        "ttl": DURATION,
        "restricted_package_name": STRING,
        "data": STRINGS,
        "notification": ANDROID_NOTIFICATION,
        "fcm_options": Message("AndroidFcmOptions", LABEL),
        **dict.fromkeys(("direct_boot_ok", "bandwidth_constrained_ok", "restricted_satellite_ok"), BOOL),
    },
)
APNS: Final = Message(
    "ApnsConfig",
    {
        "headers": STRINGS,
        "payload": STRUCT,
        "fcm_options": Message("ApnsFcmOptions", {**LABEL, "image": STRING}),
        "live_activity_token": STRING,
    },
)
WEBPUSH: Final = Message(
    "WebpushConfig",
    {
        "headers": STRINGS,
        "data": STRINGS,
        "notification": STRUCT,
        "fcm_options": Message("WebpushFcmOptions", {**LABEL, "link": STRING}),
    },
)
TARGETS: Final = ("token", "topic", "condition", "fid")
MESSAGE: Final = Message(
    "Message",
    {
        **dict.fromkeys(("name", *TARGETS), STRING),
        "data": STRINGS,
        "notification": Message("Notification", {"title": STRING, "body": STRING, "image": STRING}),
        "android": ANDROID,
        "apns": APNS,
        "webpush": WEBPUSH,
        "fcm_options": Message("FcmOptions", LABEL),
    },
)
REQUEST: Final = Message("SendMessageRequest", {"validate_only": BOOL, "message": MESSAGE})
