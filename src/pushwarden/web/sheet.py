"""Rows for spreadsheets: a cell that would be a formula there is prefixed by an apostrophe."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are wide forms of the first, which spreadsheets of East Asia take for them (OWASP, CSV Injection)."""


def lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """CSV as RFC 4180 has it; what is neither text nor None is written as JSON."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
