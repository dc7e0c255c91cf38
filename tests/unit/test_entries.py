"""A credential that does not open is a trouble of its own lanes and nobody else's."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from apns_fixtures import p8
from pushwarden.adapters.vault import Opening, Sealing
from pushwarden.core.app import Credential, CredentialKind, CredentialState
from pushwarden.core.lane import Lane
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.providers.apns.tokens import TokenKey
from pushwarden.settings import Settings
from pushwarden.wiring.entries import Entries
from pushwarden.wiring.providers import PROVIDERS

KEY = msgspec.json.encode(TokenKey("ABCDE12345", "FGHIJ67890", p8().decode()))
LANE = Lane.parse("acme/shop/production/apns/normal")


def credential(sealed: bytes) -> Credential:
    return Credential(
        "acme", "shop", Environment.PRODUCTION, "c1", "apns", CredentialKind.APNS_TOKEN, CredentialState.ACTIVE, "f",
        {"key_id": "ABCDE12345", "team_id": "FGHIJ67890"}, sealed,
    )  # fmt: skip


def test_a_credential_that_does_not_open_is_a_trouble_told_once_until_its_key_is_here() -> None:
    ours, lost = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    vault = Opening(ours)
    entries = Entries(Settings.model_validate({}), vault, PROVIDERS)
    shut = credential(Sealing(lost.public_key).seal(Secret(KEY), "acme|shop|c1|1"))
    first, second = entries(LANE, shut), entries(LANE, shut)
    assert first.authorization is None
    assert first.trouble is not None and first.trouble.credential
    assert "another sender key" in first.trouble.sentence
    assert second.trouble is first.trouble
    vault.use(ours, lost)
    junk = replace(credential(Sealing(ours.public_key).seal(Secret(b"junk"), "acme|shop|c2|1")), id="c2")
    assert "not a key for provider tokens" in str(entries(LANE, junk).trouble)
    assert entries(LANE, shut).authorization is not None
