"""One device's fields, and files of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.core.device_rules import Entry, device_of, entry_of, parse_device
from pushwarden.core.errors import Invalid, Malformed, PushwardenError, UnknownField
from pushwarden.core.importing import CsvLister, NdjsonLister, lister, write_lines

GOOD = {"provider": "apns", "token": "ab" * 32}


def test_a_token_is_kept_in_lower_case_without_the_frame_clients_add() -> None:
    assert parse_device(GOOD | {"token": "<ABCD ef01>"}, "i").token == "abcdef01"


def test_a_token_may_have_an_odd_number_of_digits() -> None:
    assert parse_device(GOOD | {"token": "a" * 161}, "i").token == "a" * 161


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"token": "abcg"}, "token"),
        ({"token": "ab\ncd"}, "token"),
        ({"token": "<>"}, "token"),
        ({"token": "a" * 401}, "token"),
        ({"token": 7}, "token"),
        ({"provider": "pigeon"}, "provider"),
        ({"token_kind": "letter"}, "token_kind"),
        ({"user": "u" * 257}, "user"),
        ({"user": "a\r\nb"}, "user"),
        ({"tags": ["a b"]}, "tags"),
        ({"tags": [f"t{n}" for n in range(65)]}, "tags"),
        ({"tags": "ios"}, "tags"),
        ({"test": "yes"}, "test"),
        ({"installation_id": "other"}, "installation_id"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(change: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_device(GOOD | change, "i")
    assert refused.value.extra["field"] == field


def test_an_installation_id_that_no_address_can_name_is_refused_one_by_one_and_in_a_list() -> None:
    with pytest.raises(Invalid, match="without a /"):
        parse_device(GOOD, "a/b")
    found = NdjsonLister().feed(b'{"installation_id":"a/b","token":"aa"}\n{"installation_id":"c","token":"cc"}\n')
    assert ([one.installation_id for one in found.entries], [one.line for one in found.errors]) == (["c"], [1])


@pytest.mark.parametrize("field", ["colour", "seq", "registered_at", "gone_at"])
def test_a_field_that_is_not_the_callers_is_refused_by_name(field: str) -> None:
    with pytest.raises(UnknownField) as refused:
        parse_device(GOOD | {field: 5}, "i")
    assert refused.value.extra["field"] == field


@pytest.mark.parametrize("body", [b"", b"{", b'{"token":"', b"\xff\xfe", b'{"token":"\xff"}'])
def test_a_body_that_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_device(body, "i")


def test_an_installation_id_has_1_to_128_printable_characters() -> None:
    assert parse_device(GOOD, "Gerät 7").installation_id == "Gerät 7"
    for wrong in ("", "x" * 129, "a\x00b"):
        with pytest.raises(Invalid):
            parse_device(GOOD, wrong)


def test_no_error_and_no_repr_shows_a_token() -> None:
    entry = Entry("i", token="ab" * 32)
    assert "abab" not in repr(entry) + repr(device_of(entry))
    with pytest.raises(Invalid) as refused:
        parse_device(GOOD | {"token": "abab!" * 9}, "i")
    assert "abab" not in str(refused.value)


def test_a_bad_line_is_named_and_the_good_ones_are_kept() -> None:
    lines = [
        b'{"installation_id":"a","token":"aa"}',
        b'{"installation_id":"b","token":"zz"}',
        b"",
        b'{"installation_id":"c","token":"cc","hue":1}',
        b"not json",
        b"\xff",
        b'{"installation_id":"' + b"x" * 20_000 + b'"}',
        b'{"installation_id":"d","token":"dd"}',
    ]
    reader = NdjsonLister()
    found = reader.feed(b"\n".join(lines))
    last = reader.end()
    assert [entry.installation_id for entry in found.entries + last.entries] == ["a", "d"]
    assert [(error.line, error.code) for error in found.errors] == [
        (2, "invalid"), (4, "unknown_field"), (5, "malformed"), (6, "malformed"), (7, "malformed"),
    ]  # fmt: skip
    assert reader.line == 8


@given(st.lists(st.integers(1, 200), max_size=60))
def test_where_the_chunks_are_cut_changes_nothing(cuts: list[int]) -> None:
    data = b"".join(
        b'{"installation_id":"%d","token":"%s"}\r\n' % (n, (b"%02x" % n) if n % 7 else b"zz") for n in range(40)
    ) + b"x" * 17_000 + b'\n{"installation_id":"last","token":"ff"}'  # fmt: skip
    whole, cut = NdjsonLister(), NdjsonLister()
    at, entries, errors = 0, [], []
    for size in [*cuts, len(data)]:
        got = cut.feed(data[at : at + size])
        at += size
        entries += got.entries
        errors += got.errors
    expected = whole.feed(data)
    assert entries + cut.end().entries == expected.entries + whole.end().entries
    assert errors == expected.errors


def test_csv_lines_are_the_same_devices_as_json_lines() -> None:
    reader = lister("text/csv; charset=utf-8")
    text = '﻿installation_id,token,user,tags,test\r\na,AB01,"one, two",ios|beta,true\nb,zz,,,\nc,cc,,\nd,dd,,,\n'
    found = reader.feed(text.encode())
    assert found.entries == [
        Entry("a", token="ab01", user="one, two", tags=("ios", "beta"), test=True), Entry("d", token="dd"),
    ]  # fmt: skip
    assert [(error.line, error.code) for error in found.errors] == [(3, "invalid"), (4, "malformed")]


@pytest.mark.parametrize("header", [b"installation_id\n", b"installation_id,token,hue\n", b"token,token\n", b"\xff\n"])
def test_a_csv_header_that_cannot_be_used_refuses_the_file(header: bytes) -> None:
    with pytest.raises(PushwardenError):
        CsvLister().feed(header)


def test_a_written_line_reads_back_as_the_same_device() -> None:
    entry = Entry("i", token="ab", user="u", tags=("x",), registered_at=5, gone_at=9, gone_reason="Unregistered")
    assert NdjsonLister().feed(write_lines([entry])).entries == [entry]
    assert entry_of(device_of(entry)) == entry
