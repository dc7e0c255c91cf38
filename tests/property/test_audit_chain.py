"""The hash chain finds whatever was done to it behind our back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tampering
from pushwarden.control.audit import verified_file
from pushwarden.core.audit import AuditEntry
from pushwarden.core.chain import Anchor, canonical, reaching, verify
from pushwarden.core.scope import Scope
from tampering import KINDS, chain


@given(st.integers(0, 30))
def test_a_chain_left_alone_holds(length: int) -> None:
    verdict = verify("acme", chain(length))
    assert verdict.intact
    assert verdict.entries == length


@given(st.data())
def test_one_changed_byte_breaks_it_there(data: st.DataObject) -> None:
    rows = chain(12)
    at = data.draw(st.integers(0, 11))
    sequence, body, kept = rows[at]
    place = data.draw(st.integers(0, len(body) - 1))
    changed = body[:place] + bytes([body[place] ^ data.draw(st.integers(1, 255))]) + body[place + 1 :]
    rows[at] = (sequence, changed, kept)
    assert verify("acme", rows).broken_at == at + 1


@given(st.integers(0, 10))
def test_a_removed_row_breaks_it_there(at: int) -> None:
    rows = chain(12)
    del rows[at]
    assert verify("acme", rows).broken_at == at + 1


@given(st.integers(0, 10))
def test_a_removed_row_with_the_rest_renumbered_breaks_it_there(at: int) -> None:
    rows = chain(12)
    del rows[at]
    renumbered = [(number, body, kept) for number, (_, body, kept) in enumerate(rows, 1)]
    assert verify("acme", renumbered).broken_at == at + 1


@given(st.integers(0, 11), st.integers(0, 11))
def test_two_rows_that_changed_places_break_it_at_the_first(one: int, other: int) -> None:
    rows = chain(12)
    first, second = rows[one], rows[other]
    rows[one], rows[other] = (first[0], *second[1:]), (second[0], *first[1:])
    assert verify("acme", rows).broken_at == (None if one == other else min(one, other) + 1)


@given(st.integers(0, 11))
def test_an_inserted_row_breaks_it_there(at: int) -> None:
    rows = chain(12)
    rows.insert(at, (at + 1, canonical(AuditEntry(5, "mallory", "app.delete", Scope("acme")), at + 1), b"\x00" * 32))
    assert verify("acme", rows).broken_at == at + 1


def test_rows_of_another_organisation_do_not_pass_for_ours() -> None:
    assert verify("acme", chain(3, "beta")).broken_at == 1


def test_a_cut_tail_shows_by_the_head_kept_elsewhere() -> None:
    whole, cut = verify("acme", chain(12)), verify("acme", chain(11))
    assert cut.intact
    assert cut.head != whole.head


def test_verification_goes_on_from_an_earlier_verdict() -> None:
    rows = chain(12)
    first = verify("acme", rows[:7])
    assert verify("acme", rows[7:], start=(first.entries, bytes.fromhex(first.head))) == verify("acme", rows)


def test_an_exported_file_is_verified_without_a_database() -> None:
    lines = [json.dumps({"sequence": n, "hash": kept.hex(), "body": body.decode()}) for n, body, kept in chain(5)]
    assert verified_file("acme", lines).intact
    assert verified_file("acme", [*lines[:2], "{", *lines[2:]]).broken_at == 3
    assert verified_file("acme", [line.replace("key1", "key2") for line in lines]).broken_at == 1


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_done_to_a_chain_is_found_at_every_place(kind: str) -> None:
    rows = chain(9)
    anchors = [tampering.anchor_of(rows)]
    changed = list(KINDS[kind](rows))
    assert [tampering.found_in_rows(one, anchors) for one in changed] == [True] * len(changed)
    assert [tampering.found_in_file(one, anchors) for one in changed] == [True] * len(changed)


def test_a_chain_that_grew_holds_past_all_its_anchors() -> None:
    rows = chain(12)
    anchors = [tampering.anchor_of(rows[:at]) for at in (3, 7, 12)]
    verdict = reaching(verify("acme", rows, anchors=anchors), anchors)
    assert verdict.intact
    assert Anchor.parse("acme", verdict.anchor) == anchors[-1]


@pytest.mark.parametrize("text", ["", "7", "x:" + "0" * 64, "7:" + "g" * 64, "7:00", "-1:" + "0" * 64])
def test_what_is_no_anchor_is_not_read_as_one(text: str) -> None:
    with pytest.raises(ValueError):
        Anchor.parse("acme", text)
