"""The assertion is one Google can verify, goes only to Google, and its answer is read without trust."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from fcm_pushes import CREDENTIAL, EMAIL, KEY_ID, file, material, reply, rsa_key
from looking import look_at
from pushwarden.core.errors import VaultRefused
from pushwarden.core.outcome import Blame, Outcome
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.providers.fcm import FCM
from pushwarden.providers.port import Exchange, Grant

NOW = 1_700_000_000.5


def asked(sealed: Secret | None = None, **changes: Any) -> Exchange:
    exchange = FCM.exchange(replace(CREDENTIAL, **changes), sealed or material(), NOW)
    assert exchange is not None
    return exchange


def part(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_the_assertion_is_verified_by_the_public_key_and_holds_what_google_asks() -> None:
    form = parse_qs(asked().body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    head, claims, signature = form["assertion"][0].split(".")
    signed = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    rsa_key().public_key().verify(signed, f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    assert part(head) == {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
    assert part(claims) == {
        "iss": EMAIL,
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": "https://oauth2.googleapis.com/token",
        "iat": 1_699_999_970,
        "exp": 1_700_003_570,
    }


def test_the_assertion_goes_to_google_whatever_the_file_said() -> None:
    report = look_at(
        file(token_uri="https://localhost:1/token"), password=None, hints={"environment": "simulated"}, now_ms=0
    )
    assert report.material is not None
    for environment in (Environment.PRODUCTION, Environment.SANDBOX):
        exchange = asked(report.material, environment=environment)
        assert (exchange.origin.authority, exchange.path) == (b"oauth2.googleapis.com", b"/token")
        assert part(parse_qs(exchange.body.decode())["assertion"][0].split(".")[1])["aud"] == (
            "https://oauth2.googleapis.com/token"
        )
    simulated = asked(report.material, environment=Environment.SIMULATED)
    assert part(parse_qs(simulated.body.decode())["assertion"][0].split(".")[1])["aud"] == "https://localhost:1/token"


def test_nothing_of_it_can_be_printed() -> None:
    exchange = asked()
    granted = FCM.grant(reply(200, {"access_token": "ya29.secret", "expires_in": 3599}), NOW)
    assert isinstance(granted, Grant)
    shown = repr(exchange) + repr(granted) + repr(FCM.authorization(CREDENTIAL, material(), NOW, granted))
    assert "assertion" not in shown and "ya29" not in shown


@pytest.mark.parametrize("expires", [3599, 3599.0, "3599"])
def test_an_access_token_is_renewed_five_minutes_before_its_end(expires: object) -> None:
    granted = FCM.grant(reply(200, {"access_token": "ya29.a", "expires_in": expires, "token_type": "Bearer"}), NOW)
    assert isinstance(granted, Grant)
    assert (granted.renew_at, granted.expires_at) == (NOW + 3299, NOW + 3599)
    authorization = FCM.authorization(CREDENTIAL, material(), NOW, granted)
    assert authorization.headers == ((b"authorization", b"Bearer ya29.a"),)
    assert authorization.renew_at == NOW + 3299


def test_a_new_access_token_leaves_the_identity_of_the_connections() -> None:
    tokens = [Grant(Secret(name), 1.0, 2.0) for name in (b"a", b"b")]
    identities = {FCM.authorization(CREDENTIAL, material(), NOW, one).identity for one in (*tokens, None)}
    assert len(identities) == 1
    assert FCM.authorization(CREDENTIAL, material(), NOW).headers == ()


CREDENTIALS = {
    "key deleted": (400, "invalid_grant", "Invalid JWT Signature.", "upload a new one"),
    "account gone": (400, "invalid_grant", "Invalid grant: account not found", "upload a new one"),
    "clock": (400, "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes)", "machine's clock"),
    "client": (401, "invalid_client", "The OAuth client was not found.", "make a new key"),
    "right": (403, "unauthorized_client", "Not allowed", "give it the right"),
    "unlisted": (400, "admin_policy_enforced", "", "look at the service account"),
}


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_refused_assertion_is_the_credentials_fault_and_says_what_to_do(name: str) -> None:
    status, code, description, advice = CREDENTIALS[name]
    outcome = FCM.grant(reply(status, {"error": code, "error_description": description}), NOW)
    assert isinstance(outcome, Outcome)
    assert outcome.blame is Blame.CREDENTIAL and advice in outcome.reason and code in outcome.reason


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"<html>"), (503, {"error": "invalid_grant"}), (400, b"<html>"), (400, {"error": "server_error"}),
        (429, {"error": "rate_limit_exceeded"}), (302, b""), (404, b""), (200, b""), (200, {"access_token": ""}),
        (200, {"access_token": "a b", "expires_in": 5}), (200, {"access_token": "a\r\nx: y", "expires_in": 5}),
        (200, {"access_token": "a", "expires_in": 0}), (200, {"access_token": "a", "expires_in": "soon"}),
        (200, {"access_token": "a", "expires_in": "nan"}), (200, {"access_token": "a" * 9000, "expires_in": 5}),
    ],
)  # fmt: skip
def test_anything_else_is_the_providers_trouble_and_no_ones_credential(status: int, body: Any) -> None:
    outcome = FCM.grant(reply(status, body, retry_after="30"), NOW)
    assert isinstance(outcome, Outcome)
    assert (outcome.blame, outcome.retry_after) == (Blame.PROVIDER, 30.0)


def test_a_message_of_the_endpoint_cannot_flood_or_break_a_line() -> None:
    outcome = FCM.grant(reply(400, {"error": "invalid_grant", "error_description": "a\r\n\x1b[31m" * 5000}), NOW)
    assert isinstance(outcome, Outcome)
    assert len(outcome.reason) < 400 and outcome.reason.isprintable()


@pytest.mark.parametrize("opened", [b"", b"{}", b'{"client_email":1}', b"\xff"])
def test_material_that_is_no_service_account_is_refused(opened: bytes) -> None:
    with pytest.raises(VaultRefused):
        FCM.exchange(CREDENTIAL, Secret(opened), NOW)
