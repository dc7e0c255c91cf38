"""APNs provider tokens: every sender computes the same one, seldom enough for Apple."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from apns_fixtures import CREDENTIAL, Pair, p8
from pushwarden.core.app import CredentialKind
from pushwarden.core.errors import VaultRefused
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.providers.apns import APNS
from pushwarden.providers.apns.tokens import TokenKey, Tokens, issued_at, provider_token

KEY = ec.generate_private_key(ec.SECP256R1())
TOKEN_KEY = TokenKey("ABCDEFGHIJ", "TEAMTEAM12", p8(KEY).decode())
MATERIAL = Secret(msgspec.json.encode(TOKEN_KEY))
NOW = 1_700_000_000


def bearer(now: float) -> str:
    ((name, value),) = Tokens().authorization(CREDENTIAL, MATERIAL, now).headers
    assert name == b"authorization"
    scheme, token = value.decode().split(" ")
    assert scheme == "bearer"
    return token


def test_a_token_verifies_as_es256_and_names_key_and_team() -> None:
    token = bearer(NOW)
    claims = jwt.decode(token, KEY.public_key(), algorithms=["ES256"], options={"verify_iat": False})
    assert claims == {"iss": "TEAMTEAM12", "iat": issued_at(NOW)}
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": "ABCDEFGHIJ"}


def test_every_sender_computes_the_same_token() -> None:
    assert provider_token(TOKEN_KEY, issued_at(NOW)) == provider_token(TOKEN_KEY, issued_at(NOW))
    assert Tokens().authorization(CREDENTIAL, MATERIAL, NOW) == Tokens().authorization(CREDENTIAL, MATERIAL, NOW)


@pytest.mark.parametrize("skew", range(-7200, 7201, 600))
def test_a_token_is_old_enough_for_a_fast_clock_and_young_enough_for_apple(skew: int) -> None:
    for now in range(NOW + skew, NOW + skew + 3600, 7):
        age = now - issued_at(now)
        assert 120 <= age < 1920
        assert issued_at(now) % 1800 == 0


def test_a_key_gets_one_token_in_any_twenty_minutes_however_clocks_drift() -> None:
    changes = [now for now in range(NOW - 7200, NOW + 7200) if issued_at(now) != issued_at(now - 1)]
    assert all(later - earlier >= 1200 for earlier, later in pairwise(changes))
    assert len(changes) == 8


def test_a_connection_never_changes_its_token_twice_in_twenty_minutes_nor_uses_an_old_one() -> None:
    tokens = Tokens()
    for opened in range(NOW, NOW + 1800, 7):
        held, changed = tokens.authorization(CREDENTIAL, MATERIAL, opened), opened
        for _ in range(4):
            assert held.renew_at - changed >= 1200
            assert held.renew_at - issued_at(changed) == 52 * 60
            changed = int(held.renew_at)
            held = tokens.authorization(CREDENTIAL, MATERIAL, changed)


def test_a_token_is_computed_once_for_its_half_hour() -> None:
    tokens = Tokens()
    tokens.authorization(CREDENTIAL, MATERIAL, NOW)
    (computed,) = tokens._known.values()
    tokens.authorization(CREDENTIAL, MATERIAL, NOW + 1)
    assert [known is computed for known in tokens._known.values()] == [True]
    for later in range(0, 200_000, 1800):
        tokens.authorization(CREDENTIAL, MATERIAL, NOW + later)
    assert len(tokens._known) <= 3


def test_connections_are_shared_only_by_one_key_of_one_team_in_one_environment() -> None:
    sandbox = replace(CREDENTIAL, environment=Environment.SANDBOX)
    foreign = replace(CREDENTIAL, fingerprint="another")
    identities = {APNS.authorization(one, MATERIAL, NOW).identity for one in (CREDENTIAL, sandbox, foreign)}
    assert len(identities) == 3
    assert APNS.authorization(CREDENTIAL, MATERIAL, NOW).identity.startswith("TEAMTEAM12|ABCDEFGHIJ|production")


def test_a_certificate_authorizes_by_the_handshake_and_never_by_a_header() -> None:
    credential = replace(CREDENTIAL, kind=CredentialKind.APNS_CERTIFICATE, fingerprint="cafe")
    pair = Pair()
    held = APNS.authorization(credential, Secret(pair.pem + pair.key_pem), NOW)
    assert held.headers == ()
    assert held.renew_at == float("inf")
    assert held.identity == "cafe|production"
    assert held.certificate is not None
    assert "BEGIN" not in repr(held)


JUNK = msgspec.json.encode(TokenKey("A", "B", "-----BEGIN"))
RSA_PEM = (
    rsa.generate_private_key(65537, 2048)
    .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    .decode()
)


@pytest.mark.parametrize(
    "material", [b"", b"{}", b"-----BEGIN", JUNK, msgspec.json.encode(TokenKey("A", "B", RSA_PEM))]
)
def test_material_of_another_kind_is_refused(material: bytes) -> None:
    with pytest.raises(VaultRefused):
        APNS.authorization(CREDENTIAL, Secret(material), NOW)


def test_nothing_secret_shows_in_a_repr() -> None:
    held = APNS.authorization(CREDENTIAL, MATERIAL, NOW)
    for shown in (repr(held), repr(MATERIAL), repr(TOKEN_KEY), f"{TOKEN_KEY}", str(Tokens())):
        assert "BEGIN" not in shown
        assert "bearer" not in shown
