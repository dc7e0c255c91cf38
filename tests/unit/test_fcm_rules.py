"""What FCM would refuse is refused before it is queued, by the name of its field."""

from __future__ import annotations

from typing import Any

import pytest

from fcm_pushes import APP, CREDENTIAL, TOKEN, push, rows
from pushwarden.core.errors import Invalid, TooLarge
from pushwarden.core.outcome import Blame, Ending
from pushwarden.core.push import Push, PushType
from pushwarden.providers.fcm import FCM
from pushwarden.providers.fcm.facts import LIMIT


def over(**fields: Any) -> Push:
    return push(title="T", overrides={"fcm": fields})


def android(**fields: Any) -> Push:
    return over(android=fields)


def shown(**fields: Any) -> Push:
    return over(android={"notification": fields})


REFUSED: list[tuple[str, Push]] = [
    ("type", push(PushType.LIVEACTIVITY)),
    ("type", push(PushType.PUSHTOTALK)),
    ("title", push()),
    ("title", push(data={"a": "b"})),
    ("title", push(PushType.BACKGROUND, title="T")),
    ("sound", push(PushType.BACKGROUND, sound="default")),
    ("badge", push(title="T", badge=-1)),
    ("badge", push(title="T", badge=2**31)),
    ("body", push(title="T", body="\ud800")),
    ("collapse_id", push(title="T", collapse_id="\udc00")),
    ("ttl", push(title="T", expires_ms=-1)),
    ("ttl", push(title="T", expires_ms=2_419_201_000)),
    ("data.from", push(title="T", data={"from": "x"})),
    ("data.gcm", push(title="T", data={"gcm": "x"})),
    ("data.google.a", push(title="T", data={"google.a": "x"})),
    ("data.gcm.n", push(title="T", data={"gcm.n": "x"})),
    ("data.message_type", push(title="T", data={"message_type": "x"})),
    ("data.link", push(title="T", link="app://a", data={"link": "x"})),
    ("data.title", push(PushType.VOIP, title="T", data={"title": "x"})),
    ("data.a", push(title="T", data={"a": ["{{user}}"]})),
    ("data.a", push(title="T", data={"a": ["\ud800"]})),
    ("data", push(title="T", data={"{{user}}": "x"})),
    ("data", push(title="T", data={"a": "\ud800"})),
    ("fcm.notification", push(PushType.BACKGROUND, overrides={"fcm": {"notification": {"title": "T"}}})),
    ("fcm.android.notification", push(PushType.VOIP, overrides={"fcm": {"android": {"notification": {"sound": "a"}}}})),
    ("fcm.token", over(token="a")),
    ("fcm.topic", over(topic="a")),
    ("fcm.condition", over(condition="a")),
    ("fcm.fid", over(fid="a")),
    ("fcm.name", over(name="a")),
    ("fcm.validate_only", over(validate_only=1)),
    ("fcm.notification", over(notification="T")),
    ("fcm.notification.subtitle", over(notification={"subtitle": "T"})),
    ("fcm.notification.title", over(notification={"title": 5})),
    ("fcm.data", over(data=[])),
    ("fcm.data.n", over(data={"n": 5})),
    ("fcm.data.n", over(data={"n": {"a": "b"}})),
    ("fcm.data.n", over(data={"n": None})),
    ("fcm.data.from", over(data={"from": "x"})),
    ("fcm.android", over(android=[])),
    ("fcm.android.collapseKey", android(collapseKey="a")),
    ("fcm.android.priority", android(priority="high")),
    ("fcm.android.priority", android(priority=["HIGH"])),
    ("fcm.android.ttl", android(ttl=5)),
    ("fcm.android.ttl", android(ttl="5")),
    ("fcm.android.ttl", android(ttl="-5s")),
    ("fcm.android.ttl", android(ttl="2419200.1s")),
    ("fcm.android.data.n", android(data={"n": True})),
    ("fcm.android.direct_boot_ok", android(direct_boot_ok="true")),
    ("fcm.android.fcm_options.analytics_label", android(fcm_options={"analytics_label": "a b"})),
    ("fcm.android.fcm_options.image", android(fcm_options={"image": "a"})),
    ("fcm.android.notification.color", shown(color="red")),
    ("fcm.android.notification.event_time", shown(event_time="now")),
    ("fcm.android.notification.notification_count", shown(notification_count="1")),
    ("fcm.android.notification.notification_count", shown(notification_count=True)),
    ("fcm.android.notification.notification_priority", shown(notification_priority="HIGH")),
    ("fcm.android.notification.visibility", shown(visibility="public")),
    ("fcm.android.notification.vibrate_timings", shown(vibrate_timings="1s")),
    ("fcm.android.notification.vibrate_timings[1]", shown(vibrate_timings=["1s", "x"])),
    ("fcm.android.notification.title_loc_args[0]", shown(title_loc_args=[1])),
    ("fcm.android.notification.light_settings.color.red", shown(light_settings={"color": {"red": 2}})),
    ("fcm.android.notification.light_settings.colour", shown(light_settings={"colour": {}})),
    ("fcm.apns.headers.apns-priority", over(apns={"headers": {"apns-priority": 5}})),
    ("fcm.apns.payload", over(apns={"payload": "{}"})),
    ("fcm.apns.aps", over(apns={"aps": {}})),
    ("fcm.webpush.headers.TTL", over(webpush={"headers": {"TTL": 5}})),
    ("fcm.webpush.notification", over(webpush={"notification": "T"})),
    ("fcm.webpush.fcm_options.link", over(webpush={"fcm_options": {"link": "http://a"}})),
    ("fcm.fcm_options.analytics_label", over(fcm_options={"analytics_label": "a" * 51})),
]


