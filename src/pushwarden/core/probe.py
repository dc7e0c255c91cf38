"""The live proof of a credential: somebody asks, one sender makes it, the checks are kept for a day."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pushwarden.core.app import Credential
from pushwarden.core.check import Check
from pushwarden.core.health import Record
from pushwarden.core.messages import Result

PATIENCE_MS = 10_000
"""What a proof may take; after that it is not provable yet."""

PROOF = "live.accepted"
"""The check of an answer that only a good credential gets."""

CLAIM_MS = 15_000
"""So long after a sender took it another may: the first has died or hangs."""

HOUR_MS = 3_600_000
KEPT_MS = 24 * HOUR_MS


DAY_MS = HOUR_MS * 24
"""After so long without an answer that only a good credential gets, it is asked for."""


NOT_YET = "p8.refused"
AGAIN_MS, FRESH_MS = 5 * 60_000, 15 * 60_000
"""Apple may need some minutes to know a new key: while it is that fresh it is asked for again so often."""


class Finding(StrEnum):
    """What a live proof says of the credential."""

    VERIFYING = "verifying"
    PROVEN = "proven"  # the provider accepted it
    REFUSED = "refused"  # the provider, or its own dates, refuse it
    UNPROVEN = "unproven"  # nobody could tell: the network, the provider, a stop; no word against the credential


@dataclass(frozen=True, slots=True)
class Probe:
    """Times are Unix milliseconds, 0: not yet. asked_by: a key's id, or `chores`."""

    organisation: str
    id: str
    app: str
    credential: str
    asked_by: str
    asked_at: int
    claimed_by: str = ""
    claimed_at: int = 0
    done_at: int = 0
    checks: tuple[Check, ...] = ()

    @property
    def finding(self) -> Finding:
        return found(self.checks) if self.done_at else Finding.VERIFYING

    def free(self, now_ms: int, idle_ms: int = 0) -> bool:
        """Whether a sender may take it that leaves to others what has waited less than idle_ms."""
        since = self.claimed_at + CLAIM_MS if self.claimed_by else self.asked_at
        return not self.done_at and now_ms >= since + idle_ms


def found(checks: Iterable[Check]) -> Finding:
    """One refusal outweighs all; one answer that only a good credential gets outweighs what could not be told."""
    told = {(check.id, check.result) for check in checks}
    if any(result == Result.FAILED for _, result in told):
        return Finding.REFUSED
    return Finding.PROVEN if (PROOF, Result.PASSED) in told else Finding.UNPROVEN


def due_at(credential: Credential, record: Record | None) -> int:
    """When its next proof is due, Unix ms: a day after the last word of it, and a part of an hour that is its own.

    A fresh key that Apple does not know yet: soon.
    """
    if record and record.reason == NOT_YET and record.asked_at < credential.created_at + FRESH_MS:
        return record.asked_at + AGAIN_MS
    heard = (record.proven_at, record.asked_at) if record else (0, 0)
    own = zlib.crc32(f"{credential.organisation}/{credential.id}".encode()) % HOUR_MS
    return max(credential.created_at, *heard) + DAY_MS + own
