"""A PKCS#12 file is opened at the cost that was counted, and by no key derivation that was not."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from apns_fixtures import NOW_MS, Pair, openssl_p12
from looking import look_at
from pfx_fixtures import (
    as_ber,
    certificate_bag,
    closed_safe,
    file,
    key_bag,
    nest,
    open_safe,
    sequence,
    shrouded_bag,
    with_pbmac1,
)
from pushwarden.core.secret import Secret
from pushwarden.providers.apns import pfx
from pushwarden.providers.nesting import DEPTH_LIMIT, asn1_depth, json_depth
from pushwarden.providers.port import Report
from real import need

NEVER = 2**31 - 1
"""Iterations that take half an hour."""
PAIR = Pair()


def check(data: bytes, password: bytes = b"secret") -> Report:
    return look_at(data, password=Secret(password), hints={"bundle_id": "com.acme.shop"}, now_ms=NOW_MS)


def failed(report: Report) -> list[str]:
    return [one.id for one in report.checks if one.result == "failed"]


def material(report: Report) -> bytes:
    assert report.material is not None, report.checks
    return report.material.reveal()


# ---- what it costs ----


@pytest.mark.parametrize("order", [1, -1])
def test_a_key_hidden_in_an_encrypted_part_is_never_run(order: int) -> None:
    hidden = closed_safe(b"secret", 1, shrouded_bag(Pair(), b"secret", NEVER, run=1), certificate_bag(PAIR))
    data = file(*[hidden, open_safe(shrouded_bag(PAIR, b"secret", 1))][::order])
    assert pfx.shape(data).iterations == 1 + 1 + 2
    assert material(check(data)) == PAIR.pem + PAIR.key_pem


def test_a_file_whose_only_key_is_hidden_has_no_key() -> None:
    hidden = closed_safe(b"secret", 1, shrouded_bag(PAIR, b"secret", NEVER, run=1), certificate_bag(PAIR))
    assert failed(check(file(hidden))) == ["p12.no_key"]


def test_every_derivation_is_counted_into_one_sum() -> None:
    bag = shrouded_bag(PAIR, b"secret", 1000)
    data = file(open_safe(bag, nest(bag, 3)), closed_safe(b"secret", 100, certificate_bag(PAIR)), open_safe(bag))
    assert pfx.shape(data).iterations == 3 * 1000 + 100 + 2
    assert pfx.shape(with_pbmac1(data, b"secret", 5000)).iterations == 3 * 1000 + 100 + 2 * 5000


BOMB = shrouded_bag(PAIR, b"secret", NEVER, run=1)
BOMBS = {
    "a key": file(open_safe(BOMB)),
    "a key within bags": file(open_safe(nest(BOMB, 5))),
    "an encrypted part": file(closed_safe(b"secret", NEVER, certificate_bag(PAIR), run=1)),
    "the newer MAC": with_pbmac1(file(open_safe(key_bag(PAIR))), b"secret", NEVER, run=1),
    "the sum": file(*[open_safe(shrouded_bag(PAIR, b"secret", pfx.ITERATION_LIMIT // 2, run=1))] * 2),
}


@pytest.mark.parametrize("place", BOMBS)
def test_a_bomb_anywhere_is_refused_unrun(place: str) -> None:
    assert failed(check(BOMBS[place])) == ["p12.too_costly"]


def test_what_careful_people_choose_still_opens(tmp_path: Path) -> None:
    need("openssl")
    assert check(openssl_p12(tmp_path, PAIR, "-iter", "600000")).usable


# ---- what it is ----


@pytest.mark.parametrize("password", [b"secret", b"", "pässwörd".encode()])
def test_the_newer_mac_is_checked_as_openssl_checks_it(password: bytes) -> None:
    plain = file(open_safe(shrouded_bag(PAIR, password, 1), certificate_bag(PAIR)), password=password)
    data = with_pbmac1(plain, password)
    key = pkcs12.load_pkcs12(data, password).key
    assert key is not None
    assert key.public_key() == PAIR.key.public_key()
    assert check(data, password).usable
    assert failed(check(data, b"another")) == ["p12.password"]
    with pytest.raises(pfx.Unsupported):
        pfx.shape(with_pbmac1(plain, password, length=1 << 30))


@pytest.mark.parametrize("spelling", [0, 1])
def test_an_empty_password_opens_in_both_of_its_spellings(spelling: int) -> None:
    data = file(open_safe(key_bag(PAIR), certificate_bag(PAIR)), password=b"", spelling=spelling)
    assert check(data, b"").usable
    assert failed(check(data, b"x")) == ["p12.password"]


@pytest.mark.parametrize("options", [(), ("-legacy",), ("-certpbe", "NONE", "-keypbe", "NONE")])
def test_a_file_as_keychain_writes_it_opens(options: tuple[str, ...], tmp_path: Path) -> None:
    need("openssl")
    plain = openssl_p12(tmp_path, PAIR, *options)
    data = as_ber(plain)
    assert data != plain
    assert material(check(data)) == material(check(plain))


def test_a_password_with_a_zero_in_it_opens_nothing() -> None:
    for data in (PAIR.p12(b"se"), file(open_safe(shrouded_bag(PAIR, b"se", 1)), password=b"se")):
        assert failed(check(data, b"se\0cret")) == ["p12.password"]


def test_more_bags_than_any_credential_has_are_not_looked_at() -> None:
    many = [certificate_bag(PAIR)] * (pfx.BAG_LIMIT + 1)
    for data in (file(open_safe(*many)), file(*[open_safe()] * 3, open_safe(nest(b"".join(many), 2)))):
        assert failed(check(data)) == ["file.too_complex"]


def test_bags_within_bags_are_followed_only_so_far() -> None:
    assert check(file(open_safe(nest(key_bag(PAIR) + certificate_bag(PAIR), 5)))).usable
    assert failed(check(file(open_safe(nest(key_bag(PAIR), DEPTH_LIMIT))))) == ["file.too_complex"]


# ---- what changed files have broken ----


def test_a_count_of_thousands_of_digits_is_too_costly() -> None:
    assert failed(check(file(open_safe(shrouded_bag(PAIR, b"secret", 2**20_000, run=1))))) == ["p12.too_costly"]


def test_a_topics_kind_that_is_no_text_is_an_app() -> None:
    nested = b"\x0c\x01a" + sequence(deep(200))
    report = check(Pair(topics=sequence(nested, b"\x0c\x01b" + sequence(sequence()))).p12())
    assert report.facts["topic_kinds"] == {"com.acme.shop": "app", "a": "app", "b": "app"}
    assert failed(check(Pair(topics=sequence(b"\x0c\x01a" + deep(1500))).p12())) == ["cert.unreadable"]


def deep(times: int) -> bytes:
    data = b""
    for _ in range(times):
        data = sequence(data)
    return data


# ---- nesting ----


@pytest.mark.parametrize(
    ("data", "depth"),
    [
        (b"", 0),
        (b"\x02\x01\x05", 0),
        (b"\x30\x00", 1),
        (b"\x30\x00\x30\x00", 1),
        (b"\x30\x02\x30\x00", 2),
        (b"\x30\x80\x30\x80\x00\x00\x00\x00\x30\x00", 2),
        (b"\x30\x80" * 9, 9),
        (b"\x30\x82\x00\x02\x30\x00", 2),
        (b"\x3f\x81\x01\x02\x30\x00", 2),
        (b"\x30\xff", 1),
        (b"\x3f", 1),
        (b"\x30\x06\x30\x02\x00\x00\x30\x00", 2),
        (b"\x30\x84\xff\xff\xff\xff\x30\x00", 2),
    ],
)
def test_values_inside_each_other_are_counted(data: bytes, depth: int) -> None:
    assert asn1_depth(data) == depth


@pytest.mark.parametrize(
    ("text", "depth"),
    [("", 0), ("{}", 1), ('{"a":[{}]}', 3), ('["[[["]', 1), ('["\\"[["]', 1), ("]]][", 1), ('["[[[', 1)],
)
def test_brackets_inside_each_other_are_counted(text: str, depth: int) -> None:
    assert json_depth(text) == depth


def test_our_own_files_are_nowhere_near_the_limit(tmp_path: Path) -> None:
    need("openssl")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert max(asn1_depth(openssl_p12(tmp_path, PAIR)), asn1_depth(as_ber(PAIR.p12()))) < DEPTH_LIMIT // 2
