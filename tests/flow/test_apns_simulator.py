"""The APNs simulator judged by clients nobody here wrote: every documented status and reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pushwarden.simulators import certificates
from pushwarden.simulators.apns.answers import STATUS_OF
from simulator_fixtures import APNS_ID, PAYLOAD, TOKEN, Client, SigningKey, Simulator, running

UNREGISTERED, EXPIRED, BUSY = "01" * 32, "02" * 32, "03" * 32
WRONG_ENVIRONMENT, OTHER_TOPIC = "04" * 32, "05" * 32


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    tokens = {
        UNREGISTERED: {"state": "unregistered", "timestamp_ms": 1_700_000_000_123},
        EXPIRED: {"state": "expired"},
        BUSY: {"state": "busy"},
        WRONG_ENVIRONMENT: {"state": "wrong-env"},
        OTHER_TOPIC: {"state": "other-topic"},
    }
    with running(tmp_path_factory.mktemp("apns"), tokens=tokens, bad_certificates=["com.example.revoked"]) as made:
        yield made


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    with simulator.client() as made:
        yield made


def test_a_good_push_is_accepted_with_its_id_and_an_empty_body(simulator: Simulator, client: Client) -> None:
    answer = client.ask(simulator.headers())
    assert (answer.status, answer.headers["apns-id"], answer.body) == (200, APNS_ID, b"")
    assert "apns-unique-id" not in answer.headers


def test_a_push_without_id_gets_one(simulator: Simulator, client: Client) -> None:
    first, second = (client.ask(simulator.headers(apns_id=None)).headers["apns-id"] for _ in range(2))
    assert first != second and len(first) == len(second) == 36


HEADER_REFUSALS = {
    "BadCollapseId": {"apns_collapse_id": "x" * 65},
    "BadExpirationDate": {"apns_expiration": "tomorrow"},
    "BadMessageId": {"apns_id": "12345678-1234-4234-8234-123456789ab"},
    "BadPriority": {"apns_priority": "7"},
    "BadTopic": {"apns_push_type": "voip"},
    "InvalidPushType": {"apns_push_type": "silent"},
    "MissingDeviceToken": {"path": "/3/device/"},
    "MissingTopic": {"apns_topic": None},
    "BadPath": {"path": "/2/device/abcd"},
    "MethodNotAllowed": {"method": "PUT"},
    "MissingProviderToken": {"authorization": None},
    "InvalidProviderToken": {"authorization": "bearer not.a.token"},
    "BadDeviceToken": {"path": f"/3/device/{WRONG_ENVIRONMENT}"},
    "DeviceTokenNotForTopic": {"path": f"/3/device/{OTHER_TOPIC}"},
    "Unregistered": {"path": f"/3/device/{UNREGISTERED}"},
    "ExpiredToken": {"path": f"/3/device/{EXPIRED}"},
    "TooManyRequests": {"path": f"/3/device/{BUSY}"},
}


@pytest.mark.parametrize("reason", HEADER_REFUSALS)
def test_a_request_is_refused_for_the_documented_reason(simulator: Simulator, client: Client, reason: str) -> None:
    answer = client.ask(simulator.headers(**HEADER_REFUSALS[reason]))
    assert (answer.status, answer.reason) == (STATUS_OF[reason], reason)
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.headers["apns-id"]) == 36


def test_a_refusal_is_the_same_after_good_pushes_were_seen(simulator: Simulator, client: Client) -> None:
    for _ in range(3):
        assert client.ask(simulator.headers()).status == 200
    for reason in set(HEADER_REFUSALS) - {"MissingProviderToken"}:
        assert client.ask(simulator.headers(**HEADER_REFUSALS[reason])).reason == reason
        assert client.ask(simulator.headers(apns_expiration="0")).status == 200


def test_a_410_tells_when_the_token_died_in_milliseconds(simulator: Simulator, client: Client) -> None:
    answer = client.ask(simulator.headers(path=f"/3/device/{UNREGISTERED.upper()}"))
    assert answer.body == b'{"reason":"Unregistered","timestamp":1700000000123}'


@pytest.mark.parametrize("token", ["zz" * 32, "abc", f"<{TOKEN}>", "ab" * 201])
def test_a_token_that_is_not_hex_is_a_bad_one(simulator: Simulator, client: Client, token: str) -> None:
    assert client.ask(simulator.headers(path=f"/3/device/{token}")).reason == "BadDeviceToken"


@pytest.mark.parametrize("token", ["ab" * 4, "ab" * 80, "AB" * 32, "ab" * 100])
def test_a_token_may_have_any_length_and_case(simulator: Simulator, client: Client, token: str) -> None:
    assert client.ask(simulator.headers(path=f"/3/device/{token}")).status == 200


def test_duplicate_headers_are_refused(simulator: Simulator, client: Client) -> None:
    twice = [*simulator.headers(), ("apns-topic", "com.example.app")]
    assert client.ask(twice).reason == "DuplicateHeaders"


def test_a_background_push_of_priority_10_is_refused(simulator: Simulator, client: Client) -> None:
    wrong = simulator.headers(apns_push_type="background", apns_priority="10")
    assert client.ask(wrong).reason == "BadPriority"
    assert client.ask(simulator.headers(apns_push_type="background", apns_priority="5")).status == 200


def test_the_payload_is_measured_in_bytes_and_a_voip_push_may_be_larger(simulator: Simulator, client: Client) -> None:
    voip = simulator.headers(apns_push_type="voip", apns_topic="com.example.app.voip")
    assert client.ask(simulator.headers(), b"").reason == "PayloadEmpty"
    assert client.ask(simulator.headers(), b"x" * 4096).status == 200
    assert client.ask(simulator.headers(), "é".encode() * 2049).reason == "PayloadTooLarge"
    assert client.ask(voip, b"x" * 5120).status == 200
    assert client.ask(voip, b"x" * 5121).reason == "PayloadTooLarge"


TOPICS = {
    "voip": ".voip",
    "complication": ".complication",
    "fileprovider": ".pushkit.fileprovider",
    "location": ".location-query",
    "liveactivity": ".push-type.liveactivity",
    "pushtotalk": ".voip-ptt",
    "widgets": ".push-type.widgets",
    "controls": ".push-type.controls",
    "mdm": "",
}


@pytest.mark.parametrize("push_type", TOPICS)
def test_every_push_type_wants_the_suffix_of_its_topic(simulator: Simulator, client: Client, push_type: str) -> None:
    topic = "com.example.app" + TOPICS[push_type]
    assert client.ask(simulator.headers(apns_push_type=push_type, apns_topic=topic)).status == 200
    wrong = topic + (".voip" if push_type == "complication" else ".complication")
    assert client.ask(simulator.headers(apns_push_type=push_type, apns_topic=wrong)).reason == "BadTopic"


def test_one_stream_until_the_first_good_token_then_a_thousand(simulator: Simulator, client: Client) -> None:
    assert client.ask(simulator.headers(authorization=None)).status == 403
    assert client.streams == 1
    assert client.ask(simulator.headers()).status == 200
    while client.streams == 1:
        client.read()
    assert client.streams == 1000


def test_prior_knowledge_is_enough(simulator: Simulator) -> None:
    with simulator.client(alpn=False) as client:
        assert client.ask(simulator.headers()).status == 200


def test_a_der_signature_is_taken_like_a_raw_one(simulator: Simulator, client: Client) -> None:
    assert client.ask(simulator.headers(authorization=simulator.key.token(der=True))).status == 200


def test_a_token_is_good_for_an_hour_and_not_from_the_future(simulator: Simulator, client: Client) -> None:
    old = client.ask(simulator.headers(authorization=simulator.key.token(age=3700)))
    assert (old.status, old.reason) == (403, "ExpiredProviderToken")
    assert client.ask(simulator.headers(authorization=simulator.key.token(age=-300))).reason == "InvalidProviderToken"
    assert client.ask(simulator.headers(authorization=simulator.key.token(age=3500))).status == 200


def test_a_token_signed_by_another_key_or_for_another_team_is_invalid(simulator: Simulator, client: Client) -> None:
    forged = SigningKey(simulator.key.kid).token()
    assert client.ask(simulator.headers(authorization=forged)).reason == "InvalidProviderToken"
    other = simulator.key.token(team="OTHERTEAM1")
    assert client.ask(simulator.headers(authorization=other)).reason == "InvalidProviderToken"


def test_a_connection_belongs_to_one_team(simulator: Simulator, client: Client) -> None:
    other = SigningKey("KLMNOPQRST", "TEAM654321")
    simulator.post("keys", other.row())
    assert client.ask(simulator.headers()).status == 200
    assert client.ask(simulator.headers(authorization=other.token())).reason == "InvalidProviderToken"
    with simulator.client() as second:
        assert second.ask(simulator.headers(authorization=other.token())).status == 200


def test_a_topic_specific_key_is_bound_to_its_topics_and_its_connection(simulator: Simulator, client: Client) -> None:
    narrow = SigningKey("NARROWKEY1")
    simulator.post("keys", narrow.row(topics=["com.example.app"]))
    token = narrow.token()
    assert client.ask(simulator.headers(authorization=token)).status == 200
    assert client.ask(simulator.headers(authorization=token, apns_topic="com.other")).reason == "TopicDisallowed"
    assert client.ask(simulator.headers()).reason == "UnrelatedKeyIdInToken"


def test_a_key_of_the_other_environment_is_refused(simulator: Simulator, client: Client) -> None:
    sandbox = SigningKey("SANDBOXKEY")
    simulator.post("keys", sandbox.row(environments=["sandbox"]))
    assert client.ask(simulator.headers(authorization=sandbox.token())).reason == "BadEnvironmentKeyIdInToken"


def test_a_second_change_of_token_within_20_minutes_wedges_the_connection(simulator: Simulator, client: Client) -> None:
    tokens = [simulator.key.token(age) for age in (30, 20, 10)]
    answers = [client.ask(simulator.headers(authorization=token)) for token in (*tokens, tokens[1])]
    assert [answer.status for answer in answers] == [200, 200, 429, 429]
    assert answers[2].reason == "TooManyProviderTokenUpdates"


def test_a_connection_keeps_answering_after_its_token_grew_old(tmp_path: Path) -> None:
    with running(tmp_path) as simulator, simulator.client() as client:
        assert client.ask(simulator.headers()).status == 200
        simulator.post("clock", {"advance_s": 3700})
        assert client.ask(simulator.headers()).reason == "ExpiredProviderToken"
        assert client.ask(simulator.headers(authorization=simulator.key.token(age=-3650))).status == 200


def certificate(simulator: Simulator, bundle: str, **more: object) -> Path:
    pem, key = certificates.client_certificate(simulator.ca.parent, bundle, **more)  # type: ignore[arg-type]
    path = simulator.folder / f"{bundle}-{len(list(simulator.folder.iterdir()))}.pem"
    path.write_bytes(pem + key)
    return path


def test_a_certificate_sends_to_its_topics_without_a_token_on_many_streams_at_once(simulator: Simulator) -> None:
    listed = [("com.example.app", "app"), ("com.example.app.voip", "voip")]
    with simulator.client(certificate(simulator, "com.example.app", topics=listed)) as client:
        plain = simulator.headers(authorization="bearer ignored")
        assert client.ask(plain).status == 200
        assert client.streams == 1000
        assert client.ask(simulator.headers(apns_topic="com.other", authorization=None)).reason == "TopicDisallowed"
        assert client.ask(simulator.headers(apns_topic=None)).reason == "MissingTopic"


def test_a_certificate_of_one_topic_needs_no_topic_header(simulator: Simulator) -> None:
    with simulator.client(certificate(simulator, "com.example.app")) as client:
        assert client.ask(simulator.headers(apns_topic=None, authorization=None)).status == 200
        where = simulator.headers(apns_push_type="location", apns_topic="com.example.app.location-query")
        assert client.ask(where).reason == "TopicDisallowed"


def test_a_certificate_of_the_other_environment_or_a_revoked_one_is_refused(simulator: Simulator) -> None:
    with simulator.client(certificate(simulator, "com.example.app", environments="sandbox")) as client:
        assert client.ask(simulator.headers()).reason == "BadCertificateEnvironment"
    with simulator.client(certificate(simulator, "com.example.revoked")) as client:
        assert client.ask(simulator.headers()).reason == "BadCertificate"


def test_no_device_has_the_token_of_which_people_ask(simulator: Simulator, client: Client) -> None:
    asked = "/3/device/" + "f" * 64
    assert client.ask(simulator.headers()).status == 200
    assert client.ask(simulator.headers(path=asked)).reason == "BadDeviceToken"
    foreign = simulator.key.token(team="OTHERTEAM1")
    assert client.ask(simulator.headers(path=asked, authorization=foreign)).reason == "InvalidProviderToken"


def test_it_counts_how_many_provider_tokens_it_was_shown(tmp_path: Path) -> None:
    with running(tmp_path) as made, made.client() as client:
        for _ in range(3):
            client.ask(made.headers())
        client.ask(made.headers(authorization=made.key.token(60)))
        assert made.counts()["provider_tokens"] == 2


def test_location_pushes_want_token_authentication(simulator: Simulator) -> None:
    listed = [("com.example.app.location-query", "app")]
    with simulator.client(certificate(simulator, "com.example.app", topics=listed)) as client:
        where = simulator.headers(apns_push_type="location", apns_topic="com.example.app.location-query")
        assert client.ask(where).reason == "Forbidden"


def test_the_sandbox_adds_its_unique_id_and_shares_of_tokens_are_dead(tmp_path: Path) -> None:
    with running(tmp_path, environment="sandbox", shares={"unregistered": 0.5}) as made, made.client() as client:
        client.ask(made.headers(path="/3/device/00"))
        answers = client.wait(*(client.send(made.headers(path=f"/3/device/{at:064x}")) for at in range(200)))
    good = [answer for answer in answers if answer.status == 200]
    assert 60 < len(good) < 140
    assert all(len(answer.headers["apns-unique-id"]) == 36 for answer in good)
    assert {answer.reason for answer in answers if answer.status != 200} == {"Unregistered"}


def test_the_rest_of_the_documented_reasons_can_be_scripted(simulator: Simulator, client: Client) -> None:
    for reason in ("InternalServerError", "ServiceUnavailable", "Shutdown", "IdleTimeout"):
        simulator.script({"do": "refuse", "status": STATUS_OF[reason], "reason": reason})
        answer = client.ask(simulator.headers())
        assert (answer.status, answer.reason) == (STATUS_OF[reason], reason)
    simulator.script()


def test_what_is_not_http2_is_sent_away(simulator: Simulator) -> None:
    with simulator.client() as client:
        client.socket.sendall(PAYLOAD * 10)
        client.read()
        while not client.closed:
            client.read()
        assert client.goaways
