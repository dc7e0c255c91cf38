"""Shards: the journal's rows. A fan-out keeps one row per shard and a bitmap, never a row per recipient."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from pushwarden.core.device import RAW_AUDIENCE
from pushwarden.core.outcome import Fate

SHARD_WIDTH = 8192
"""Recipients of a range shard; its bitmaps are at most 1 KiB."""


INSTANT = 8
"""A named shard of at most so many recipients is issued by its first claim: one commit less before a call rings."""


LONELY, POISONED = 2, 3
"""Crashes of its senders after which a shard changes to the lane `alone`, and after which it is surely to blame."""


class ShardKind(StrEnum):
    RANGE = "range"  # seqs lo … lo+width-1 of an audience that are live (and match the push's tags) when first claimed
    LIST = "list"  # named seqs of an audience
    TOKENS = "tokens"  # raw tokens of the request, or one topic or condition; leaves no device rows


class ShardState(StrEnum):
    READY = "ready"
    CLAIMED = "claimed"
    HELD = "held"  # its scope is stopped or its lane is held; a resume or a release makes it ready


@dataclass(frozen=True, slots=True)
class NewShard:
    """A shard to insert: from `plan`, or a retry that leaves another shard."""

    push: str
    organisation: str
    kind: ShardKind
    audience: int
    lane: str  # Lane.key
    due_at: int
    lo: int = 0
    width: int = 0
    members: bytes = b""  # LIST: packed little-endian u64 seqs; TOKENS: tokens joined by newline
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Shard:
    """A claimed shard as the store gave it. Offsets 0 … width-1 number its recipients in order.

    members: RANGE → bitmap of the offsets planned (empty until frozen); LIST and TOKENS as in NewShard.
    issued: offsets below it may have been written. done: bitmap of the offsets that have ended (bit i of byte i//8,
    least significant first). counts: totals so far by fate; moved: recipients that left into a later shard.
    """

    push: str
    no: int
    organisation: str
    kind: ShardKind
    audience: int
    lane: str
    due_at: int
    lo: int
    width: int
    members: bytes
    attempt: int
    crashes: int
    fence: int
    frozen: bool
    planned: int
    issued: int
    done: bytes
    counts: dict[Fate, int]
    moved: int

    @property
    def instant(self) -> bool:
        """Whether the claim that gave it has issued it whole: nobody can have written any of it before."""
        named = self.kind is not ShardKind.RANGE and self.width <= INSTANT
        return named and self.crashes == 0 and self.issued == self.width and not any(self.done)


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient that did not get the push, kept 30 days. Of `token` only `kept_token` is stored, as the token."""

    push: str
    audience: int
    seq: int
    fate: Fate
    reason: str
    status: int
    at: int
    token: bytes = field(default=b"", repr=False)

    @property
    def kept_token(self) -> str:
        """A raw token whole, as nothing else names its recipient; of a device's 16 digits of its SHA-256 in hex."""
        if self.audience == RAW_AUDIENCE or not self.token:
            return self.token.decode()
        return hashlib.sha256(self.token).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Times:
    """When anything was first handed over, and when the first and the last answer came; Unix ms, 0 for not yet."""

    handed_at: int = 0
    first_at: int = 0
    last_at: int = 0

    def with_(self, other: Times) -> Times:
        """Of both together."""
        return Times(
            _earlier(self.handed_at, other.handed_at),
            _earlier(self.first_at, other.first_at),
            max(self.last_at, other.last_at),
        )


def _earlier(one: int, other: int) -> int:
    return min(one, other) if one and other else one or other


NO_TIMES = Times()


@dataclass(frozen=True, slots=True)
class Mark:
    """What one UPDATE records of a claimed shard: totals, not differences, so that writing it twice is harmless.

    finished: every member has ended or moved; the store folds the counts into the push and drops the shard.
    release: None keeps the claim; otherwise the state the shard goes back to (READY with due_at, or HELD).
    times: recorded with the push only when this holder is through with the shard: finished, or released.
    """

    push: str
    no: int
    fence: int
    issued: int
    done: bytes
    counts: dict[Fate, int]
    moved: int
    failures: tuple[Failure, ...] = ()
    retries: tuple[NewShard, ...] = ()
    finished: bool = False
    release: ShardState | None = None
    due_at: int = 0
    times: Times = NO_TIMES
