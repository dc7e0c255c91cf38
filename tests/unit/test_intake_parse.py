"""Every bad body is refused by code, status and a sentence that names the field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pushwarden.core.errors import Invalid, PushwardenError
from pushwarden.core.push import PushType
from pushwarden.dataplane.intake.parse import Kind, due_ms, parse
from pushwarden.dataplane.intake.request import BODY_LIMIT

TO = {"user": "u1"}


def body(**fields: Any) -> bytes:
    return json.dumps({"to": TO, "title": "t"} | fields).encode()


BAD = {
    "truncated": (b'{"to":{"user":"u1"', "malformed", "The body is not valid JSON: Input data was truncated."),
    "empty": (b"", "malformed", "The body is not valid JSON: Input data was truncated."),
    "not utf-8": (b'{"to":{"user":"\xff"}}', "malformed", "The body is not valid JSON"),
    "lone surrogate": (b'{"to":{"user":"u"},"title":"\\ud800"}', "malformed", "The body is not valid JSON"),
    "low surrogate": (b'{"to":{"user":"u"},"title":"\\udc00 "}', "malformed", "invalid utf-16 surrogate pair"),
    "NaN": (b'{"to":{"user":"u"},"data":{"a":NaN}}', "malformed", "invalid character"),
    "endless number": (b'{"to":{"user":"u"},"title":"t","data":{"a":1e999}}', "invalid", "out of range"),
    "long integer": (body(data={"a": 2**64}), "invalid", "data holds a whole number of more than 64 bits; send it"),
    "endless integer": (
        b'{"to":{"user":"u"},"title":"t","data":{"a":' + b"9" * 5000 + b"}}", "invalid", "out of range",
    ),
    "very deep": (b'{"to":{"user":"u"},"data":{"a":' + b"[" * 100_000 + b"}}", "malformed", "nested too deeply"),
    "deep": (body(data={"a": json.loads("[" * 17 + "]" * 17)}), "invalid", "data is nested more than 16 deep"),
    "an array": (b"[]", "invalid", "Expected `object`, got `array`"),
    "null": (b"null", "invalid", "Expected `object`, got `null`"),
    "text for object": (b'{"to":"u1"}', "invalid", "`to`: Expected `object`, got `str`"),
    "unknown field": (body(titel="t"), "unknown_field", "There is no field `titel` here"),
    "unknown inner field": (body(to={"usr": "u"}), "unknown_field", "There is no field `to.usr` here"),
    "no audience": (b'{"title":"t"}', "invalid", "Object missing required field `to`"),
    "nobody": (body(to={}), "invalid", "to names nobody; name exactly one of user, users, device, tokens, tags, all, "),
    "two audiences": (body(to={"user": "u", "all": True}), "invalid", "to names user and all; name exactly one"),
    "all false": (body(to={"all": False}), "invalid", "to.all can only be true."),
    "empty user": (body(to={"user": ""}), "invalid", "`to.user`: Expected `str` of length >= 1"),
    "null user": (body(to={"user": None}), "invalid", "`to.user`: Expected `str`, got `null`"),
    "user with newline": (body(to={"user": "a\nb"}), "invalid", "to.user holds a control character; remove it."),
    "no users": (body(to={"users": []}), "invalid", "`to.users`: Expected `array` of length >= 1"),
    "too many users": (body(to={"users": ["u"] * 10_001}), "invalid", "`to.users`: Expected `array` of length <= 1"),
    "a million users": (body(to={"users": ["u"] * 10**6}), "body_too_large", "A push request has at most 1"),
    "too many tokens": (body(to={"tokens": ["ab"] * 1001}), "invalid", "`to.tokens`: Expected `array` of length <= 1"),
    "token not hex": (body(to={"tokens": ["ab", "xyz"]}), "invalid", "to.tokens[1] must be 2 to 400 hex"),
    "token only brackets": (body(to={"tokens": ["<>"]}), "invalid", "to.tokens[0] must be 2 to 400 hex"),
    "token with newline": (body(to={"tokens": ["abcd\n"]}), "invalid", "to.tokens[0] must be 2 to 400 hex"),
    "token too long": (body(to={"tokens": ["a" * 401]}), "invalid", "must be 2 to 400 hexadecimal digits"),
    "tags that are no expression": (body(to={"tags": "a &&"}), "invalid", "The tag expression"),
    "provider without tokens": (body(to={"user": "u", "provider": "apns"}), "invalid", "to.provider goes only with"),
    "voip to all": (body(type="voip", to={"all": True}), "invalid", "A voip push rings phones: it goes to a user"),
    "voip to tags": (body(type="voip", to={"tags": "a"}), "invalid", "A voip push rings phones"),
    "unknown type": (body(type="sms"), "invalid", "`type`: Invalid enum value 'sms'"),
    "title a number": (body(title=5), "invalid", "`title`: Expected `str`, got `int`"),
    "badge below zero": (body(badge=-1), "invalid", "`badge`: Expected `int` >= 0"),
    "badge a fraction": (body(badge=1.5), "invalid", "`badge`: Expected `int | null`, got `float`"),
    "data a list": (body(data=[1]), "invalid", "`data`: Expected `object`, got `array`"),
    "ttl too long": (body(ttl=2_419_201), "invalid", "`ttl`: Expected `int` <= 2419200"),
    "ttl below zero": (body(ttl=-1), "invalid", "`ttl`: Expected `int` >= 0"),
    "collapse id with CRLF": (body(collapse_id="a\r\nx: y"), "invalid", "collapse_id holds a control character"),
    "collapse id too long": (body(collapse_id="ü" * 33), "invalid", "collapse_id has 66 bytes; 64 is the most."),
    "priority": (body(priority="urgent"), "invalid", "`priority`: Invalid enum value 'urgent'"),
    "placeholder": (body(body="{{usr}}"), "invalid", "{{usr}} is not a placeholder; there are {{user}}, "),
    "placeholder for tokens": (body(to={"tokens": ["ab"]}, body="{{user}}"), "invalid", "Raw tokens and"),
    "placeholder for a topic": (body(to={"topic": "news"}, body="{{user}}"), "invalid", "Raw tokens and"),
    "token with a space": (body(to={"tokens": ["a b"], "provider": "fcm"}), "invalid", "must be 2 to 1024 "),
    "provider unknown": (body(to={"tokens": ["ab"], "provider": "xyz"}), "invalid", "to.provider must be one"),
    "no topic": (body(to={"topic": "a b"}), "invalid", "to.topic may hold only letters, digits and -_.~%"),
    "topic of a topic": (body(to={"topic": "/topics//topics/a"}), "invalid", "to.topic may hold only letters"),
    "no condition": (body(to={"condition": "'a' in topics &&"}), "invalid", "to.condition cannot be read; write it"),
    "six topics": (body(to={"condition": " || ".join(["'a' in topics"] * 6)}), "invalid", "names 6 topics"),
    "long condition": (body(to={"condition": "'a' in topics" + " " * 1000}), "invalid", "at most 1000"),
    "voip to a topic": (body(type="voip", to={"topic": "news"}), "invalid", "A voip push rings phones"),
    "time without offset": (body(not_before="2030-01-01T00:00:00"), "invalid", "not_before has no offset"),
    "no time": (body(not_before="soon"), "invalid", "not_before is not a time; write it like 2030-01-31T08:00:00Z."),
    "time too far": (body(not_before=1e300), "invalid", "not_before is not a time"),
    "when stopped": (body(when_stopped="wait"), "invalid", "`when_stopped`: Invalid enum value 'wait'"),
    "a megabyte": (body(body="x" * BODY_LIMIT), "body_too_large", "A push request has at most 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_body_is_refused_by_name(name: str) -> None:
    data, code, said = BAD[name]
    with pytest.raises(PushwardenError) as caught:
        parse(data)
    assert (caught.value.code, said in caught.value.detail) == (code, True), caught.value.detail


def test_the_field_of_a_refusal_is_named_for_machines() -> None:
    for data, field in ((body(titel=1), "titel"), (body(collapse_id="\r"), "collapse_id"), (body(ttl="x"), "ttl")):
        with pytest.raises(PushwardenError) as caught:
            parse(data)
        assert caught.value.extra["field"] == field


@pytest.mark.parametrize(
    ("to", "kind", "names"),
    [
        ({"user": "u1"}, Kind.USER, ("u1",)),
        ({"users": ["u1", "u2", "u1"]}, Kind.USERS, ("u1", "u2")),
        ({"device": "inst-1"}, Kind.DEVICE, ("inst-1",)),
        ({"tokens": ["<ABCD ef01>", "abcdef01", "0" * 161]}, Kind.TOKENS, ("abcdef01", "0" * 161)),
        ({"tags": "a && !b"}, Kind.TAGS, ()),
        ({"all": True}, Kind.ALL, ()),
    ],
)
def test_each_way_to_name_recipients_is_read(to: dict[str, Any], kind: Kind, names: tuple[str, ...]) -> None:
    target = parse(body(to=to)).target
    assert (target.kind, target.names) == (kind, names)


def test_every_field_of_the_contract_is_taken() -> None:
    fields = {
        "type": "alert", "title": "Hi {{user}}", "subtitle": "s", "body": "b", "icon": "i", "image": "https://x/i.png",
        "sound": "default", "badge": 3, "link": "app://x", "data": {"a": [1, {"b": None}]}, "ttl": 60,
        "collapse_id": "c", "priority": "normal", "not_before": "2030-01-31T08:00:00+01:00", "when_stopped": "hold",
        "apns": {"aps": {"category": "X"}}, "fcm": {"a": 1}, "wns": {"a": 1}, "webpush": {"a": 1}, "hms": {"a": 1},
    }  # fmt: skip
    parsed = parse(body(**fields))
    assert parsed.not_before == 1_896_073_200_000
    assert set(parsed.request.overrides) == {"apns", "fcm", "wns", "webpush", "hms"}


@pytest.mark.parametrize("push_type", PushType)
def test_every_push_type_is_read(push_type: PushType) -> None:
    assert parse(body(type=str(push_type))).request.type is push_type


def test_times_are_read_as_unix_seconds_or_iso() -> None:
    assert [due_ms(value) for value in (None, 0, 1.5, "1970-01-01T00:00:02Z")] == [0, 0, 1500, 2000]


def test_spacing_and_order_make_no_other_fingerprint() -> None:
    one = parse(b'{"to":{"user":"u"},"title":"t","data":{"a":1,"b":2}}').fingerprint("acme")
    same = parse(b'{ "data":{"b":2, "a":1}, "title":"t", "to":{"user":"u"} }').fingerprint("acme")
    other = parse(b'{"to":{"user":"u"},"title":"T","data":{"a":1,"b":2}}').fingerprint("acme")
    assert one == same != other
    assert one != parse(b'{"to":{"user":"u"},"title":"t","data":{"a":1,"b":2}}').fingerprint("other")


def test_tokens_are_counted_not_shown() -> None:
    parsed = parse(body(to={"tokens": ["ab" * 32]}))
    assert parsed.target.note == "1 tokens"


@pytest.mark.parametrize(
    ("to", "member", "note"),
    [
        ({"topic": "news"}, "/topics/news", "topic news"),
        ({"topic": "/topics/news-1.2~%"}, "/topics/news-1.2~%", "topic news-1.2~%"),
        (
            {"condition": "'a' in topics && ('b' in topics || !('c' in topics))"},
            "/condition/'a' in topics && ('b' in topics || !('c' in topics))",
            "condition 'a' in topics && ('b' in topics || !('c' in topics))",
        ),
    ],
)
def test_a_topic_is_one_recipient_of_fcm(to: dict[str, str], member: str, note: str) -> None:
    target = parse(body(to=to)).target
    assert (target.names, target.provider, target.note, target.fan_out) == ((member,), "fcm", note, False)


@pytest.mark.parametrize("text", ["'a' in topics 'b' in topics", "('a' in topics", "a in topics", "()", "! ", "''"])
def test_a_condition_that_google_could_not_read_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(body(to={"condition": text}))
    assert caught.value.extra["field"] == "to.condition"


def test_a_token_of_fcm_stays_as_the_app_got_it() -> None:
    token = "cX1:APA91b_Zz-9" * 10
    assert parse(body(to={"tokens": [token, token], "provider": "fcm"})).target.names == (token,)
