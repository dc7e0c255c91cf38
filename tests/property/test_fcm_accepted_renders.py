"""What `validate` lets pass, `render` can always send to FCM; what it refuses, it refuses with a reason."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from fcm_pushes import APP, CREDENTIAL, TOKEN, push, rows
from provider_pushes import TEXT, json_values, messages
from pushwarden.core.errors import Invalid, TooLarge
from pushwarden.core.push import Message, PushType
from pushwarden.providers.fcm import FCM
from pushwarden.providers.fcm.facts import LIMIT

JSON = json_values(st.integers(-(2**63), 2**64 - 1))
STRINGS = st.dictionaries(TEXT, TEXT | JSON, max_size=3)
ANDROID = st.fixed_dictionaries(
    {},
    optional={
        "ttl": st.sampled_from(["0s", "3.5s", "1", "9999999s"]),
        "data": STRINGS,
        "notification": st.fixed_dictionaries({}, optional={"title": TEXT, "tag": TEXT, "sticky": JSON}),
        "other": JSON,
    },
)
OVERRIDES = st.fixed_dictionaries(
    {},
    optional={
        "android": ANDROID,
        "data": STRINGS,
        "notification": st.fixed_dictionaries({}, optional={"title": TEXT, "body": JSON}),
        "validate_only": st.booleans(),
        "apns": st.fixed_dictionaries({}, optional={"payload": st.dictionaries(TEXT, JSON, max_size=2)}),
    },
)
MESSAGE = messages(JSON, fcm=OVERRIDES)


@settings(max_examples=400, deadline=None)
@given(
    MESSAGE, st.sampled_from([PushType.ALERT, PushType.BACKGROUND, PushType.VOIP]), TEXT,
    st.sampled_from(["high", "normal"]), st.sampled_from([0, 1, 10**9]), TEXT,
)  # fmt: skip
def test_what_is_accepted_for_fcm_can_be_sent(
    message: Message, kind: PushType, collapse: str, priority: str, lives: int, user: str
) -> None:
    sent = replace(push(kind, expires_ms=lives, collapse_id=collapse, priority=priority), message=message)
    try:
        FCM.validate(sent, APP)
    except (Invalid, TooLarge) as refusal:
        assert refusal.detail.endswith(".")
        return
    values = {"user": [user, "", user], "build": ["1", "2", "3"]}
    (envelope,) = FCM.render(sent, APP, CREDENTIAL, rows(3, **values))
    assert isinstance(envelope.body, list)
    assert len(envelope.body) == envelope.count == 3 - len(envelope.refused)
    for body in envelope.body:
        read = json.loads(body)["message"]
        assert read.pop("token") == TOKEN.decode()
        assert len(body) - len(TOKEN) <= LIMIT + len(b'{"validate_only":true,"message":,"token":""}')
        assert all(isinstance(value, str) for value in read.get("data", {}).values())
