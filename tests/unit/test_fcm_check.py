"""Every file a person may drop for Android ends in a report that says what it is and what to do next."""

from __future__ import annotations

import json
import random
from typing import Any

from fcm_pushes import EMAIL, KEY_ID, NOW_MS, PROJECT, account, file
from looking import look_at
from pushwarden.core.app import CredentialKind
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


def test_a_thousand_spoilt_files_all_end_in_a_report() -> None:
    dice = random.Random(7)
    whole = file()
    for _ in range(1000):
        spoilt = bytearray(whole)
        for _ in range(dice.randint(1, 6)):
            spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
        report: Any = looked_at(bytes(spoilt[: dice.randint(1, len(spoilt))]))
        assert report.checks and (report.usable or failed(report))
