"""Signed receipts: who else can verify them, and what is found out."""

from __future__ import annotations

import json
import stat
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest

from pushwarden.adapters.vault.signing import FILE, PUBLIC, signer_of, verifies
from pushwarden.control.signed import opened, signed
from pushwarden.core.errors import Malformed, VaultRefused

RECEIPT = {"id": "stop-1", "says": "Stopped.", "actor_name": "Zoë “Z” K.", "senders": [{"sender": "one", "ms": 4.1}]}


def test_a_receipt_is_verified_by_the_public_key_alone_and_is_the_same_file_each_time(tmp_path: Path) -> None:
    signer = signer_of(tmp_path / "keys")
    file = signed(RECEIPT, signer)
    found = opened(file)
    public = (tmp_path / "keys" / PUBLIC).read_bytes()
    assert public.decode() == signer.public and found.key == signer.name
    assert verifies(public, found.content, found.signature)
    assert found.receipt == RECEIPT == json.loads(file)["receipt"]
    assert signed(RECEIPT, signer_of(tmp_path / "keys")) == file


def test_the_private_key_is_for_its_owner_alone_and_no_draft_stays(tmp_path: Path) -> None:
    signer_of(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE, PUBLIC]


def test_the_key_of_another_installation_does_not_verify(tmp_path: Path) -> None:
    found = opened(signed(RECEIPT, signer_of(tmp_path / "a")))
    signer_of(tmp_path / "b")
    assert not verifies((tmp_path / "b" / PUBLIC).read_bytes(), found.content, found.signature)


def again(text: str, change: Any) -> str:
    said = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return urlsafe_b64encode(json.dumps(change(said)).encode()).rstrip(b"=").decode()


def test_every_change_of_a_signed_receipt_is_found(tmp_path: Path) -> None:
    signer = signer_of(tmp_path)
    public, whole = signer.public.encode(), json.loads(signed(RECEIPT, signer))
    for name in ("payload", "protected", "signature"):
        for at in range(0, len(whole[name]), 7):
            other = "A" if whole[name][at] != "A" else "B"
            changed = whole | {name: whole[name][:at] + other + whole[name][at + 1 :]}
            try:
                found = opened(json.dumps(changed).encode())
            except Malformed:
                continue
            assert not verifies(public, found.content, found.signature), (name, at)
    with pytest.raises(Malformed, match="somebody changed this file"):
        opened(json.dumps(whole | {"receipt": RECEIPT | {"says": "Not stopped."}}).encode())
    both = whole | {
        "receipt": {"id": "stop-2"}, "payload": again(whole["payload"], lambda _: {"id": "stop-2"}),
    }  # fmt: skip
    found = opened(json.dumps(both).encode())
    assert not verifies(public, found.content, found.signature)


@pytest.mark.parametrize(
    "head", [{"alg": "none"}, {"alg": "HS256"}, {"typ": "JWT"}, {"crit": ["exp"]}], ids=["none", "hmac", "type", "crit"]
)
def test_no_other_way_of_signing_is_taken(tmp_path: Path, head: dict[str, Any]) -> None:
    whole = json.loads(signed(RECEIPT, signer_of(tmp_path)))
    whole["protected"] = again(whole["protected"], lambda said: said | head)
    with pytest.raises(Malformed, match="signed in a way no receipt is"):
        opened(json.dumps(whole).encode())


@pytest.mark.parametrize(
    "file",
    [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"protected":"e30","payload":"e30","signature":"!"}', b"[" * 9999],
)
def test_what_is_no_signed_receipt_is_called_so(file: bytes) -> None:
    with pytest.raises(Malformed, match="no signed receipt"):
        opened(file)


def test_a_file_that_holds_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("nothing")
    with pytest.raises(VaultRefused, match=FILE):
        signer_of(tmp_path)
    with pytest.raises(VaultRefused, match="no public key"):
        verifies(b"nothing", b"", b"")


def test_a_lost_key_is_made_anew_and_what_it_signed_is_still_verified(tmp_path: Path) -> None:
    found = opened(signed(RECEIPT, signer_of(tmp_path)))
    (tmp_path / FILE).unlink()
    assert signer_of(tmp_path).public == (tmp_path / PUBLIC).read_text()
    (aside,) = tmp_path.glob("receipts-*.pub")
    assert verifies(aside.read_bytes(), found.content, found.signature)
    assert not verifies((tmp_path / PUBLIC).read_bytes(), found.content, found.signature)
