"""What `validate` lets pass, `render` can always send; what it refuses, it refuses with a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from apns_fixtures import APP, CREDENTIAL, NOW_MS, push, rows
from pushwarden.core.errors import Invalid, TooLarge
from pushwarden.core.push import Message, PushType
from pushwarden.providers.apns import APNS
from pushwarden.providers.apns.facts import KINDS

TEXT = st.one_of(
    st.sampled_from(
        ["", "Hi", "{{user}}", "Hi {{user}} {{build}}", "{{other}}", "\ud800", "a\r\nb", '"\\', "😀" * 600]
    ),
    st.text(st.characters(), max_size=40),
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
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
MESSAGE = st.builds(
    Message,
    title=TEXT,
    body=TEXT,
    image=TEXT,
    sound=TEXT,
    badge=st.none() | st.integers(-1, 3),
    link=TEXT,
    data=st.dictionaries(TEXT, JSON, max_size=3),
    overrides=st.fixed_dictionaries({}, optional={"apns": OVERRIDES}),
)


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
