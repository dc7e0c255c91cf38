"""What a person reads on a page, judged by the house's rules for words, numbers and times. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

FORBIDDEN = re.compile(r"\b(invalid|delivered|oops|please|sorry)\b", re.IGNORECASE)
NUMBER = re.compile(r"(?<![\w.,:/#+…·-])\d{4,}(?![\w:/-]|\.\d)")
YEAR = re.compile(r"20[2-9]\d")
TIME = re.compile(r"\b\d{1,2}:\d{2}(:\d{2})?\b|\b\d{4}-\d{2}-\d{2}\b")


def wrong(texts: Iterable[str]) -> list[str]:
    """One sentence each."""
    found = []
    for text in texts:
        found += [f"forbidden word {one[0]}: {text}" for one in FORBIDDEN.finditer(text)]
        found += [f"thousands run together in {one[0]}: {text}" for one in _numbers(text)]
        found += [f"a time outside <time>, {one[0]}: {text}" for one in TIME.finditer(text)]
    return found


def _numbers(text: str) -> list[re.Match[str]]:
    return [one for one in NUMBER.finditer(text) if not YEAR.fullmatch(one[0])]
