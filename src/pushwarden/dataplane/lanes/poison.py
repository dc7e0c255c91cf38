"""5 poison: the one recipient at which a sender dies, or its provider's code fails, is found and set apart. Pure.

Only what was issued and is not done can be to blame for a crash, and a crashed shard issues a little at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from pushwarden.core.outcome import Fate
from pushwarden.core.shard import LONELY, POISONED
from pushwarden.dataplane.feedback.settle import QUARANTINED, SENDER_LOST, fail, part_with, settle
from pushwarden.dataplane.lanes.work import Work

_log = structlog.get_logger("poison")

PARTS = 16
"""A shard at which senders died is issued a sixteenth at a time: each further crash leaves so few in doubt."""


def heed(work: Work, doubted: Sequence[int], now_ms: int) -> int:
    """Takes a shard over from an earlier holder; how many recipients are quarantined. doubted: as of `narrow`.

    What it may have written ends `unknown` or is written again; a shard at which senders died is narrowed.
    """
    if work.shard.crashes >= LONELY:
        return narrow(work, doubted, now_ms)
    for offset in doubted:
        settle(work, offset, b"", SENDER_LOST, now_ms, 0.0)
    return 0


def narrow(work: Work, doubted: Sequence[int], now_ms: int) -> int:
    """Begins a shard that runs alone; how many recipients are quarantined. doubted: offsets issued and not done.

    Types that must not double end `unknown` where they are in doubt. At the third crash the others leave the shard, and
    a single one in doubt is quarantined.
    """
    found = 0
    proven = work.shard.crashes >= POISONED
    if proven and len(doubted) == 1:
        # It may have arrived: with types that must not double that is what the caller is told.
        quarantine(work, doubted[0], b"", now_ms, Fate.REFUSED if work.push.type.repeatable else Fate.UNKNOWN)
        found = 1
    elif not work.push.type.repeatable:
        for offset in doubted:
            settle(work, offset, b"", SENDER_LOST, now_ms, 0.0)
    elif proven and doubted:
        part_with(work, work.unwritten(), now_ms)
    work.restart(max(1, work.open // PARTS))
    return found


def quarantine(work: Work, offset: int, token: bytes, now_ms: int, fate: Fate) -> None:
    """Ends the recipient at which we fail, for people to see."""
    fail(work, offset, token, fate, QUARANTINED, now_ms)
    _log.error(
        "recipient quarantined", push=work.push.id, audience=work.shard.audience, seq=work.seq(offset),
        lane=work.lane.key, crashes=work.shard.crashes,
    )  # fmt: skip


def failing(fails: Callable[[Sequence[int]], bool], rows: Sequence[int]) -> list[int]:
    """Those of the rows that fail by themselves, found by halves; all of them when they fail only together."""
    if not fails(rows):
        return []
    return _failing(fails, rows) or list(rows)


def _failing(fails: Callable[[Sequence[int]], bool], rows: Sequence[int]) -> list[int]:
    """`rows` fail together."""
    if len(rows) == 1:
        return list(rows)
    half = len(rows) // 2
    return [row for part in (rows[:half], rows[half:]) if fails(part) for row in _failing(fails, part)]
