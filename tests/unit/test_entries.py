"""A credential that does not open is a trouble of its own lanes and nobody else's."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pydantic import ValidationError

from apns_fixtures import p8
from pushwarden.adapters.vault import Opening, Sealing
from pushwarden.core.app import Credential, CredentialKind, CredentialState
from pushwarden.core.lane import Lane
from pushwarden.core.scope import Environment
from pushwarden.core.secret import Secret
from pushwarden.providers.apns.tokens import TokenKey
from pushwarden.providers.port import Origin
from pushwarden.settings import Settings
from pushwarden.wiring.entries import Entries
from pushwarden.wiring.providers import PROVIDERS
from pushwarden.wiring.reach import hosts

KEY = msgspec.json.encode(TokenKey("ABCDE12345", "FGHIJ67890", p8().decode()))
LANE = Lane.parse("acme/shop/production/apns/normal")


def credential(sealed: bytes) -> Credential:
    return Credential(
        "acme", "shop", Environment.PRODUCTION, "c1", "apns", CredentialKind.APNS_TOKEN, CredentialState.ACTIVE, "f",
        {"key_id": "ABCDE12345", "team_id": "FGHIJ67890"}, sealed,
    )  # fmt: skip


def test_where_only_simulators_are_reached_production_leads_to_one_and_passes_no_proxy() -> None:
    ours = X25519PrivateKey.generate()
    sealed = Sealing(ours.public_key).seal(Secret(KEY), "acme|shop|c1|1")
    settings = {"simulator_apns": "localhost:4711", "proxy": "http://127.0.0.1:3128"}
    real = Entries(Settings.model_validate(settings), Opening(ours), PROVIDERS)(LANE, credential(sealed))
    only = Settings.model_validate({**settings, "simulated_only": True})
    shown = Entries(only, Opening(ours), PROVIDERS)(LANE, credential(sealed))
    assert (real.target.origin.host, real.target.proxy) == ("api.push.apple.com", "http://127.0.0.1:3128")
    assert (shown.target.origin, shown.target.proxy) == (Origin("localhost", 4711), "")
    assert hosts(only) == []


def test_simulators_alone_need_one() -> None:
    with pytest.raises(ValidationError, match="PUSHWARDEN_SIMULATORS=on"):
        Settings.model_validate({"simulated_only": True, "simulators": "off"})


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
