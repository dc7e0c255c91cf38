"""What all tables of verdicts share: their rows, the wait a provider asks for, and their page in the documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from pushwarden.core.outcome import Blame, Retry

LONGEST_RETRY_AFTER = 86_400.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One documented (status, reason). gone: the token is dead, since the answer's own time if it names one.

    many: what is probably wrong when many tokens get it at once, and what to look at; goes on after a colon.
    """

    status: int
    reason: str
    blame: Blame
    retry: Retry
    meaning: str
    action: str
    gone: bool = False
    many: str = ""


def retry_after(headers: Mapping[bytes, bytes]) -> float | None:
    """Retry-After in seconds, a day at most (RFC 9110 §10.2.3). A date counts from the answer's own `date`."""
    value = headers.get(b"retry-after", b"")
    if value.isdigit() and len(value) < 12:
        return min(float(value), LONGEST_RETRY_AFTER)
    until, now = _time(value), sent_at(headers)
    return None if until is None or now is None else min(max(until - now, 0.0), LONGEST_RETRY_AFTER)


def sent_at(headers: Mapping[bytes, bytes]) -> float | None:
    """The answer's own `date`, Unix seconds; to the second."""
    return _time(headers.get(b"date", b""))


def _time(value: bytes) -> float | None:
    try:
        return parsedate_to_datetime(value.decode("ascii")).timestamp()
    except (ValueError, OverflowError):
        return None


def section(name: str, source: str, verdicts: Sequence[Verdict], notes: str) -> str:
    """One provider's part of docs/verdicts.md. source: the folder of its table."""
    rows = [
        f"| {row.status} | `{row.reason}` | {row.blame} | {row.retry} | {row.meaning} | {row.action} |"
        for row in verdicts
    ]
    made = f"Made from the table in [{source}/verdicts.py](../src/pushwarden/providers/{source}/verdicts.py)."
    return "\n".join([f"## {name}", "", made, "", _COLUMNS, *rows, "", notes])


def page(sections: Sequence[str]) -> str:
    """docs/verdicts.md, made from the tables."""
    return "\n".join([_HEAD, *sections])


_COLUMNS = """| status | reason | blame | retry | meaning | what is done, what to do |
|---|---|---|---|---|---|"""

_HEAD = """# What every answer of a provider means

Made from the tables by `python -m tests.pages`; change it there.

*Blame* decides what is done: **device** sets the token aside or buries it, **message** is final, **credential** holds
the lane and touches no token, **provider** slows the lane, **us** is an alarm, **nobody** does nothing.
*Retry* says whether the same push may go out again: **never**, **once**, **later**, or at once **elsewhere**, on
another connection. A reason that is not in a table is kept word for word, tried once more, and touches no token.
"""
