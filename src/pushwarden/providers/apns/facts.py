"""What is known of APNs, as constants: each with its source, or the word "observed"."""

from __future__ import annotations

from dataclasses import dataclass

from pushwarden.core.push import PushType
from pushwarden.core.scope import Environment
from pushwarden.providers.port import Facts, Plain

HOSTS: dict[Environment, str] = {
    Environment.PRODUCTION: "api.push.apple.com",
    Environment.SANDBOX: "api.sandbox.push.apple.com",
    # Never resolves (RFC 2606): `simulated` reaches a simulator only where the settings name one.
    Environment.SIMULATED: "apns.simulator.invalid",
}
"""Apple, "Sending notification requests to APNs". Ports 443 and 2197 lead to the same service."""

COLLAPSE_ID_LIMIT = 64
"""Bytes of UTF-8. Apple, "Sending notification requests to APNs"."""

STORED_AT_MOST = 30 * 24 * 3600
"""Seconds APNs keeps a push it could not deliver. Apple, "Sending notification requests to APNs"."""

PRIORITIES = ("10", "5", "1")
"""10 now, 5 as power allows, 1 never wakes the device. Apple, "Sending notification requests to APNs"."""

TOKEN_STEP = 1800
"""Seconds between two provider tokens of one key: more than Apple's 20 minutes, and the same for every sender."""

TOKEN_LAG = 120
"""Seconds a fresh `iat` lies in the past at least, so that a clock two minutes ahead is not in Apple's future."""

TOKEN_USE = 52 * 60
"""Seconds of age up to which a connection keeps its token. Apple refuses it from 60 minutes on."""

TOKEN_END = 60 * 60
"""Seconds of age from which Apple refuses it. Apple, "Establishing a token-based connection to APNs"."""

TOKEN_REST = 20 * 60
"""Seconds Apple wants between two tokens. Apple, "Establishing a token-based connection to APNs"."""

IMPOSSIBLE_TOKEN = b"f" * 64
"""Well formed, and no device's: who may send gets `BadDeviceToken` for it (inferred)."""

MDM_TOPIC = "com.apple.mgmt."
"""How the topics of device management begin."""

OTHER_PORT = {443: 2197, 2197: 443}
"""Both lead to the same service; firewalls differ. Apple, "Sending notification requests to APNs"."""

ISSUERS = ("Apple", "USERTrust", "Sectigo")
"""Who issues the certificates of Apple's own servers (observed; Apple's notices of 2021 and 2025)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a push type asks of its request. limit: bytes of body; priorities: allowed, the default first."""

    suffix: str = ""
    limit: int = 4096
    priorities: tuple[str, ...] = PRIORITIES
    aps: bool = True  # the payload has an `aps` dictionary even when it says nothing


KINDS: dict[PushType, Kind] = {
    PushType.ALERT: Kind(),
    PushType.BACKGROUND: Kind(priorities=("5",)),
    PushType.VOIP: Kind(suffix=".voip", limit=5120),
    PushType.COMPLICATION: Kind(suffix=".complication"),
    PushType.FILEPROVIDER: Kind(suffix=".pushkit.fileprovider", aps=False),
    PushType.MDM: Kind(aps=False),
    PushType.LOCATION: Kind(suffix=".location-query"),
    PushType.LIVEACTIVITY: Kind(suffix=".push-type.liveactivity"),
    PushType.PUSHTOTALK: Kind(suffix=".voip-ptt", priorities=("10",)),
    PushType.WIDGETS: Kind(suffix=".push-type.widgets"),
    PushType.CONTROLS: Kind(suffix=".push-type.controls"),
}
"""Apple, "Sending notification requests to APNs", the tables of apns-push-type and apns-topic."""

_WRAPPING = 128
"""Bytes that a payload has more than its message's JSON at most: `aps`, `alert` and what they set by themselves."""

_BY_CONTENT = (PushType.MDM, PushType.LIVEACTIVITY)
"""What their data or overrides must hold is a rule of its own."""

PLAIN = {
    str(push_type): Plain(frozenset({"aps", "link", "icon", "image"}), kind.limit - _WRAPPING)
    for push_type, kind in KINDS.items()
    if push_type not in _BY_CONTENT
}

FACTS = Facts(
    name="apns",
    connections=(1, 16),
    streams=1000,
    deadline=20.0,
    urgent_deadline=5.0,
    ping_after=4.0,
    ping_timeout=4.0,
    max_age=45 * 60.0,
    payload_limit={str(push_type): kind.limit for push_type, kind in KINDS.items()},
    plain=PLAIN,
    slots={str(push_type): kind.suffix for push_type, kind in KINDS.items() if kind.suffix},
    sources={
        "connections": "observed: pushiko and Pushy keep a handful; Apple treats many short ones as abuse",
        "streams": "observed: 1 until the first good token, then 1000 (500 in 2016, 1500 in 2019)",
        "deadline": "ours: answers are observed in 30 to 300 ms",
        "urgent_deadline": "ours: a call rings for half a minute",
        "ping_after": "ours: a vanished peer must be noticed within ten seconds",
        "ping_timeout": "ours",
        "max_age": "ours: addresses are resolved anew; Apple accepts connections of hours",
        "payload_limit": "Apple, Generating a remote notification",
    },
)
