"""The shape of a message: what a check can come to, and the words for it with their places for values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """What a check came to. unproven: nobody could say yet."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class Words:
    """`{value}` is filled in; `[…]` is left out when a value in it is not known. result: what it means by itself."""

    result: Result
    title: str
    text: str
    next: str = ""


def passed(title: str, text: str) -> Words:
    return Words(Result.PASSED, title, text)


def warning(title: str, text: str, then: str) -> Words:
    return Words(Result.WARNING, title, text, then)


def failed(title: str, text: str, then: str) -> Words:
    return Words(Result.FAILED, title, text, then)


def skipped(title: str, text: str, then: str = "") -> Words:
    return Words(Result.SKIPPED, title, text, then)


def unproven(title: str, text: str, then: str) -> Words:
    return Words(Result.UNPROVEN, title, text, then)
