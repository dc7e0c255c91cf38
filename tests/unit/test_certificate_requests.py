"""A certificate request made here, and what is said of the certificate that comes back for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from apns_fixtures import APP, NOW_MS, Pair, openssl
from looking import look_at
from pushwarden.providers.apns.certificates import public_key_name
from pushwarden.providers.apns.requests import KEY_BITS, AppleRequests
from pushwarden.providers.port import Report

HERE = {"bundle_id": APP.bundle_id, "environment": "production"}
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM


def known(**names: Pair) -> dict[str, str]:
    """Hints of requests made with the keys of these pairs."""
    return {"requests": json.dumps({public_key_name(pair.key.public_key()): name for name, pair in names.items()})}


def checked(data: bytes, **hints: str) -> Report:
    return look_at(data, password=None, hints=HERE | hints, now_ms=NOW_MS)


def failed(report: Report) -> list[str]:
    return [check.id for check in report.checks if check.result == "failed"]


def test_openssl_takes_a_request_as_keychain_makes_it(tmp_path: Path) -> None:
    file = tmp_path / "Shop.certSigningRequest"
    file.write_text(AppleRequests().make("Shop Push", "ops@acme.example").pem)
    said = openssl("req", "-in", file, "-verify", "-noout", "-text", "-nameopt", "RFC2253")
    assert "verify OK" in said
    assert "Signature Algorithm: sha256WithRSAEncryption" in said
    assert "Public-Key: (2048 bit)" in said
    assert "Subject: CN=Shop Push,emailAddress=ops@acme.example" in said


def test_a_request_without_an_email_address_has_a_name_alone() -> None:
    asked = x509.load_pem_x509_csr(AppleRequests().make("Größe 日本", "").pem.encode())
    assert [(part.oid, part.value) for part in asked.subject] == [(NameOID.COMMON_NAME, "Größe 日本")]
    assert asked.is_signature_valid


def test_each_request_has_a_key_of_its_own_that_no_print_shows() -> None:
    first, second = AppleRequests().make("a", ""), AppleRequests().make("a", "")
    assert first.public_key != second.public_key
    key = serialization.load_pem_private_key(first.key.reveal(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == KEY_BITS
    assert public_key_name(key.public_key()) == first.public_key
    assert first.key.reveal()[40:80].decode() not in repr(first)


@pytest.mark.parametrize("form", ["cer", "pem", "p7b", "p7b as text"])
def test_a_certificate_for_a_known_request_is_usable_in_every_form_apple_or_a_person_gives(form: str) -> None:
    authority = Pair("Apple Worldwide Developer Relations Certification Authority", uid="")
    pair = Pair()
    data = {
        "cer": pair.certificate.public_bytes(DER),
        "pem": b"Bag Attributes\n" + pair.pem,
        "p7b": pkcs7.serialize_certificates([pair.certificate], DER),
        "p7b as text": pkcs7.serialize_certificates([authority.certificate, pair.certificate], PEM),
    }[form]
    report = checked(data, **known(shop=pair))
    assert failed(report) == []
    assert report.usable
    assert report.kind == "apns_certificate"
    assert report.material is not None
    assert report.material.reveal() == pair.pem
    assert report.fingerprint == pair.certificate.fingerprint(hashes.SHA256()).hex()
    assert report.facts["public_key"] == public_key_name(pair.key.public_key())
    assert [check.message for check in report.checks if check.id == "cer.matched"] == [
        "The key was made here with the request shop."
    ]


def test_a_certificate_nobody_asked_for_here_names_what_is_open() -> None:
    report = checked(Pair().pem, open_requests="Shop Push, Shop calls", **known(other=Pair()))
    assert failed(report) == ["cer.no_request"]
    assert not report.usable
    assert "Open requests: Shop Push, Shop calls." in report.checks[-1].message


def test_the_wrong_request_is_told_which_one_it_is() -> None:
    mine, other = Pair(), Pair()
    wanted = public_key_name(other.key.public_key())
    report = checked(mine.pem, request=wanted, **known(mine=mine, other=other))
    assert failed(report) == ["cer.other_request"]
    assert "mine" in report.checks[-1].message


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (Pair("Apple Distribution: Acme", uid="", marks=""), "cert.not_push"),
        (Pair("Apple Push Services: com.acme.other", "com.acme.other"), "cert.wrong_bundle"),
        (Pair(days=(-400, -35)), "cert.expired"),
        (Pair(days=(2, 400)), "cert.not_yet"),
        (Pair(marks="1"), "cert.sandbox_only"),
    ],
    ids=["distribution", "another app", "expired", "not yet", "sandbox"],
)
def test_a_certificate_without_its_key_passes_the_same_checks_as_one_with_it(pair: Pair, expected: str) -> None:
    assert failed(checked(pair.certificate.public_bytes(DER), **known(shop=pair))) == [expected]


def test_the_leaf_that_was_asked_for_is_taken_of_several() -> None:
    first, second = Pair(), Pair()
    report = checked(first.pem + second.pem, **known(second=second))
    assert report.usable
    assert report.facts["public_key"] == public_key_name(second.key.public_key())


def test_a_torn_certificate_says_so() -> None:
    assert failed(checked(Pair().pem.replace(b"MII", b"", 1))) == ["cert.unreadable"]


def test_an_elliptic_certificate_with_the_key_in_the_file_is_no_answer_to_a_request() -> None:
    pair = Pair(key=ec.generate_private_key(ec.SECP256R1()))
    assert "cer.matched" not in [check.id for check in checked(pair.pem + pair.key_pem, **known(shop=pair)).checks]
