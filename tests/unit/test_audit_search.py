"""What is typed to search the audit: understood, or refused in words that say what to type instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.control.audit_search import NAMES, parsed, quoted, retyped
from pushwarden.core.errors import Invalid

NOW = 1_800_000_000_000  # 2027-01-15T08:00:00Z
HOUR, DAY = 3_600_000, 86_400_000


def test_qualifiers_and_free_text_are_told_apart() -> None:
    search = parsed('actor:dana action:credential "Acme Shop" env:production outcome:refused XL', NOW)
    assert {name: search.value(name) for name in NAMES if search.value(name)} == {
        "actor": "dana", "action": "credential", "env": "production", "outcome": "refused",
    }  # fmt: skip
    assert search.words == ("acme shop", "xl")


def test_a_value_with_spaces_stands_in_quotation_marks() -> None:
    assert parsed('actor:"Dana K."', NOW).value("actor") == "Dana K."
    assert quoted("Dana K.") == '"Dana K."'
    assert quoted("dana") == "dana"
    assert [retyped(word) for word in ("actor:Dana K.", "app:shop", "two words", "a:b c")] == [
        'actor:"Dana K."', "app:shop", '"two words"', '"a:b c"',
    ]  # fmt: skip


def test_a_term_can_be_taken_out_and_the_rest_stays_as_it_was_typed() -> None:
    search = parsed('actor:"Dana K."  since:7d lost', NOW)
    assert search.without(search.terms[1]) == 'actor:"Dana K." lost'


@pytest.mark.parametrize(
    ("said", "since"),
    [
        ("30m", NOW - 1_800_000), ("12h", NOW - 12 * HOUR), ("7d", NOW - 7 * DAY), ("2w", NOW - 14 * DAY),
        ("today", NOW - 8 * HOUR), ("yesterday", NOW - 32 * HOUR), ("2027-01-01", NOW - 8 * HOUR - 14 * DAY),
        ("2027-01-15T07:30", NOW - 1_800_000), ("2027-01-15T08:30+01:00", NOW - 1_800_000), ("999999w", 1),
    ],
)  # fmt: skip
def test_a_time_may_be_typed_in_these_ways(said: str, since: int) -> None:
    assert parsed(f"since:{said}", NOW).since == since


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("sinse:7d", "There is no `sinse:`; there are actor:, action:, app:"),
        ("since:soon", "`since:soon` is no time; type 30m, 12h, 7d"),
        ("since:2027-13-01", "is no time"),
        ("since:0001-01-01", "is no time"),
        ("actor:", "`actor:` needs something behind it"),
        ('actor:""', "`actor:` needs something behind it"),
        ("actor: dana", "`actor:` needs something behind it"),
        ('"Acme', "A quotation mark is not closed"),
        ("app:a app:b", "`app:` stands there twice"),
        ("env:prod", "There is no environment `prod`; it is production or sandbox"),
        ("since:1d until:2d", "`since:` is not before `until:`"),
        ("x " * 30, "at most 20 words"),
        ("x" * 2000, "at most 1000 characters"),
    ],
)
def test_what_is_not_understood_is_said_with_what_to_type_instead(typed: str, says: str) -> None:
    with pytest.raises(Invalid) as refused:
        parsed(typed, NOW)
    assert says in refused.value.detail
    assert refused.value.extra["field"] == "q"


def test_an_address_is_text_and_no_qualifier() -> None:
    assert parsed("https://acme.example/hook", NOW).words == ("https://acme.example/hook",)
    assert parsed("environment:sandbox", NOW).value("env") == "sandbox"


@given(st.text(max_size=80))
def test_whatever_is_typed_is_a_search_or_a_sentence(typed: str) -> None:
    try:
        search = parsed(typed, NOW)
    except Invalid as refused:
        assert refused.detail.endswith((".", '"'))
    else:
        assert all(term.typed in typed for term in search.terms)
        assert parsed(" ".join(term.typed for term in search.terms), NOW) == search
