"""What `validate` lets pass, `render` can always send; what it refuses, it refuses with a reason."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from apns_fixtures import APP, CREDENTIAL, rows
from provider_pushes import NOW_MS, TEXT, json_values, messages, push
from pushwarden.core.errors import Invalid, TooLarge
from pushwarden.core.push import Message, PushType
from pushwarden.providers.apns import APNS
from pushwarden.providers.apns.facts import KINDS

JSON = json_values(st.integers())
APS = st.dictionaries(
    st.sampled_from(["alert", "event", "timestamp", "content-state", "content-available", "badge"]),
    JSON | st.sampled_from(["update", 1_700_000_000, {}, 1]),
    max_size=3,
)
HEADERS = st.dictionaries(
    st.sampled_from(["apns-priority", "apns-expiration", "apns-collapse-id", "apns-topic"]),
    JSON | st.sampled_from(["10", 5, "0", NOW_MS // 1000, "x"]),
    max_size=2,
)
OVERRIDES = st.fixed_dictionaries({}, optional={"aps": APS, "headers": HEADERS, "extra": JSON})
MESSAGE = messages(JSON, apns=OVERRIDES)


@settings(max_examples=400, deadline=None)
@given(
    MESSAGE,
    st.sampled_from(PushType),
    TEXT,
    st.sampled_from(["", "high", "normal"]),
    st.sampled_from([0, 1, 10**9]),
    TEXT,
)
def test_what_is_accepted_can_be_sent(
    message: Message, kind: PushType, collapse: str, priority: str, lives: int, user: str
) -> None:
    sent = replace(push(kind, expires_ms=lives, collapse_id=collapse, priority=priority), message=message)
    try:
        APNS.validate(sent, APP)
    except (Invalid, TooLarge) as refusal:
        assert refusal.detail.endswith(".")
        return
    values = {"user": [user, "", user], "build": ["1", "2", "3"]}
    (envelope,) = APNS.render(sent, APP, CREDENTIAL, rows(3, **values))
    bodies = envelope.body if isinstance(envelope.body, list) else [envelope.body] * envelope.count
    assert len(bodies) == envelope.count == 3 - len(envelope.refused)
    for body in bodies:
        assert len(body) <= KINDS[kind].limit
        assert isinstance(json.loads(body), dict)
    for _, value in envelope.headers:
        for cell in [value] if isinstance(value, bytes) else value:
            assert cell == cell.strip()
            assert not set(cell) & set(b"\r\n\0")
