"""Live proofs over the real simulators: what is asked, and what each answer shows. The judge is what they read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from fcm_fixtures import PROJECT, Fcm, ServiceAccount, running_fcm
from proof_fixtures import SHOP, Material, file_credential, frames, key_credential, prove, said, towards
from pushwarden.core.app import CredentialKind
from pushwarden.core.probe import Finding, found
from pushwarden.core.scope import Environment
from pushwarden.simulators.certificates import client_certificate
from simulator_fixtures import TOPIC, SigningKey, Simulator, running


@pytest.fixture(scope="module")
def apple(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with running(tmp_path_factory.mktemp("apns"), bad_certificates=["com.example.revoked"]) as made:
        yield made


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fcm]:
    projects = {PROJECT: {}, "switched-off": {"state": "disabled"}, "closed-one": {"state": "denied"}}
    with running_fcm(tmp_path_factory.mktemp("fcm"), projects=projects) as made:
        yield made


@pytest.fixture(autouse=True)
def honest(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    for name in {"apple", "google"} & set(request.fixturenames):
        request.getfixturevalue(name).script()


def certificate(simulator: Simulator, bundle: str = TOPIC, *topics: tuple[str, str], **made: Any) -> Material:
    """A push certificate with its key, in a file without a password."""
    pem, key_pem = client_certificate(simulator.ca.parent, bundle, topics, **made)
    key = serialization.load_pem_private_key(key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    closing = serialization.BestAvailableEncryption(b"secret")
    data = pkcs12.serialize_key_and_certificates(b"push", key, x509.load_pem_x509_certificate(pem), None, closing)
    return file_credential("apns", data, CredentialKind.APNS_CERTIFICATE, "secret")


def account(google: Fcm, **changed: Any) -> Material:
    return file_credential("fcm", google.account.file(**changed), CredentialKind.FCM_SERVICE_ACCOUNT)


# --- Apple


def test_a_key_apple_knows_is_proven_by_one_request_that_reaches_no_device(apple: Simulator) -> None:
    before = len(frames(apple))
    checks = prove(apple, key_credential(apple.key))
    assert said(checks) == {"live.accepted": "passed", "p8.unproven_topic": "unproven"}
    assert found(checks) is Finding.PROVEN
    assert "400 BadDeviceToken" in checks[0].evidence and TOPIC in checks[0].evidence
    assert [frame.status for frame in frames(apple, before)] == [400]


def test_a_certificate_is_asked_for_each_of_its_topics_on_one_connection(apple: Simulator) -> None:
    before = len(frames(apple))
    listed = ((TOPIC, "app"), (TOPIC + ".voip", "voip"), (TOPIC + ".complication", "complication"))
    checks = prove(apple, certificate(apple, TOPIC, *listed))
    assert found(checks) is Finding.PROVEN
    assert [check.id for check in checks] == ["live.handshake", *["live.accepted"] * 3]
    asked = frames(apple, before)
    assert [frame.status for frame in asked] == [400, 400, 400]
    assert len({frame.connection for frame in asked}) == 1


@pytest.mark.parametrize(
    ("slot", "topic"), [("", TOPIC), ("voip", TOPIC + ".voip"), ("complication", TOPIC + ".complication")]
)
def test_a_slot_of_its_own_is_asked_for_its_own_topic(apple: Simulator, slot: str, topic: str) -> None:
    credential, material = key_credential(apple.key)
    checks = prove(apple, (replace(credential, slot=slot), material))
    assert f"token for {topic}," in checks[0].evidence


@pytest.mark.parametrize(
    ("status", "reason", "name", "finding"),
    [
        (403, "InvalidProviderToken", "p8.refused", Finding.REFUSED),
        (403, "ExpiredProviderToken", "live.clock_wrong", Finding.UNPROVEN),
        (403, "BadEnvironmentKeyIdInToken", "p8.env", Finding.REFUSED),
        (403, "BadEnvironmentKeyInToken", "p8.env", Finding.REFUSED),
        (400, "TopicDisallowed", "p8.topic", Finding.REFUSED),
        (400, "BadTopic", "p8.topic", Finding.REFUSED),
        (429, "TooManyProviderTokenUpdates", "apns.throttled", Finding.UNPROVEN),
        (429, "TooManyRequests", "live.unclear", Finding.UNPROVEN),
        (500, "InternalServerError", "provider.down", Finding.UNPROVEN),
        (503, "ServiceUnavailable", "provider.down", Finding.UNPROVEN),
        (400, "SomethingNew", "live.unclear", Finding.UNPROVEN),
        (410, "Unregistered", "live.accepted", Finding.PROVEN),
    ],
)
def test_each_answer_of_apple_to_a_key_has_its_words(
    apple: Simulator, status: int, reason: str, name: str, finding: Finding
) -> None:
    apple.script({"do": "refuse", "status": status, "reason": reason})
    checks = prove(apple, key_credential(apple.key))
    assert (checks[0].id, found(checks)) == (name, finding)
    assert reason in checks[0].evidence + checks[0].message


def test_a_key_apple_does_not_know_is_refused_with_its_ids(apple: Simulator) -> None:
    (refused,) = prove(apple, key_credential(SigningKey("ZZZZZZZZZZ", "TEAM123456")))
    assert (refused.id, refused.result) == ("p8.refused", "failed")
    assert "ZZZZZZZZZZ" in refused.message and "TEAM123456" in refused.message


def test_a_fresh_key_is_told_when_it_is_tried_again(apple: Simulator) -> None:
    credential, material = key_credential(SigningKey("ZZZZZZZZZZ", "TEAM123456"))
    (old,) = prove(apple, (credential, material))
    (fresh,) = prove(apple, (replace(credential, created_at=time.time_ns() // 1_000_000), material))
    assert "we try again at" in fresh.next
    assert "we try again at" not in old.next


def test_a_revoked_key_a_limited_one_and_a_specific_one_are_told_apart(tmp_path: Path) -> None:
    limited, specific = SigningKey("LIMITED123"), SigningKey("SPECIFIC12")
    keys = [limited.row(environments=["sandbox"]), specific.row(topics=["com.other.app"])]
    with running(tmp_path) as made:
        for row in keys:
            made.post("keys", row)
        assert said(prove(made, key_credential(limited))) == {"p8.env": "failed"}
        assert said(prove(made, key_credential(specific))) == {"p8.topic": "failed"}
        assert found(prove(made, key_credential(made.key))) is Finding.PROVEN
        made.delete(f"keys/{made.key.kid}")
        assert said(prove(made, key_credential(made.key))) == {"p8.refused": "failed"}


def test_a_certificate_of_another_app_and_one_without_calls_are_told_apart(apple: Simulator) -> None:
    assert said(prove(apple, certificate(apple, "com.other.app"))) == {"cert.wrong_bundle": "failed"}
    credential, material = certificate(apple, TOPIC, (TOPIC, "app"))
    checks = prove(apple, (replace(credential, slot="voip"), material))
    assert said(checks) == {"cert.voip_missing": "failed"}


@pytest.mark.parametrize(
    ("environment", "name"), [("production", "cert.sandbox_only"), ("sandbox", "cert.production_only")]
)
def test_a_certificate_of_the_other_environment_is_named(apple: Simulator, environment: str, name: str) -> None:
    credential, material = certificate(apple)
    apple.script({"do": "refuse", "status": 403, "reason": "BadCertificateEnvironment"})
    checks = prove(apple, (replace(credential, environment=Environment(environment)), material))
    assert checks[0].id == name


def test_a_certificate_apple_calls_bad_is_revoked(apple: Simulator) -> None:
    shop = replace(SHOP, bundle_id="com.example.revoked")
    (revoked,) = prove(apple, certificate(apple, "com.example.revoked"), shop)
    assert (revoked.id, revoked.result) == ("cert.revoked", "failed")
    assert "BadCertificate" in revoked.message


def test_a_certificate_that_has_ended_is_not_shown_to_anybody(apple: Simulator) -> None:
    credential, material = certificate(apple)
    before = apple.counts()["handshakes"]
    (ended,) = prove(apple, (replace(credential, facts=credential.facts | {"not_after": 1_700_000_000_000}), material))
    assert (ended.id, ended.result) == ("cert.expired", "failed")
    assert "14 Nov 2023" in ended.message
    assert apple.counts()["handshakes"] == before


def test_an_app_without_a_bundle_id_is_told_so_and_nothing_is_asked(apple: Simulator) -> None:
    before = apple.counts()["handshakes"]
    (asked,) = prove(apple, key_credential(apple.key), replace(SHOP, bundle_id=""))
    assert (asked.id, asked.result) == ("live.not_asked", "unproven")
    assert "bundle ID" in asked.message
    assert apple.counts()["handshakes"] == before


def test_a_hundred_proofs_use_one_provider_token(tmp_path: Path) -> None:
    with running(tmp_path) as made:

        async def hundred() -> None:
            sender = towards(made)
            for _ in range(100):
                assert found(await sender.make(key_credential(made.key))) is Finding.PROVEN

        asyncio.run(hundred())
        assert made.counts()["requests"] == 100
        assert made.counts()["provider_tokens"] == 1


# --- Google


def test_an_account_google_knows_is_proven_without_a_message(google: Fcm) -> None:
    before = len(frames(google))
    checks = prove(google, account(google))
    assert said(checks) == {"live.oauth": "passed", "live.accepted": "passed"}
    assert [frame.status for frame in frames(google, before)] == [400]
    assert any(check.id == "live.clock" for check in checks)


@pytest.mark.parametrize(
    ("project", "name", "result"),
    [
        ("switched-off", "fcm.api_off", "failed"),
        ("closed-one", "fcm.permission", "failed"),
        ("nowhere-at-all", "fcm.no_project", "failed"),
    ],
)
def test_a_project_that_is_off_closed_or_unknown_is_told_apart(
    google: Fcm, project: str, name: str, result: str
) -> None:
    checks = prove(google, account(google, project_id=project))
    assert said(checks) == {name: result}


@pytest.mark.parametrize(
    ("status", "reason", "name", "finding"),
    [
        (404, "UNREGISTERED", "live.oauth", Finding.PROVEN),
        (403, "SENDER_ID_MISMATCH", "live.oauth", Finding.PROVEN),
        (429, "QUOTA_EXCEEDED", "provider.down", Finding.UNPROVEN),
        (503, "UNAVAILABLE", "provider.down", Finding.UNPROVEN),
        (500, "INTERNAL", "provider.down", Finding.UNPROVEN),
        (401, "UNAUTHENTICATED", "live.unclear", Finding.UNPROVEN),
    ],
)
def test_each_answer_of_google_has_its_words(
    google: Fcm, status: int, reason: str, name: str, finding: Finding
) -> None:
    google.script({"do": "refuse", "status": status, "reason": reason})
    checks = prove(google, account(google))
    assert (checks[0].id, found(checks)) == (name, finding)


def test_a_deleted_key_is_refused_and_the_clock_is_not_blamed(google: Fcm) -> None:
    stranger = ServiceAccount("fedcba9876543210")
    checks = prove(google, file_credential("fcm", stranger.file(), CredentialKind.FCM_SERVICE_ACCOUNT))
    assert said(checks) == {"oauth.invalid_grant": "failed"}
    assert "so it is the key" in checks[0].message


def test_a_clock_that_is_wrong_is_blamed_by_googles_own_date(tmp_path: Path) -> None:
    with running_fcm(tmp_path) as made:
        made.post("clock", {"advance_s": 18000})
        checks = prove(made, account(made))
    assert said(checks) == {"oauth.invalid_grant": "unproven", "live.clock_wrong": "warning"}
    assert "5 h from Google's, so it is the clock" in checks[0].message
    assert found(checks) is Finding.UNPROVEN


def test_an_exchange_that_fails_at_google_blames_no_key(google: Fcm) -> None:
    google.script({"do": "refuse", "status": 503, "reason": "internal_failure", "push_type": "oauth"})
    assert said(prove(google, account(google))) == {"provider.down": "unproven"}


def test_the_access_token_of_the_sender_is_used_again(tmp_path: Path) -> None:
    with running_fcm(tmp_path) as made:

        async def ten() -> None:
            sender = towards(made)
            for _ in range(10):
                assert found(await sender.make(account(made))) is Finding.PROVEN

        before = made.counts()["exchanges"]["200"]
        asyncio.run(ten())
        assert made.counts()["exchanges"]["200"] == before + 1


def test_who_asks_again_after_a_refusal_gets_the_new_word(tmp_path: Path) -> None:
    stranger = ServiceAccount("fedcba9876543210")
    material = file_credential("fcm", stranger.file(), CredentialKind.FCM_SERVICE_ACCOUNT)
    with running_fcm(tmp_path) as made:

        async def twice() -> list[Finding]:
            sender = towards(made)
            first = found(await sender.make(material))
            made.post("accounts", stranger.row())
            return [first, found(await sender.make(material))]

        assert asyncio.run(twice()) == [Finding.REFUSED, Finding.PROVEN]
