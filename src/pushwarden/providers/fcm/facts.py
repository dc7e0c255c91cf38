"""What is known of FCM's HTTP v1 API, as constants: each with its source, or the word "observed"."""

from __future__ import annotations

from pushwarden.core.push import PushType
from pushwarden.providers.port import Facts, Plain

HOST = "fcm.googleapis.com"
SIMULATED_HOST = "fcm.simulator.invalid"
"""Never resolves (RFC 2606): `simulated` reaches a simulator only where the settings name one."""

TOKEN_HOST, TOKEN_PATH = "oauth2.googleapis.com", "/token"
TOKEN_URI = f"https://{TOKEN_HOST}{TOKEN_PATH}"
"""The only place an assertion goes. The uploaded file names one too, and is not believed."""

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
"""Firebase, "Authorize send requests"."""

IMPOSSIBLE_TOKEN = b"pushwarden-probe"
"""No device's: who may send gets INVALID_ARGUMENT for it (inferred)."""

ISSUERS = ("Google", "GTS")
"""Who issues the certificates of Google's own servers (observed: Google Trust Services)."""

ASSERTION_LIFE = 3600
"""Seconds: the most Google takes from `iat` to `exp`. Google, "Using OAuth 2.0 for server to server applications"."""

ASSERTION_LAG = 30
"""Seconds `iat` lies in the past, so that a clock half a minute ahead is not in Google's future."""

RENEW_BEFORE = 300.0
"""Seconds before its end an access token is renewed. google-auth: 225."""

LIMIT = 4096
"""Bytes of a message without its target. Firebase, "About FCM messages"."""

TOPIC_LIMIT = 2048
"""Bytes of a message to a topic or a condition. One page of Firebase's says so, the others 4,096 without exception:
so it is told to the sender, and nothing is refused."""

TTL_LIMIT = 2_419_200
"""Seconds: four weeks. Firebase, "Lifetime of a message"."""

LEAST_WAIT = 10.0
"""Seconds before a 5xx is tried again at the earliest. Firebase, "Scale"."""

QUOTA_WAIT = 60.0
"""Seconds to wait after 429 when the answer names none. Firebase, "FCM error codes"."""

PUSH_TYPES = (PushType.ALERT, PushType.BACKGROUND, PushType.VOIP)
"""The others are Apple's own and have no meaning here."""

RESERVED = ("from", "message_type", "gcm", "google")
RESERVED_STARTS = ("google.", "gcm.")
"""Names in `data` that Google keeps for itself (Firebase, "Message")."""

_BESIDE = {PushType.VOIP: ("link", "title", "body")}
"""Texts that a message carries in its data; of the other types the link alone."""

_WRAPPING = 512
"""Bytes that a message has more than its fields' JSON at most: names of its parts, the ttl, the collapse id twice."""

PLAIN = {
    # A list or object in the data is sent as text: each of its quotes and backslashes gets another one.
    str(push_type): Plain(
        frozenset((*RESERVED, *_BESIDE.get(push_type, ("link",)))), (LIMIT - _WRAPPING) // 2, RESERVED_STARTS
    )
    for push_type in PUSH_TYPES
}

FACTS = Facts(
    name="fcm",
    connections=(1, 32),
    streams=100,
    deadline=20.0,
    urgent_deadline=10.0,
    ping_after=4.0,
    ping_timeout=4.0,
    pings_in_row=2,
    max_age=40 * 60.0,
    payload_limit={str(push_type): LIMIT for push_type in PUSH_TYPES},
    plain=PLAIN,
    topic_limit=TOPIC_LIMIT,
    sources={
        "connections": "ours: 100 streams each, and Google asks for no more connections than needed",
        "streams": "observed: pushiko, 100 on every connection",
        "deadline": "Firebase, Scale: at least 10 s; FCM itself gives up after 5 s with a 500 (observed)",
        "urgent_deadline": "Firebase, Scale: at least 10 s",
        "ping_after": "ours: a vanished peer must be noticed within ten seconds",
        "ping_timeout": "ours",
        "pings_in_row": "observed: the third PING without a request between brings GOAWAY too_many_pings (pushiko)",
        "max_age": "observed: GOAWAY max_age after an hour; ours end before, each at its own time",
        "payload_limit": "Firebase, About FCM messages",
        "topic_limit": "one page of Firebase's; the others say 4,096 of every message",
    },
)
