"""The FCM simulator judged by clients nobody here wrote: the exchange, every errorCode, strict proto JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from fcm_fixtures import PROJECT, Fcm, ServiceAccount, code, details, device, error, rsa_key, running_fcm
from pushwarden.simulators import log
from simulator_fixtures import Client

GONE, MALFORMED, OTHER, THIRD, BUSY = (device(number) for number in range(1, 6))
GOOD = device(100)


@pytest.fixture(scope="module")
def fcm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fcm]:
    tokens = {
        GONE: {"state": "unregistered"},
        MALFORMED: {"state": "malformed"},
        OTHER: {"state": "sender-mismatch"},
        THIRD: {"state": "third-party-auth"},
        BUSY: {"state": "busy"},
    }
    projects = {PROJECT: {}, "off": {"state": "disabled"}, "closed": {"state": "denied"}, "small": {"per_minute": 3}}
    with running_fcm(tmp_path_factory.mktemp("fcm"), tokens=tokens, projects=projects) as made:
        yield made


@pytest.fixture
def client(fcm: Fcm) -> Iterator[Client]:
    with fcm.client() as made:
        yield made


def test_a_good_message_is_accepted_by_a_name_of_its_own(fcm: Fcm, client: Client) -> None:
    first, second = (fcm.send(client, {"token": GOOD, "data": {"n": "1"}}) for _ in range(2))
    names = [json.loads(answer.body)["name"] for answer in (first, second)]
    assert first.status == second.status == 200 and names[0] != names[1]
    assert names[0].startswith(f"projects/{PROJECT}/messages/0:")
    assert first.headers["content-type"] == "application/json; charset=UTF-8"


def test_a_hundred_streams_are_open_at_once(fcm: Fcm, client: Client) -> None:
    answers = client.wait(*(fcm.start(client, {"token": device(at)}) for at in range(200, 300)))
    assert {answer.status for answer in answers} == {200}
    assert client.streams == 100


def test_validate_only_names_a_fake_message(fcm: Fcm, client: Client) -> None:
    answer = fcm.send(client, {"token": GOOD}, dry=True)
    assert json.loads(answer.body)["name"] == f"projects/{PROJECT}/messages/fake_message_id"
    assert fcm.send(client, {"token": "nonsense"}, dry=True).status == 400


def test_topics_and_conditions_are_targets_too(fcm: Fcm, client: Client) -> None:
    assert fcm.send(client, {"topic": "news"}).status == 200
    assert fcm.send(client, {"condition": "'a' in topics && ('b' in topics || 'c' in topics)"}).status == 200
    for wrong in ({"topic": "n e w s"}, {"condition": "a and b"}):
        assert code(fcm.send(client, wrong)) == "INVALID_ARGUMENT"


STATES = {
    GONE: (404, "NOT_FOUND", "UNREGISTERED"),
    MALFORMED: (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    "too short": (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    OTHER: (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
    THIRD: (401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"),
    BUSY: (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
}


@pytest.mark.parametrize("token", STATES)
def test_a_token_is_refused_as_its_state_asks(fcm: Fcm, client: Client, token: str) -> None:
    answer = fcm.send(client, {"token": token, "data": {"n": "1"}})
    assert (answer.status, error(answer)["status"], code(answer)) == STATES[token]
    named = [one["field"] for one in details(answer).get("BadRequest", {}).get("fieldViolations", [])]
    assert named == (["message.token"] if answer.status == 400 else [])


def test_a_refusal_is_the_same_after_good_messages_of_its_shape(fcm: Fcm, client: Client) -> None:
    for token in (GOOD, GONE, "x" * 31, GOOD):
        expected = {GOOD: 200, GONE: 404}.get(token, 400)
        assert fcm.send(client, {"token": token, "notification": {"title": "t"}}).status == expected


def test_a_project_that_is_unknown_off_or_closed_is_refused(fcm: Fcm, client: Client) -> None:
    def answer(project: str) -> Any:
        return fcm.send(client, {"token": GOOD}, path=f"/v1/projects/{project}/messages:send")

    unknown, off, closed = answer("nowhere"), answer("off"), answer("closed")
    assert (unknown.status, error(unknown)["status"], details(unknown)) == (404, "NOT_FOUND", {})
    assert (off.status, details(off)["ErrorInfo"]["reason"]) == (403, "SERVICE_DISABLED")
    assert (closed.status, details(closed)["ErrorInfo"]["reason"]) == (403, "IAM_PERMISSION_DENIED")
    assert code(off) is code(closed) is None


def test_a_project_over_its_quota_waits(fcm: Fcm, client: Client) -> None:
    path = "/v1/projects/small/messages:send"
    answers = [fcm.send(client, {"token": GOOD}, path=path) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert code(answers[3]) == "QUOTA_EXCEEDED" and "QuotaFailure" in details(answers[3])
    assert 0 < int(answers[3].headers["retry-after"]) <= 20
    fcm.post("clock", {"advance_s": 20})
    assert fcm.send(client, {"token": GOOD}, path=path).status == 200


UNREADABLE = {
    "an unknown name": ({"token": GOOD, "foo": 1}, "message", "Unknown name \"foo\" at 'message': Cannot find field."),
    "an unknown name below": ({"token": GOOD, "android": {"ttll": "1s"}}, "message.android", 'Unknown name "ttll"'),
    "a number in data": ({"token": GOOD, "data": {"n": 1}}, "message.data[0].value", "(TYPE_STRING), 1"),
    "a number in headers": ({"token": GOOD, "apns": {"headers": {"a": 5}}}, "message.apns.headers[0].value", "5"),
    "a wrong enum": ({"token": GOOD, "android": {"priority": "LOW"}}, "message.android.priority", '"LOW"'),
    "a bare ttl": ({"token": GOOD, "android": {"ttl": "60"}}, "message.android.ttl", "Duration"),
    "text for a message": ({"token": GOOD, "android": "x"}, "message.android", "AndroidConfig"),
    "text for a bool": (
        {"token": GOOD, "android": {"direct_boot_ok": "yes"}},
        "message.android.direct_boot_ok",
        "BOOL",
    ),
    "two targets": ({"token": GOOD, "topic": "news"}, "message", "oneof field 'target' is already set"),
    "both spellings": ({"token": GOOD, "fcm_options": {}, "fcmOptions": {}}, "message", "given twice"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_is_not_the_documented_json_is_named(fcm: Fcm, client: Client, case: str) -> None:
    message, field, words = UNREADABLE[case]
    answer = fcm.send(client, message)
    (violation,) = details(answer)["BadRequest"]["fieldViolations"]
    assert (answer.status, violation["field"]) == (400, field)
    assert words in violation["description"] and words in error(answer)["message"]
    assert code(answer) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"message": NaN}', b"\xff"])
def test_what_is_no_json_object_is_refused(fcm: Fcm, client: Client, body: bytes) -> None:
    answer = client.ask(fcm.headers(), body)
    assert answer.status == 400 and "Invalid JSON payload received" in error(answer)["message"]


INVALID = {
    "no target": ({"data": {}}, "message"),
    "a reserved key": ({"token": GOOD, "data": {"from": "x"}}, "message.data"),
    "a reserved prefix": ({"token": GOOD, "android": {"data": {"google.x": "x"}}}, "message.android.data"),
    "a ttl of five weeks": ({"token": GOOD, "android": {"ttl": "3024000s"}}, "message.android.ttl"),
    "a colour by name": (
        {"token": GOOD, "android": {"notification": {"color": "red"}}},
        "message.android.notification.color",
    ),
    "a long label": (
        {"token": GOOD, "fcm_options": {"analytics_label": "x" * 51}},
        "message.fcm_options.analytics_label",
    ),
    "a plain link": (
        {"token": GOOD, "webpush": {"fcm_options": {"link": "http://x"}}},
        "message.webpush.fcm_options.link",
    ),
}


@pytest.mark.parametrize("case", INVALID)
def test_a_message_that_breaks_a_rule_is_invalid_by_its_field(fcm: Fcm, client: Client, case: str) -> None:
    message, field = INVALID[case]
    answer = fcm.send(client, message)
    assert [one["field"] for one in details(answer)["BadRequest"]["fieldViolations"]] == [field]
    assert code(answer) == "INVALID_ARGUMENT"


def test_a_message_too_large_is_refused_without_details(fcm: Fcm, client: Client) -> None:
    assert fcm.send(client, {"token": GOOD, "data": {"k": "x" * 4095}}).status == 200
    answer = fcm.send(client, {"token": GOOD, "data": {"k": "é" * 2048}})
    assert (answer.status, error(answer)["status"], details(answer)) == (400, "INVALID_ARGUMENT", {})


def test_both_spellings_of_every_field_are_taken(fcm: Fcm, client: Client) -> None:
    notification = {
        "titleLocKey": "k",
        "title_loc_args": ["a"],
        "notificationPriority": "PRIORITY_HIGH",
        "sticky": True,
    }
    lights = {"lightSettings": {"color": {"red": 1}, "lightOnDuration": "1.5s", "light_off_duration": "1s"}}
    android = {"collapseKey": "c", "ttl": "3.5s", "priority": "HIGH", "notification": {**notification, **lights}}
    message = {"token": GOOD, "android": android, "fcmOptions": {"analyticsLabel": "a-b"}, "apns": None}
    assert fcm.send(client, message).status == 200


def test_the_details_come_in_any_order(fcm: Fcm, client: Client) -> None:
    orders = {tuple(details(fcm.send(client, {"token": MALFORMED}))) for _ in range(40)}
    assert orders == {("FcmError", "BadRequest"), ("BadRequest", "FcmError")}


def test_a_request_without_authority_or_with_a_wrong_path_gets_a_page(fcm: Fcm, client: Client) -> None:
    for changed, status in (
        ({"authority": None, "host": "localhost"}, 400),
        ({"path": "/fcm/send"}, 404),
        ({"method": "PUT"}, 404),
    ):
        answer = fcm.send(client, {"token": GOOD}, **changed)
        assert (answer.status, answer.headers["content-type"]) == (status, "text/html; charset=UTF-8")


def test_without_alpn_the_connection_is_sent_away(fcm: Fcm) -> None:
    with fcm.client(alpn=False) as client:
        while not client.closed:
            client.read()
        assert [number for _, number, _ in client.goaways] == [1]


# -- the exchange


def test_an_access_token_lasts_an_hour(tmp_path: Path) -> None:
    with running_fcm(tmp_path) as fcm:
        granted = fcm.exchange().json()
        assert (granted["expires_in"], granted["token_type"]) == (3599, "Bearer")
        for ahead, status in ((0, 200), (3500, 200), (100, 401)):
            fcm.post("clock", {"advance_s": ahead})
            with fcm.client() as client:
                answer = fcm.send(client, {"token": GOOD})
                assert answer.status == status
        assert details(answer)["ErrorInfo"]["reason"] == "ACCESS_TOKEN_EXPIRED"


def test_an_unknown_or_missing_bearer_is_unauthenticated(fcm: Fcm, client: Client) -> None:
    for bearer, reason in (("Bearer x", "ACCESS_TOKEN_TYPE_UNSUPPORTED"), (None, "CREDENTIALS_MISSING")):
        answer = fcm.send(client, {"token": GOOD}, authorization=bearer)
        assert (answer.status, error(answer)["status"]) == (401, "UNAUTHENTICATED")
        assert details(answer)["ErrorInfo"]["reason"] == reason and code(answer) is None


def test_refusals_and_exchanges_say_what_time_it_is_there(tmp_path: Path) -> None:
    with running_fcm(tmp_path) as made:
        made.post("clock", {"advance_s": 7200})
        with made.client() as client:
            answer = made.send(client, {"token": "nonsense"})
        told = parsedate_to_datetime(answer.headers["date"]).timestamp()
        assert 7195 < told - time.time() < 7230


def test_the_exchange_is_served_over_http2_as_well(fcm: Fcm, client: Client) -> None:
    form = f"grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion={fcm.account.assertion()}"
    plain = fcm.headers(path="/token", authorization=None, content_type="application/x-www-form-urlencoded")
    answer = client.ask(plain, form.encode())
    bearer = json.loads(answer.body)["access_token"]
    assert fcm.send(client, {"token": GOOD}, authorization=f"Bearer {bearer}").status == 200


DENIED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a longer life than an hour": ({"exp": int(time.time()) + 9000}, "invalid_grant", "short-lived token"),
    "a clock that is ahead": ({"iat": int(time.time()) + 900}, "invalid_grant", "reasonable timeframe"),
    "a token of yesterday": ({"iat": 1, "exp": 3601}, "invalid_grant", "reasonable timeframe"),
    "another audience": ({"aud": "https://evil.example/token"}, "invalid_grant", "audience"),
    "another scope": ({"scope": "https://www.googleapis.com/auth/drive"}, "invalid_scope", "scope"),
    "another account": ({"iss": "nobody@example.com"}, "invalid_grant", "account not found"),
}


@pytest.mark.parametrize("case", DENIED)
def test_an_assertion_is_denied_for(fcm: Fcm, case: str) -> None:
    changed, word, description = DENIED[case]
    answer = fcm.exchange(fcm.account.assertion(**changed))
    assert (answer.status_code, answer.json()["error"]) == (400, word)
    assert description in answer.json()["error_description"]


def test_a_forged_signature_or_a_deleted_key_is_invalid(fcm: Fcm) -> None:
    forged = fcm.exchange(fcm.account.assertion(rsa_key("another")))
    assert forged.json() == {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    second = ServiceAccount("fedcba9876543210")
    fcm.post("accounts", second.row(projects=[PROJECT]))
    assert fcm.exchange(second.assertion()).status_code == 200
    fcm.delete(f"accounts/{second.key_id}")
    assert fcm.exchange(second.assertion()).json()["error_description"] == "Invalid JWT Signature."


@pytest.mark.parametrize("assertion", ["x", "a.b", "e30.e30.AAAA", "....."])
def test_what_is_no_assertion_is_denied(fcm: Fcm, assertion: str) -> None:
    assert fcm.exchange(assertion).json()["error"] == "invalid_grant"


def test_another_grant_is_unsupported(fcm: Fcm) -> None:
    assert fcm.exchange(grant="password").json()["error"] == "unsupported_grant_type"


def test_an_account_of_one_project_sends_for_no_other(tmp_path: Path) -> None:
    account = ServiceAccount()
    with running_fcm(tmp_path, accounts=[account.row(projects=["mine"])]) as fcm, fcm.client() as client:
        answer = fcm.send(client, {"token": GOOD})
        assert (answer.status, details(answer)["ErrorInfo"]["reason"]) == (403, "IAM_PERMISSION_DENIED")
        assert fcm.send(client, {"token": GOOD}, path="/v1/projects/mine/messages:send").status == 200


def test_access_tokens_can_be_taken_back(tmp_path: Path) -> None:
    with running_fcm(tmp_path) as fcm, fcm.client() as client:
        assert fcm.send(client, {"token": GOOD}).status == 200
        fcm.delete("bearers")
        assert fcm.send(client, {"token": GOOD}).status == 401
        fcm.bearer = fcm.exchange().json()["access_token"]
        assert fcm.send(client, {"token": GOOD}).status == 200


def test_an_unknown_key_counts_as_good_when_any_does(tmp_path: Path) -> None:
    with running_fcm(tmp_path, "--any-key", accounts=[]) as fcm, fcm.client() as client:
        assert fcm.send(client, {"token": GOOD}).status == 200


# -- the log


def test_the_log_tells_messages_and_recipients_apart(tmp_path: Path) -> None:
    with running_fcm(tmp_path, shares={"unregistered": 0.2}) as fcm, fcm.client() as client:
        for text in ("one", "two"):
            client.wait(*(fcm.start(client, {"token": device(at), "data": {"k": text}}) for at in range(50)))
        statuses = [fcm.send(client, {"token": device(at), "data": {"k": "one"}}).status for at in range(5)]
        fcm.end()
    frames = list(log.read(fcm.log))
    assert len(frames) == 105 and len({frame.apns_id[:4] for frame in frames}) == 2
    assert {frame.apns_id[4:] for frame in frames} == {device(at)[-12:].encode() for at in range(50)}
    assert len({frame.token_hash for frame in frames}) == 50
    assert [frame.status for frame in frames[:5]] == statuses
    summary = log.summarise(fcm.log)
    assert (summary.distinct, len(summary.repeated), set(summary.by_status)) == (100, 5, {200, 404})


def test_the_counters_tell_project_target_status_and_exchanges(tmp_path: Path) -> None:
    with running_fcm(tmp_path) as fcm, fcm.client() as client:
        fcm.send(client, {"token": GOOD})
        fcm.send(client, {"topic": "news"})
        fcm.exchange("x")
        told = fcm.counts()
    rows = {(row["topic"], row["push_type"], row["status"]): row["count"] for row in told["counts"]}
    assert rows == {(PROJECT, "token", 200): 1, (PROJECT, "topic", 200): 1}
    assert (told["requests"], told["exchanges"]) == (2, {"200": 1, "400": 1})
