"""What is copied as YAML reads back as what it was, by a reader no one here wrote."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushwarden.core.yaml import written

reader = importlib.import_module("yaml")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["", "yes", "No", "on", "null", "~", "1e3", "0x1f", "1:30", "2026-12-14", ".inf", "- a", "a: b", "a #b", "'", '"',
     "@x", "`x", "%x", "!x", "&x", "*x", " x ", "x:", "=", "<<", "4C:19:E0", "line\nline", "\u2028", "\ufeff", "\x85"]
)  # fmt: skip
VALUE = st.recursive(
    TEXT | st.integers(-(2**60), 2**60) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(TEXT, VALUE, max_size=6))
def test_what_is_written_reads_back_equal(value: dict[str, Any]) -> None:
    assert reader.safe_load(written(value)) == (value or None)


@pytest.mark.parametrize(("value", "text"), [
    ({"version": 42, "on": True}, 'version: 42\n"on": true\n'),
    ({"apple": {"topic": "com.acme.shop", "valid_to": "2026-12-14"}},
     'apple:\n  topic: com.acme.shop\n  valid_to: "2026-12-14"\n'),
    ({"contacts": ["a@b.c"], "stops": []}, "contacts:\n  - a@b.c\nstops: []\n"),
])  # fmt: skip
def test_it_is_short_and_plain_where_it_can_be(value: dict[str, Any], text: str) -> None:
    assert written(value) == text
