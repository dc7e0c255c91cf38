"""Rows for spreadsheets: what people wrote is text there."""

from __future__ import annotations

import csv
import io

import pytest

from pushwarden.web.sheet import lines


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_a_cell_that_a_spreadsheet_would_reckon_is_text(begins: str) -> None:
    said = f"{begins}HYPERLINK(1)"
    assert next(csv.reader(io.StringIO(lines([[said]]).decode(), newline=""))) == [f"'{said}"]


def test_numbers_stay_numbers_and_nothing_stays_nothing() -> None:
    assert lines([[-5, None, "a=b", {"a": 1}]]) == b'-5,,a=b,"{""a"": 1}"\r\n'
