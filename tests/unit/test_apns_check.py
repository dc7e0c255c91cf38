"""APNs credential files: each is named, proved, or refused with the reason and the next step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from asn1crypto import pkcs12 as asn1_pkcs12
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from apns_fixtures import APP, NOW_MS, Pair, openssl_p12, p8
from looking import look_at
from pushwarden.core.secret import Secret
from pushwarden.providers.apns.tokens import TokenKey
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


def test_the_key_id_comes_from_the_file_name_or_the_hint_and_both_must_agree() -> None:
    assert check(p8(), None, **KEY_HINTS, key_id="ABCDEFGHIJ").usable
    assert check(p8(), None, **{**KEY_HINTS, "file_name": "AuthKey_ABCDEFGHIJ (1).p8"}).usable
    assert check(p8(), None, **{**KEY_HINTS, "file_name": "key.p8"}, key_id="ABCDEFGHIJ").usable
    assert failed(check(p8(), None, **KEY_HINTS, key_id="XXXXXXXXXX")) == ["p8.key_id"]
    assert failed(check(p8(), None, **{**KEY_HINTS, "file_name": "key.p8"})) == ["p8.key_id_missing"]
    assert failed(check(p8(), None, **{**KEY_HINTS, "file_name": "key.p8"}, key_id="abc")) == ["p8.key_id_form"]


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


def test_two_certificates_of_one_key_are_too_many_and_one_of_another_is_not() -> None:
    pair = Pair()
    renewed = Pair(key=pair.key)
    assert failed(check(pair.p12(others=(renewed,)))) == ["p12.many"]
    assert check(pair.p12(others=(Pair(),))).usable


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
