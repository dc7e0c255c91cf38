"""The three endings of an attempt and whom to blame. What is done about one is decided by `blame` alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Ending(StrEnum):
    """Every attempt ends in exactly one of these."""

    ACCEPTED = "accepted"  # the provider said yes; it says nothing about the phone
    REFUSED = "refused"  # the provider answered no, with a reason
    UNKNOWN = "unknown"  # bytes left, no answer came


class Blame(StrEnum):
    """device → tombstone; message → final, tell the caller; credential → hold the lane; provider → pace; us → alarm."""

    DEVICE = "device"
    MESSAGE = "message"
    CREDENTIAL = "credential"
    PROVIDER = "provider"
    US = "us"
    NOBODY = "nobody"


class Retry(StrEnum):
    """Whether the same push may be tried again, and on what."""

    NEVER = "never"
    ONCE = "once"  # an unlisted reason: one more try, later
    LATER = "later"  # a list shard with a later time
    ELSEWHERE = "elsewhere"  # at once, on another connection: the provider has not processed it


class Fate(StrEnum):
    """How a recipient of a push ended for good. Conservation: planned = pending + in flight + the sum of these."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    STOPPED = "stopped"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt's ending. `reason` is the provider's word verbatim, or ours for what never got an answer.

    retry_after: seconds the provider asked for, None when it did not. gone_ms: since when (Unix milliseconds) the
    provider knows the token dead; None when it did not say. gone: its word is final though it named no time: the
    token was dead when the push was written.
    """

    ending: Ending
    reason: str = ""
    status: int = 0
    blame: Blame = Blame.NOBODY
    retry: Retry = Retry.NEVER
    retry_after: float | None = None
    gone_ms: int | None = None
    gone: bool = False


ACCEPTED = Outcome(Ending.ACCEPTED, status=200)
