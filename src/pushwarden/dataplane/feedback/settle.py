"""7 settle: the one place where an outcome becomes an ending, a retry or a report. Pure but for the Work it changes."""

from __future__ import annotations

from enum import Enum, auto
from typing import assert_never

from pushwarden.core.lane import Class
from pushwarden.core.outcome import Blame, Ending, Fate, Outcome, Retry
from pushwarden.core.shard import Failure, NewShard, ShardKind
from pushwarden.dataplane.lanes.pacing import may_retry, retry_wait
from pushwarden.dataplane.lanes.work import Work
from pushwarden.http2.messages import Why


class Follow(Enum):
    """What else an outcome asks for, beyond the recipient's own ending."""

    NOTHING = auto()
    REPORT = auto()  # the token is said to be dead
    SUSPECT = auto()  # the credential is to blame
    SLOW_DOWN = auto()  # the provider is to blame
    RECONNECT = auto()  # this connection is of no more use, another one may be
    ALARM = auto()  # we did something wrong


UNANSWERED = {
    Why.RESET: Outcome(Ending.UNKNOWN, "reset"),
    Why.DEADLINE: Outcome(Ending.UNKNOWN, "deadline"),
    Why.LOST: Outcome(Ending.UNKNOWN, "connection lost"),
}
"""Bytes left and no answer came (RFC 9113 §8.7: only REFUSED_STREAM and GOAWAY say "not processed")."""

SENDER_LOST = Outcome(Ending.UNKNOWN, "sender lost", retry=Retry.ELSEWHERE)
"""An earlier holder of the shard may have written it: types that bear a double are written again at once."""

QUARANTINED = Outcome(Ending.REFUSED, "quarantined", blame=Blame.US)
"""We fail whenever we have this recipient in hand."""

MOST_DETOURS = 4
"""Times the recipients of a shard may be written again at once on another connection, on average; once for the
credential's sake (F15: a fresh token on a new connection)."""

FOLLOW = {
    Blame.DEVICE: Follow.REPORT,
    Blame.CREDENTIAL: Follow.SUSPECT,
    Blame.US: Follow.ALARM,
    Blame.MESSAGE: Follow.NOTHING,
    Blame.PROVIDER: Follow.SLOW_DOWN,
    Blame.NOBODY: Follow.NOTHING,
}


def settle(work: Work, offset: int, token: bytes, outcome: Outcome, now_ms: int, jitter: float) -> Follow:
    """Ends the recipient at `offset`, or schedules it again. jitter in 0 … 1. The caller has taken it out of flight."""
    match outcome.ending:
        case Ending.ACCEPTED:
            work.end(offset, Fate.ACCEPTED)
            return Follow.NOTHING
        case Ending.REFUSED:
            return _refused(work, offset, token, outcome, now_ms, jitter)
        case Ending.UNKNOWN:
            if outcome is SENDER_LOST and work.push.type.repeatable:
                work.again.append(offset)
            elif not _later(work, offset, outcome, now_ms, jitter):
                fail(work, offset, token, Fate.UNKNOWN, outcome, now_ms)
            return Follow.NOTHING
        case _:
            assert_never(outcome.ending)


def _refused(work: Work, offset: int, token: bytes, outcome: Outcome, now_ms: int, jitter: float) -> Follow:
    detours = 1 if outcome.blame is Blame.CREDENTIAL else MOST_DETOURS
    if outcome.retry is Retry.ELSEWHERE and work.detours < detours * work.width:
        work.detours += 1
        work.again.append(offset)
        return Follow.RECONNECT
    if outcome.blame is Blame.CREDENTIAL and outcome.retry is Retry.NEVER and work.shard.attempt > 0:
        fail(work, offset, token, Fate.REFUSED, outcome, now_ms)
        return Follow.SUSPECT
    if outcome.blame is Blame.CREDENTIAL:
        # It is not the recipient's fault: what is refused now waits with the lane until the credential is repaired.
        work.waiting.append((offset, now_ms + 1000))
        return Follow.SUSPECT
    if not _later(work, offset, outcome, now_ms, jitter):
        fail(work, offset, token, Fate.REFUSED, outcome, now_ms)
        return FOLLOW[outcome.blame]
    return Follow.SLOW_DOWN if outcome.blame is Blame.PROVIDER else Follow.NOTHING


def _later(work: Work, offset: int, outcome: Outcome, now_ms: int, jitter: float) -> bool:
    """Schedules another try when the rules and the ttl allow one."""
    attempt = work.shard.attempt
    if not may_retry(outcome, attempt, repeatable=work.push.type.repeatable):
        return False
    due = now_ms + int(1000 * retry_wait(outcome, attempt, jitter))
    if 0 < work.push.expires_at <= due:
        return False
    work.waiting.append((offset, due))
    return True


def fail(work: Work, offset: int, token: bytes, fate: Fate, outcome: Outcome, now_ms: int) -> None:
    """Ends a recipient without success and keeps the reason."""
    work.end(offset, fate)
    shard = work.shard
    work.failures.append(
        Failure(shard.push, shard.audience, work.seq(offset), fate, outcome.reason, outcome.status, now_ms, token)
    )


def end_rest(work: Work, fate: Fate) -> None:
    """What is not written ends without being sent: stopped, expired. Requests in flight keep their own ending."""
    scheduled = [offset for offset, _ in work.waiting]
    for offset in [*work.unwritten(), *scheduled]:
        work.end(offset, fate)
    work.next = work.width
    work.slice = None
    work.again.clear()
    work.waiting.clear()


def leave(work: Work) -> None:
    """Moves the waiting recipients into later list shards, one for each second of due time."""
    groups: dict[int, list[int]] = {}
    for offset, due in work.waiting:
        groups.setdefault(-(-due // 1000) * 1000, []).append(offset)
    work.waiting = []
    attempt = work.shard.attempt + 1
    for due, offsets in groups.items():
        work.retries.append(_later_shard(work, sorted(offsets), due, attempt))
        for offset in offsets:
            work.move(offset)


def part_with(work: Work, offsets: list[int], now_ms: int) -> None:
    """These recipients go on in a shard of their own, as if nothing had happened."""
    if offsets:
        work.retries.append(_later_shard(work, offsets, now_ms, work.shard.attempt))
        for offset in offsets:
            work.move(offset)


def _later_shard(work: Work, offsets: list[int], due: int, attempt: int) -> NewShard:
    shard = work.shard
    if shard.kind is ShardKind.TOKENS:
        tokens = shard.members.split(b"\n")
        kind, members = ShardKind.TOKENS, b"\n".join(tokens[offset] for offset in offsets)
    else:
        kind = ShardKind.LIST
        members = b"".join(work.seq(offset).to_bytes(8, "little") for offset in offsets)
    home = work.lane.of(work.push.klass).key if work.lane.klass is Class.ALONE else work.key
    return NewShard(shard.push, shard.organisation, kind, shard.audience, home, due, 0, len(offsets), members, attempt)
