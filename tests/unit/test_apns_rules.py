"""APNs: what is refused before it is accepted, with the field named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from apns_fixtures import APP, rows
from provider_pushes import NOW_MS, push
from pushwarden.core.errors import Invalid, TooLarge
from pushwarden.core.push import Push, PushType
from pushwarden.providers.apns import APNS
from pushwarden.providers.apns.rules import collapse_id, expiration, priority

LIVE = {"event": "update", "timestamp": 1_700_000_000, "content-state": {"score": 1}}


def apns(**given: Any) -> dict[str, Any]:
    return {"overrides": {"apns": given}}


REFUSED: list[tuple[str, Push]] = [
    ("title", push(PushType.BACKGROUND, title="Hi")),
    ("badge", push(PushType.BACKGROUND, badge=0)),
    ("sound", push(PushType.BACKGROUND, sound="ping")),
    ("image", push(PushType.BACKGROUND, image="https://example.org/a.png")),
    ("apns.aps.alert", push(PushType.BACKGROUND, **apns(aps={"alert": "x"}))),
    ("apns.aps", push(PushType.BACKGROUND, **apns(aps={"category": "x"}))),
    ("priority", push(PushType.BACKGROUND, priority="high")),
    ("priority", push(PushType.BACKGROUND, **apns(headers={"apns-priority": "10"}))),
    ("priority", push(PushType.PUSHTOTALK, expires_ms=0, priority="normal")),
    ("ttl", push(PushType.PUSHTOTALK)),
    ("ttl", push(title="Hi", expires_ms=-1)),
    ("ttl", push(title="Hi", not_before=NOW_MS + 7_200_000)),
    ("title", push()),
    ("title", push(data={"x": 1})),
    ("title", push(title="Hi {{name}}")),
    ("body", push(body="Hi {{ user }}")),
    ("badge", push(badge=-1)),
    ("badge", push(badge=True)),
    ("data.aps", push(title="Hi", data={"aps": {"alert": "forged"}})),
    ("data.link", push(title="Hi", link="a", data={"link": "b"})),
    ("data", push(title="Hi", data={"{{user}}": 1})),
    ("title", push(title="half \ud800")),
    ("data", push(title="Hi", data={"deep": "half \udfff"})),
    ("collapse_id", push(title="Hi", collapse_id="x" * 65)),
    ("collapse_id", push(title="Hi", collapse_id="€" * 22)),
    ("collapse_id", push(title="Hi", collapse_id="a\r\nb")),
    ("collapse_id", push(title="Hi", collapse_id="half \ud800")),
    ("collapse_id", push(title="Hi", collapse_id=" a")),
    ("apns.headers.apns-collapse-id", push(title="Hi", **apns(headers={"apns-collapse-id": "\ud800"}))),
    ("apns.headers.apns-expiration", push(title="Hi", **apns(headers={"apns-expiration": 10**5000}))),
    ("apns.headers.apns-expiration", push(title="Hi", **apns(headers={"apns-expiration": "9" * 5000}))),
    ("apns.headers.apns-expiration", push(title="Hi", **apns(headers={"apns-expiration": -1}))),
    ("apns.headers", push(title="Hi", **apns(headers={"apns-topic": "com.other"}))),
    ("apns.headers", push(title="Hi", **apns(headers={"authorization": "bearer x"}))),
    ("apns.headers", push(title="Hi", **apns(headers=["apns-priority"]))),
    ("apns.headers.apns-priority", push(title="Hi", **apns(headers={"apns-priority": 7}))),
    ("apns.headers.apns-priority", push(title="Hi", **apns(headers={"apns-priority": True}))),
    ("apns.headers.apns-expiration", push(title="Hi", **apns(headers={"apns-expiration": NOW_MS}))),
    ("apns.headers.apns-expiration", push(title="Hi", **apns(headers={"apns-expiration": "soon"}))),
    ("apns.headers.apns-collapse-id", push(title="Hi", **apns(headers={"apns-collapse-id": "a\r\nx: y"}))),
    ("apns.aps", push(title="Hi", **apns(aps="alert"))),
    ("apns.aps.event", push(PushType.LIVEACTIVITY, **apns(aps={**LIVE, "event": "begin"}))),
    ("apns.aps.event", push(PushType.LIVEACTIVITY)),
    ("apns.aps.timestamp", push(PushType.LIVEACTIVITY, **apns(aps={**LIVE, "timestamp": NOW_MS}))),
    ("apns.aps.content-state", push(PushType.LIVEACTIVITY, **apns(aps={**LIVE, "content-state": None}))),
    ("apns.aps.attributes", push(PushType.LIVEACTIVITY, **apns(aps={**LIVE, "event": "start"}))),
    ("title", push(PushType.WIDGETS, title="Hi")),
    ("title", push(PushType.FILEPROVIDER, title="Hi")),
    ("data.mdm", push(PushType.MDM)),
]  # fmt: skip


@pytest.mark.parametrize(("field", "sent"), REFUSED)
def test_a_push_apple_would_refuse_is_refused_first_and_names_its_field(field: str, sent: Push) -> None:
    with pytest.raises(Invalid) as refusal:
        APNS.validate(sent, APP)
    assert refusal.value.extra["field"] == field
    assert refusal.value.detail.endswith(".")


@pytest.mark.parametrize("bundle_id", ["", "com.acme shop", "a\r\nb", "x" * 156])
def test_an_app_without_a_proper_bundle_id_sends_nothing(bundle_id: str) -> None:
    with pytest.raises(Invalid) as refusal:
        APNS.validate(push(title="Hi"), replace(APP, bundle_id=bundle_id))
    assert refusal.value.extra["field"] == "bundle_id"


@pytest.mark.parametrize(("kind", "limit"), [(PushType.ALERT, 4096), (PushType.VOIP, 5120)])
def test_a_constant_body_is_measured_to_the_byte_before_it_is_accepted(kind: PushType, limit: int) -> None:
    overhead = len(b'{"aps":{"alert":{"title":""}}}')
    for letter in ("x", "é", "😀"):
        fits = letter * ((limit - overhead) // len(letter.encode()))
        fits += "x" * (limit - overhead - len(fits.encode()))
        APNS.validate(push(kind, title=fits), APP)
        with pytest.raises(TooLarge) as refusal:
            APNS.validate(push(kind, title=fits + "x"), APP)
        assert refusal.value.extra == {"bytes": limit + 1, "limit": limit}


def test_escapes_count_as_they_are_written() -> None:
    with pytest.raises(TooLarge):
        APNS.validate(push(title='"' * 2040), APP)


def test_a_template_is_measured_without_its_placeholders() -> None:
    overhead = len(b'{"aps":{"alert":{"title":""}}}')
    APNS.validate(push(title="x" * (4096 - overhead) + "{{user}}"), APP)
    with pytest.raises(TooLarge):
        APNS.validate(push(title="x" * (4097 - overhead) + "{{user}}"), APP)


def test_a_payload_too_deep_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(Invalid):
        APNS.validate(push(title="Hi", data=deep), APP)
    while deep:
        deep = deep["a"]  # taken apart by hand: freeing it at once would overflow the stack of some builds


ACCEPTED = [
    push(title="Hi"),
    push(badge=0),
    push(sound="ping"),
    push(**apns(aps={"alert": {"loc-key": "HELLO"}})),
    push(title="{{user}}", body="{{build}} {{app_version}} {{installation_id}}"),
    push(title="Hi", collapse_id="€" * 21),
    push(title="Hi", data={"text": "{{anything}}"}),
    push(PushType.BACKGROUND),
    push(PushType.BACKGROUND, priority="normal", data={"sync": True}, link="shop:/1"),
    push(PushType.VOIP, data={"call": "1"}),
    push(PushType.PUSHTOTALK, expires_ms=0),
    push(PushType.LIVEACTIVITY, **apns(aps=LIVE)),
    push(PushType.MDM, data={"mdm": "magic"}),
]


@pytest.mark.parametrize("sent", ACCEPTED)
def test_a_proper_push_passes(sent: Push) -> None:
    APNS.validate(sent, APP)
    assert APNS.columns(sent) is not None
    assert len(rows()) == 1


def test_expiration_is_zero_when_a_push_lives_no_time() -> None:
    assert expiration(push(title="Hi", expires_ms=0)) == "0"
    assert expiration(push(title="Hi", expires_ms=1500)) == "1700000001"
    assert expiration(push(title="Hi", expires_ms=5000, not_before=NOW_MS + 5000)) == "0"


def test_an_alert_without_a_collapse_id_gets_the_id_of_its_push() -> None:
    assert collapse_id(push(title="Hi")) == push().id
    assert collapse_id(push(title="Hi", collapse_id="mine")) == "mine"
    assert collapse_id(push(title="Hi", **apns(headers={"apns-collapse-id": "theirs"}))) == "theirs"
    assert collapse_id(push(PushType.BACKGROUND)) == ""


def test_priority_follows_override_then_wish_then_type() -> None:
    assert priority(push(title="Hi")) == "10"
    assert priority(push(title="Hi", priority="normal")) == "5"
    assert priority(push(title="Hi", priority="high", **apns(headers={"apns-priority": 1}))) == "1"
    assert priority(push(PushType.BACKGROUND)) == "5"
