"""The vault: what is sealed opens only with the sender's key, under its own label, unaltered."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from apns_fixtures import p8
from pushwarden.adapters.vault import Opening, Sealing, private_keys, public_key
from pushwarden.adapters.vault.keys import PAIRS, VAULT, Pair, make_keys, make_pair, parted
from pushwarden.core.errors import VaultRefused
from pushwarden.core.secret import Secret
from pushwarden.ports.vault import OpeningVault, SealingVault

LABEL = "acme|shop|c1|1"
PRIVATE, PUBLIC, VARIABLE = VAULT.private, VAULT.public, VAULT.variable
MATERIAL = Secret(b"-----BEGIN PRIVATE KEY----- canary")
PRIVATE_KEY = X25519PrivateKey.generate()
SEALER: SealingVault = Sealing(PRIVATE_KEY.public_key)
OPENER: OpeningVault = Opening(PRIVATE_KEY)


def test_what_is_sealed_opens_with_the_senders_key() -> None:
    sealed = SEALER.seal(MATERIAL, LABEL)
    assert b"canary" not in sealed
    assert OPENER.open(sealed, LABEL) == MATERIAL
    assert sealed != SEALER.seal(MATERIAL, LABEL)


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_material_of_any_size_comes_back(size: int) -> None:
    material = Secret(b"x" * size)
    assert OPENER.open(SEALER.seal(material, LABEL), LABEL) == material


@pytest.mark.parametrize("label", ["", "acme|shop|c1|2", "carol|shop|c1|1", LABEL + " ", LABEL[:-1]])
def test_it_opens_under_no_other_label(label: str) -> None:
    with pytest.raises(VaultRefused):
        OPENER.open(SEALER.seal(MATERIAL, LABEL), label)


def test_every_altered_bit_is_refused() -> None:
    sealed = SEALER.seal(MATERIAL, LABEL)
    for place in range(len(sealed)):
        altered = bytearray(sealed)
        altered[place] ^= 1 << (place % 8)
        with pytest.raises(VaultRefused):
            OPENER.open(bytes(altered), LABEL)


def test_every_shortened_or_lengthened_seal_is_refused() -> None:
    sealed = SEALER.seal(MATERIAL, LABEL)
    for spoilt in [*(sealed[:length] for length in range(len(sealed))), sealed + b"\0", b"\0" + sealed]:
        with pytest.raises(VaultRefused):
            OPENER.open(spoilt, LABEL)


def test_another_senders_key_does_not_open_it_and_an_older_one_beside_the_new_does() -> None:
    sealed, newer = SEALER.seal(MATERIAL, LABEL), X25519PrivateKey.generate()
    with pytest.raises(VaultRefused, match="another sender key"):
        Opening(newer).open(sealed, LABEL)
    assert Opening(newer, PRIVATE_KEY).open(sealed, LABEL) == MATERIAL


def test_a_refusal_has_its_stable_code_and_no_secret() -> None:
    with pytest.raises(VaultRefused) as refusal:
        OPENER.open(SEALER.seal(MATERIAL, LABEL), "x")
    assert refusal.value.code == "vault_refused"
    assert "canary" not in str(refusal.value)


def test_the_private_key_is_a_file_only_its_owner_reads(tmp_path: Path) -> None:
    made = make_pair(tmp_path / "keys", {})
    assert stat.S_IMODE(VAULT.file(tmp_path / "keys").stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path / "keys")) == ["private", PUBLIC]
    assert stat.S_IMODE((tmp_path / "keys" / "private").stat().st_mode) == 0o700
    sealed = Sealing(lambda: public_key(tmp_path / "keys")).seal(MATERIAL, LABEL)
    assert Opening(*private_keys(tmp_path / "keys", {})).open(sealed, LABEL) == MATERIAL
    assert b"PRIVATE" not in (tmp_path / "keys" / PUBLIC).read_bytes()
    assert made == public_key(tmp_path / "keys")


def test_keys_are_made_once_even_by_many_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: make_pair(tmp_path, {}), range(16)))
    assert all(key == made[0] for key in made)
    assert os.listdir(tmp_path / "private") == [PRIVATE]
    assert private_keys(tmp_path, {})[0].public_key() == made[0]


def _pem(key: X25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_the_private_key_comes_from_a_file_a_variable_or_a_command(tmp_path: Path) -> None:
    elsewhere, want = tmp_path / "mounted", PRIVATE_KEY.public_key()
    elsewhere.write_bytes(_pem(PRIVATE_KEY))
    for environ in (
        {f"{VARIABLE}_FILE": str(elsewhere)},
        {VARIABLE: _pem(PRIVATE_KEY).decode()},
        {f"{VARIABLE}_COMMAND": f"cat {elsewhere}", VARIABLE: "ignored"},
    ):
        assert [key.public_key() for key in private_keys(tmp_path, environ)] == [want]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {VARIABLE: "not a key"},
        {VARIABLE: p8().decode()},
        {f"{VARIABLE}_FILE": "/nonexistent/key"},
        {f"{VARIABLE}_COMMAND": "false"},
        {f"{VARIABLE}_COMMAND": "/nonexistent/command"},
        {f"{VARIABLE}_COMMAND": "unclosed 'quote"},
    ],
)
def test_a_key_that_cannot_be_read_is_refused_with_a_sentence(environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(VaultRefused) as refusal:
        private_keys(tmp_path, environ)
    assert refusal.value.detail.endswith(".")
    assert "BEGIN" not in refusal.value.detail


def test_a_private_key_others_can_read_is_refused(tmp_path: Path) -> None:
    make_pair(tmp_path, {})
    VAULT.file(tmp_path).chmod(0o644)
    with pytest.raises(VaultRefused, match="chmod 600"):
        private_keys(tmp_path, {})


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.private)
def test_a_public_key_without_its_private_one_is_refused_and_no_other_is_made(pair: Pair, tmp_path: Path) -> None:
    make_keys(tmp_path, {})
    kept = pair.file(tmp_path).read_bytes()
    pair.file(tmp_path).unlink()
    with pytest.raises(VaultRefused) as refusal:
        make_keys(tmp_path, {})
    assert refusal.value.detail == parted(tmp_path, {}, pair)
    assert f"put the {pair.private} it was made with back" in refusal.value.detail
    assert not pair.file(tmp_path).exists()
    pair.file(tmp_path).write_bytes(_pem(PRIVATE_KEY))
    pair.file(tmp_path).chmod(0o600)
    with pytest.raises(VaultRefused, match=f"{pair.public} is not the public key of {pair.private}"):
        make_keys(tmp_path, {})
    pair.file(tmp_path).write_bytes(kept)
    make_keys(tmp_path, {})
    assert parted(tmp_path, {}, pair) == ""


def test_a_private_key_of_the_environment_gets_its_public_one_and_no_file_of_its_own(tmp_path: Path) -> None:
    environ = {VARIABLE: _pem(PRIVATE_KEY).decode()}
    make_keys(tmp_path, environ)
    assert public_key(tmp_path) == PRIVATE_KEY.public_key()
    assert not VAULT.file(tmp_path).exists()
    make_keys(tmp_path, environ)
    with pytest.raises(VaultRefused, match=f"{PUBLIC} is not the public key of {VARIABLE}"):
        make_keys(tmp_path, {VARIABLE: _pem(X25519PrivateKey.generate()).decode()})


def test_a_public_key_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VaultRefused):
        public_key(tmp_path)
    for content in (b"", b"junk", _pem(PRIVATE_KEY)):
        (tmp_path / PUBLIC).write_bytes(content)
        with pytest.raises(VaultRefused):
            public_key(tmp_path)


def test_no_key_shows_in_a_repr() -> None:
    for shown in (repr(SEALER), repr(OPENER), repr(MATERIAL)):
        assert "canary" not in shown
        assert "PRIVATE" not in shown