@pytest.mark.parametrize(("field", "given"), REFUSED, ids=lambda one: one if isinstance(one, str) else "")
def test_what_fcm_would_refuse_is_refused_by_its_field(field: str, given: Push) -> None:
    with pytest.raises(Invalid) as caught:
        FCM.validate(given, APP)
    assert caught.value.extra["field"] == field
    assert caught.value.detail.endswith(".")


@pytest.mark.parametrize(
    "given",
    [
        push(sound="default"),
        push(badge=0),
        push(overrides={"fcm": {"android": {"notification": {"title_loc_key": "sale"}}}}),
        push(overrides={"fcm": {"notification": {"body": "B"}}}),
        push(PushType.BACKGROUND),
        push(PushType.VOIP),
        push(PushType.BACKGROUND, priority="high"),
        android(ttl="2419200s"),
        android(ttl="0.000000001s"),
        shown(event_time="2030-01-31T08:00:00.5+01:00"),
        push(title="T", expires_ms=2_419_200_000),
        push(title="T", overrides={"apns": {"anything": 1}}),
    ],
)
def test_what_fcm_takes_is_taken(given: Push) -> None:
    FCM.validate(given, APP)


@pytest.mark.parametrize("letter", ["a", "ü", "€", "😀", '"', "\n"])
def test_the_size_is_counted_in_bytes_of_the_message(letter: str) -> None:
    def size(count: int) -> int:
        (envelope,) = FCM.render(push(PushType.BACKGROUND, data={"k": letter * count}), APP, CREDENTIAL, rows())
        assert isinstance(envelope.body, list)
        return len(envelope.body[0]) - len(b'{"message":,"token":""}') - len(TOKEN)

    each = size(2) - size(1)
    most = 1 + (LIMIT - size(1)) // each
    FCM.validate(push(PushType.BACKGROUND, data={"k": letter * most}), APP)
    with pytest.raises(TooLarge) as caught:
        FCM.validate(push(PushType.BACKGROUND, data={"k": letter * (most + 1)}), APP)
    assert caught.value.extra["bytes"] == size(1) + each * most and caught.value.extra["limit"] == LIMIT


def test_a_template_too_large_for_one_device_refuses_that_device_alone() -> None:
    sent = push(title="{{user}}")
    FCM.validate(sent, APP)
    (envelope,) = FCM.render(sent, APP, CREDENTIAL, rows(3, user=["Ann", "x" * LIMIT, "Bob"]))
    ((row, outcome),) = envelope.refused
    assert (row, outcome.reason, outcome.blame) == (1, "PayloadTooLarge", Blame.MESSAGE)
    assert (envelope.count, envelope.rows) == (2, [0, 2])


@pytest.mark.parametrize("token", [b'a"b', b"a b", b"", b"a\\b", "ä".encode(), b"a/b", b"a,b"])
def test_a_token_that_would_break_the_body_is_refused_and_the_others_are_sent(token: bytes) -> None:
    for sent in (push(title="T"), push(title="{{user}}")):
        given = rows(3, user=["a", "b", "c"])
        given.tokens[1] = token
        (envelope,) = FCM.render(sent, APP, CREDENTIAL, given)
        ((row, outcome),) = envelope.refused
        assert (row, outcome.ending, outcome.reason) == (1, Ending.REFUSED, "BadTokenShape")
        assert isinstance(envelope.body, list)
        assert (len(envelope.body), envelope.rows) == (2, [0, 2])


def test_the_columns_are_those_the_message_names() -> None:
    assert FCM.columns(push(title="{{user}}", data={"v": "{{build}}"})) == ("user", "build")
    assert FCM.columns(push(title="T")) == ()
