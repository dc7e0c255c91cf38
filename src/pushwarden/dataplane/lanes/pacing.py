"""When to try again, and how many recipients may be under way. Pure rules."""

from __future__ import annotations

from pushwarden.core.outcome import Ending, Outcome, Retry

MOST_ATTEMPTS = {Retry.NEVER: 0, Retry.ONCE: 1, Retry.LATER: 6, Retry.ELSEWHERE: 6}
UNKNOWN_ATTEMPTS = 3
LONGEST_WAIT = 900.0
"""Seconds. Apple: wait about 15 minutes after 5xx, then back off exponentially; single pushes are tried sooner."""
FIRST_WAIT = 2.0
QUICK_REPLY = 0.005
"""Seconds an answer may take while the least W is enough for the full rate."""
MOST_GROWTH = 16
"""How many times its least value W may reach with slow answers."""


def may_retry(outcome: Outcome, attempt: int, *, repeatable: bool) -> bool:
    """attempt: how many times it was moved already. An `unknown` may be repeated only by types that bear a double."""
    if outcome.ending is Ending.UNKNOWN:
        return repeatable and attempt < UNKNOWN_ATTEMPTS
    return attempt < MOST_ATTEMPTS[outcome.retry]


def retry_wait(outcome: Outcome, attempt: int, jitter: float) -> float:
    """Seconds until the next try. Retry-After is a floor, never cut short; jitter in 0 … 1 adds up to half."""
    if outcome.retry is Retry.ELSEWHERE:
        return 0.0
    backoff = min(FIRST_WAIT * float(2**attempt), LONGEST_WAIT)
    return max(outcome.retry_after or 0.0, backoff) + jitter * backoff / 2


def window(least: int, reply_time: float) -> int:
    """W: recipients issued and not done. `least` up to `QUICK_REPLY`, then in proportion up to `MOST_GROWTH`.

    By Little's law a fixed W caps the rate at W / reply time; W is also the price of a kill -9.
    """
    return int(least * min(MOST_GROWTH, max(1.0, reply_time / QUICK_REPLY)))
