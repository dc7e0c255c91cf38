"""APNs credential files: each is named, proved, or refused with the reason and the next step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import pkcs12 as asn1_pkcs12
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from apns_fixtures import APP, NOW_MS, Pair, openssl_p12, p8
from looking import look_at
from pushwarden.core.secret import Secret
from pushwarden.providers.apns.tokens import TokenKey
from pushwarden.providers.detection import SIZE_LIMIT
from pushwarden.providers.port import Report
from real import need

HINTS = {"bundle_id": APP.bundle_id, "environment": "production"}
KEY_HINTS = {"file_name": "AuthKey_ABCDEFGHIJ.p8", "team_id": "TEAMTEAM12"}
TOPICS = {"com.acme.shop": "app", "com.acme.shop.voip": "voip", "com.acme.shop.complication": "complication"}
RSA = rsa.generate_private_key(65537, 2048)
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM


def check(data: bytes, password: str | None = "secret", **hints: str) -> Report:
    sealed = None if password is None else Secret(password.encode())
    return look_at(data, password=sealed, hints={**HINTS, **hints}, now_ms=NOW_MS)


def results(report: Report) -> dict[str, str]:
    return {one.id: one.result for one in report.checks}


def failed(report: Report) -> list[str]:
    assert not report.usable
    assert report.material is None
    return [one.id for one in report.checks if one.result == "failed"]


# ---- .p8 ----


def test_a_p8_becomes_a_token_key_with_its_facts() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    report = check(p8(key), None, **KEY_HINTS)
    assert report.usable
    assert report.material is not None
    assert (report.kind, report.facts["key_id"], report.facts["team_id"]) == ("apns_token", "ABCDEFGHIJ", "TEAMTEAM12")
    assert results(report)["p8.unproven_topic"] == "unproven"
    assert len(report.fingerprint) == 64
    assert report.fingerprint == check(p8(key), None, **KEY_HINTS).fingerprint
    json.dumps(dict(report.facts))


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda pem: b"\xef\xbb\xbf" + pem,
        lambda pem: pem.replace(b"\n", b"\r\n"),
        lambda pem: b"\n\n  " + pem + b"\n ",
        lambda pem: pem.decode().encode("utf-16"),
        lambda pem: pem.rstrip(b"\n"),
    ],
)
def test_what_editors_do_to_a_key_does_not_matter(spoilt: object) -> None:
    assert check(spoilt(p8()), None, **KEY_HINTS).usable  # type: ignore[operator]


def test_the_key_id_comes_from_the_file_name_or_the_hint_and_both_must_agree() -> None:
    assert check(p8(), None, **KEY_HINTS, key_id="ABCDEFGHIJ").usable
    assert check(p8(), None, **{**KEY_HINTS, "file_name": "AuthKey_ABCDEFGHIJ (1).p8"}).usable
    assert check(p8(), None, **{**KEY_HINTS, "file_name": "key.p8"}, key_id="ABCDEFGHIJ").usable
    assert failed(check(p8(), None, **KEY_HINTS, key_id="XXXXXXXXXX")) == ["p8.key_id"]
    assert failed(check(p8(), None, **{**KEY_HINTS, "file_name": "key.p8"})) == ["p8.key_id_missing"]
    assert failed(check(p8(), None, **{**KEY_HINTS, "file_name": "key.p8"}, key_id="abc")) == ["p8.key_id_form"]


@pytest.mark.parametrize("team_id", ["", "SHORT", "teamteam12", "TEAMTEAM123"])
def test_a_team_id_of_another_form_is_named(team_id: str) -> None:
    assert failed(check(p8(), None, **{**KEY_HINTS, "team_id": team_id})) == [
        "p8.team_id" if team_id else "p8.team_id_missing"
    ]


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, form: str = "PKCS8", password: bytes = b"") -> bytes:
    closing = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(PEM, getattr(serialization.PrivateFormat, form), closing)


WRONG_KEYS = {
    "p8.curve": [_pem(RSA), _pem(RSA, "TraditionalOpenSSL"), _pem(ec.generate_private_key(ec.SECP384R1()))],
    "p8.malformed": [p8()[:120], p8().replace(b"M", b"!", 1), b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
                     p8()[:100] + p8()[130:]],
    "p8.encrypted": [_pem(ec.generate_private_key(ec.SECP256R1()), password=b"x")],
}  # fmt: skip


def each(files: dict[str, list[bytes]]) -> list[Any]:
    """(check id, file) with a name that is the same in every process."""
    return [
        pytest.param(name, data, id=f"{name}-{row}") for name, kept in files.items() for row, data in enumerate(kept)
    ]


@pytest.mark.parametrize(("check_id", "data"), each(WRONG_KEYS))
def test_a_key_that_cannot_sign_for_apple_is_named(check_id: str, data: bytes) -> None:
    assert failed(check(data, None, **KEY_HINTS)) == [check_id]


# ---- wrong files ----

CSR = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(RSA, hashes.SHA256()).public_bytes(PEM)
WRONG_FILES = {
    "file.empty": [b"", b" \n\t"],
    "file.too_large": [b"x" * (SIZE_LIMIT + 1), b"\x30" * (SIZE_LIMIT + 1)],
    "file.too_complex": [b"[" * 60_000, b'{"a":' * 33, b"\x30\x80" * 20_000],
    "file.html": [b"<!DOCTYPE html><html><body>Sign in</body></html>", b"\n <html>"],
    "file.unknown": [b"hello", b"\xff" * 40, b"\0", b"\x30", b"0" * 300, b"\x30\x82\x01\x2c" + b"\x02" * 300],
    "file.is_document": [b"\x89PNG\r\n\x1a\n" + b"\0" * 20],
    "json.not_a_credential": [b"{}"],
    "file.is_csr": [CSR],
    "file.is_profile": [b"\x30\x82\x01\x00..<?xml?><!DOCTYPE plist PUBLIC>..."],
    "file.is_google_services": [b'{"project_info":{"project_id":"x"}}'],
    "file.is_legacy_fcm_key": [b"AAAAbc:APA91b" + b"x" * 100],
    "cer.no_request": [Pair().pem, Pair().certificate.public_bytes(DER)],
    "file.truncated": [Pair().p12()[:-60], Pair().p12()[:40]],
}


@pytest.mark.parametrize(("check_id", "data"), each(WRONG_FILES))
def test_a_wrong_file_is_recognised_and_named(check_id: str, data: bytes) -> None:
    report = check(data)
    assert failed(report) == [check_id]
    assert report.checks[-1].message.rstrip().endswith((".", "!"))


def test_a_certificate_chosen_as_key_is_told_apart() -> None:
    assert failed(check(Pair().pem, None, file_name="AuthKey_ABCDEFGHIJ.p8")) == ["p8.is_cert"]


# ---- .p12 ----


def test_a_p12_becomes_pem_with_its_facts() -> None:
    pair = Pair(topics=TOPICS)
    report = check(pair.p12())
    assert report.usable
    assert report.material is not None
    assert report.kind == "apns_certificate"
    assert report.facts["topics"] == list(TOPICS)
    assert report.facts["topic_kinds"] == TOPICS
    assert report.facts["environments"] == ["production", "sandbox"]
    assert report.facts["not_after"] == NOW_MS + 365 * 86_400_000
    assert report.fingerprint == pair.certificate.fingerprint(hashes.SHA256()).hex()
    assert report.material.reveal() == pair.pem + pair.key_pem
    json.dumps(dict(report.facts))


WAYS: dict[str, tuple[str, ...]] = {
    "RC2-40 and 3DES": ("-legacy",),
    "3DES": ("-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"),
    "AES-256": (),
    "AES-128, SHA-512": ("-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC", "-macalg", "sha512"),
    "no MAC": ("-nomac",),
    "open certificate": ("-certpbe", "NONE"),
    "100,000 iterations": ("-iter", "100000"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_p12_opens_however_it_was_closed_and_a_wrong_password_is_called_that(way: str, tmp_path: Path) -> None:
    need("openssl")
    pair = Pair(topics=TOPICS, key=RSA)
    data = openssl_p12(tmp_path, pair, *WAYS[way])
    report = check(data)
    assert report.usable, report.checks
    assert results(report).get("p12.legacy") == ("passed" if "DES" in way else None)
    assert failed(check(data, "Secret")) == ["p12.password"]
    assert failed(check(data, "secret ")) == ["p12.password"]
    assert failed(check(data, None)) == ["p12.password"]


@pytest.mark.parametrize("options", [(), ("-legacy",)])
def test_an_empty_password_is_a_password(options: tuple[str, ...], tmp_path: Path) -> None:
    need("openssl")
    data = openssl_p12(tmp_path, Pair(), *options, password="")
    assert check(data, "").usable
    assert check(data, None).usable
    assert failed(check(data, "x")) == ["p12.password"]


def test_passwords_of_any_script_open() -> None:
    for password in ("pässwörd", "пароль", "密码€", "a" * 200):
        assert check(Pair().p12(password.encode()), password).usable


def test_an_altered_file_is_not_called_a_wrong_password(tmp_path: Path) -> None:
    need("openssl")
    data = bytearray(openssl_p12(tmp_path, Pair(key=RSA)))
    data[300] ^= 1  # within the encrypted certificate
    assert failed(check(bytes(data))) == ["p12.damaged"]


BOMBS = {"the whole": ("-iter", "900000"), "the MAC": ("-iter", "2048"), "the sum": ("-iter", "650000")}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_file_that_would_cost_too_much_is_refused_unrun(bomb: str, tmp_path: Path) -> None:
    need("openssl")
    data = openssl_p12(tmp_path, Pair(), *BOMBS[bomb])
    if bomb == "the MAC":
        pfx = asn1_pkcs12.Pfx.load(data)
        pfx["mac_data"]["iterations"] = 2**31 - 1
        data = pfx.dump(force=True)
    assert failed(check(data)) == ["p12.too_costly"]


def test_a_key_derivation_without_a_bound_we_know_is_unsupported() -> None:
    pfx = asn1_pkcs12.Pfx.load(Pair().p12())
    scrypt = bytes.fromhex("06092b06010401da47040b")
    pbkdf2 = bytes.fromhex("06092a864886f70d01050c")
    assert failed(check(pfx.dump().replace(pbkdf2, scrypt))) == ["p12.unsupported"]


def test_what_is_missing_in_a_p12_is_named(tmp_path: Path) -> None:
    need("openssl")
    pair, closing = Pair(), serialization.BestAvailableEncryption(b"secret")
    assert failed(check(openssl_p12(tmp_path, pair, "-nokeys"))) == ["p12.no_key"]
    lone_key = pkcs12.serialize_key_and_certificates(b"x", pair.key, None, None, closing)
    assert failed(check(lone_key)) == ["p12.no_cert"]


def test_a_key_of_another_certificate_is_a_mismatch() -> None:
    closing = serialization.BestAvailableEncryption(b"secret")
    foreign = pkcs12.serialize_key_and_certificates(b"x", Pair().key, None, [Pair().certificate], closing)
    assert failed(check(foreign)) == ["p12.key_mismatch"]


def test_two_certificates_of_one_key_are_too_many_and_one_of_another_is_not() -> None:
    pair = Pair()
    renewed = Pair(key=pair.key)
    assert failed(check(pair.p12(others=(renewed,)))) == ["p12.many"]
    assert check(pair.p12(others=(Pair(),))).usable


CERTIFICATES: list[tuple[str, str, Pair, dict[str, str]]] = [
    ("cert.not_push", "failed", Pair("Apple Distribution: Acme", marks=""), {}),
    ("cert.wrong_bundle", "failed", Pair(uid="com.other"), {}),
    ("cert.sandbox_only", "failed", Pair(marks="1"), {}),
    ("cert.sandbox_only", "failed", Pair("Apple Development IOS Push Services: com.acme.shop", marks=""), {}),
    ("cert.production_only", "failed", Pair(marks="2"), {"environment": "sandbox"}),
    ("cert.expired", "failed", Pair(days=(-400, -1)), {}),
    ("cert.not_yet", "failed", Pair(days=(1, 365)), {}),
    ("cert.expires", "warning", Pair(days=(-300, 10)), {}),
    ("cert.foreign_issuer", "warning", Pair(issuer="Corp CA"), {}),
    ("cert.voip_missing", "warning", Pair(), {"push_types": "alert,voip"}),
    ("cert.environment", "passed", Pair(marks="1"), {"environment": "simulated"}),
    ("cert.bundle", "passed", Pair("VoIP Services: com.acme.shop", uid="com.acme.shop.voip"), {}),
    ("cert.bundle_unknown", "skipped", Pair(), {"bundle_id": ""}),
]


@pytest.mark.parametrize(("check_id", "result", "pair", "hints"), CERTIFICATES)
def test_a_certificate_is_judged_by_what_it_says(check_id: str, result: str, pair: Pair, hints: dict[str, str]) -> None:
    report = check(pair.p12(), **hints)
    assert results(report)[check_id] == result
    assert report.usable == (result != "failed")


def test_a_thousand_spoilt_files_end_in_a_report() -> None:
    good = [Pair(topics=TOPICS).p12(), p8(), Pair().p12(b"")]
    for seed in range(1000):
        data = bytearray(good[seed % 3])
        for step in range(1 + seed % 4):
            data[(seed * 7919 + step * 104_729) % len(data)] = (seed * 31 + step * 17) % 256
        report = check(bytes(data), **KEY_HINTS)
        assert report.checks


def test_neither_keys_nor_passwords_show_in_a_report() -> None:
    for report in (check(Pair().p12()), check(p8(), None, **KEY_HINTS), check(Pair().p12(), "hunter2")):
        for shown in (repr(report), str(report), json.dumps(dict(report.facts))):
            assert "PRIVATE KEY" not in shown
            assert "hunter2" not in shown
    assert "BEGIN" not in repr(TokenKey("A", "B", p8().decode()))
