"""Invalidations: what providers said of tokens, for backends that keep tokens themselves. Which raw words count."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from pushwarden.core.scope import Environment

SECOND_WORD_MS = 3_600_000
"""A word without a timestamp counts only when it comes again after this long (reliability: a re-tune may pass)."""


class TokenState(StrEnum):
    GONE = "gone"  # the provider says the token is dead
    REVIVED = "revived"  # a token that was called gone lives again: `devices revive`, or the app registered it anew
    DOUBTED = "doubted"  # kept to be compared with a second word, given to nobody


@dataclass(frozen=True, slots=True)
class Invalidation:
    """One entry. number grows with every commit, never twice. installation and user are empty for raw tokens.

    gone_ms: since when the provider knows it, None when it did not say. at: when it was entered. Unix milliseconds.
    """

    number: int
    state: TokenState
    environment: Environment
    provider: str
    token_kind: str
    token: str = field(repr=False)
    installation: str = ""
    user: str = ""
    reason: str = ""
    gone_ms: int | None = None
    at: int = 0
    push: str = ""


class Step(StrEnum):
    """What one word on a raw token leads to."""

    ENTER = "enter"
    DOUBT = "doubt"
    NOTHING = "nothing"


def raw_step(last: tuple[str, int | None, int] | None, gone_ms: int | None, now_ms: int) -> Step:
    """last: the newest entry of the same token (state, gone_ms, at). A dated word counts at once, one without a date
    when it comes again; the same death is entered once."""
    if gone_ms is not None:
        known = last is not None and last[0] == TokenState.GONE and last[1] is not None and last[1] >= gone_ms
        return Step.NOTHING if known else Step.ENTER
    if last is None:
        return Step.DOUBT
    if last[2] > now_ms - SECOND_WORD_MS:
        return Step.NOTHING
    return Step.ENTER if last[0] == TokenState.DOUBTED else Step.DOUBT
