"""Pages that repeat the code say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pages import DOCS, PAGES
from pushwarden.observe import metrics
from pushwarden.settings import Settings


@pytest.mark.parametrize("name", PAGES)
def test_a_made_page_is_as_the_code_makes_it(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), "run python -m tests.pages"


def test_every_setting_says_what_it_does() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_metric_is_explained() -> None:
    named = set(re.findall(r'"(pushwarden_[a-z_]+)"', Path(metrics.__file__).read_text()))
    told = set(re.findall(r"`(pushwarden_[a-z_]+)", (DOCS / "operations.md").read_text()))
    assert {name.removesuffix("_total") for name in told} == named
