"""Every file a person may drop for Android ends in a report that says what it is and what to do next."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fcm_pushes import EMAIL, KEY_ID, NOW_MS, PROJECT, account, file, pem, rsa_key
from looking import look_at
from pushwarden.core.app import CredentialKind
from pushwarden.providers.detection import SIZE_LIMIT
from pushwarden.providers.fcm.tokens import ServiceAccount
from pushwarden.providers.port import Report


def looked_at(data: bytes, **hints: str) -> Report:
    return look_at(data, password=None, hints=hints, now_ms=NOW_MS)


def failed(report: Report) -> list[str]:
    return [check.id for check in report.checks if check.result == "failed"]


def test_a_service_account_is_recognised_and_can_be_used() -> None:
    report = looked_at(file(), file_name="acme.json")
    assert report.usable and report.kind == CredentialKind.FCM_SERVICE_ACCOUNT
    assert (report.facts["project_id"], report.facts["client_email"], report.facts["key_id"]) == (
        PROJECT, EMAIL, KEY_ID
    )  # fmt: skip
    assert all(check.message.endswith(".") for check in report.checks)


def test_the_report_holds_no_secret() -> None:
    report = looked_at(file())
    shown = repr(report) + json.dumps([[check.message, check.evidence] for check in report.checks])
    assert "PRIVATE KEY" not in shown and account()["private_key"][40:80] not in shown


def test_the_material_is_the_least_normal_form() -> None:
    report = looked_at(b"\xef\xbb\xbf" + file())
    assert report.material is not None
    fields = json.loads(report.material.reveal())
    assert set(fields) == set(ServiceAccount.__struct_fields__)
    assert fields["token_uri"] == "https://oauth2.googleapis.com/token"


def test_the_fingerprint_is_the_keys_own() -> None:
    again = looked_at(json.dumps(account(client_id="other")).encode())
    assert looked_at(file()).fingerprint == again.fingerprint


def test_access_tokens_come_from_google_and_from_nowhere_else() -> None:
    elsewhere = [
        "https://evil.example/token",
        "http://oauth2.googleapis.com/token",
        "https://oauth2.googleapis.com:444/token",
        "https://oauth2.googleapis.com@evil.example/token",
        "https://oauth2.googleapis.com/token/../x",
    ]
    for uri in elsewhere:
        for environment in ("production", "sandbox", ""):
            report = looked_at(file(token_uri=uri), environment=environment)
            assert failed(report) == ["json.token_uri"] and not report.usable


def test_a_simulator_may_give_access_tokens_in_the_simulated_environment() -> None:
    assert looked_at(file(token_uri="https://localhost:9443/token"), environment="simulated").usable
    for uri in ("file:///etc/passwd", "localhost", "https://[", "https://host/\na"):
        assert failed(looked_at(file(token_uri=uri), environment="simulated")) == ["json.token_uri"]


WRONG: dict[str, tuple[bytes, str]] = {
    "empty": (b" \n", "file.empty"),
    "huge": (b"{" + b" " * SIZE_LIMIT, "file.too_large"),
    "web page": (b"<!DOCTYPE html><html>Sign in", "file.html"),
    "old server key": (b"AAAAabcdefg:APA91bH" + b"x" * 120, "file.is_legacy_fcm_key"),
    "bare key": (pem(rsa_key()).encode(), "json.only_key"),
    "google-services.json": (b'{"project_info":{"project_id":"a"}}', "file.is_google_services"),
    "oauth client": (b'{"installed":{"client_id":"a"}}', "file.is_oauth_client"),
    "authorized user": (file(type="authorized_user"), "json.wrong_type"),
    "external account": (file(type="external_account"), "json.wrong_type"),
    "type a list": (file(type=["service_account"]), "json.wrong_type"),
    "no type": (file(type=None), "json.wrong_type"),
    "cut off": (file()[:-40], "json.malformed"),
    "a list": (b"[1]", "json.not_a_credential"),
    "a number": (b"5", "json.not_a_credential"),
    "very deep": (b'{"a":' * 5000, "file.too_complex"),
    "binary": (b"\x30\x82\x01\x00\x00", "file.truncated"),
    "plain text": (b"hello", "json.malformed"),
    "no project": (file(project_id=None), "json.missing"),
    "empty mail": (file(client_email="  "), "json.missing"),
    "mail a number": (file(client_email=5), "json.missing"),
    "no key": (file(private_key=None), "json.missing"),
    "no key id": (file(private_key_id=None), "json.missing"),
    "no token_uri": (file(token_uri=None), "json.missing"),
    "project with a path": (file(project_id="../../x"), "json.form"),
    "mail that is none": (file(client_email="nobody"), "json.form"),
    "key damaged": (file(private_key="-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----"), "json.key_damaged"),
    "key with half a character": (file(private_key="\ud800"), "json.key_damaged"),
    "key elliptic": (file(private_key=pem(ec.generate_private_key(ec.SECP256R1()))), "json.key_kind"),
    "key small": (file(private_key=pem(rsa_key(1024))), "json.key_size"),
    "key with a password": (
        file(private_key=rsa_key().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x")).decode()),
        "json.key_encrypted",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_named_and_told_what_to_do(name: str) -> None:
    data, check = WRONG[name]
    report = looked_at(data, file_name="drop.json")
    assert failed(report)[-1] == check and not report.usable and report.material is None
    assert report.checks[-1].message.endswith(".")


def test_a_thousand_spoilt_files_all_end_in_a_report() -> None:
    dice = random.Random(7)
    whole = file()
    for _ in range(1000):
        spoilt = bytearray(whole)
        for _ in range(dice.randint(1, 6)):
            spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
        report: Any = looked_at(bytes(spoilt[: dice.randint(1, len(spoilt))]))
        assert report.checks and (report.usable or failed(report))
