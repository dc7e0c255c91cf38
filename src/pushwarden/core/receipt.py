"""What a stop proves, sender by sender. Only all-drained promises zero frames after the reply."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pushwarden.core.scope import Scope


class Confirmation(StrEnum):
    DRAINED = "drained"  # every request written before the fence was read by the provider; none is written since
    FENCED = "fenced"  # nothing more is written; at most `named` requests may still be read
    UNREACHED = "unreached"  # may still be sending until `until_ms`


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a sender knew of the stopped scope as it confirmed. Times are Unix milliseconds, None: nothing yet.

    wrote: requests since its process began. cut: of the connections, those that did not acknowledge and were aborted.
    """

    written_at: int | None = None
    accepted_at: int | None = None
    wrote: int = 0
    connections: int = 0
    cut: int = 0

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence(
            _later(self.written_at, other.written_at),
            _later(self.accepted_at, other.accepted_at),
            self.wrote + other.wrote,
            self.connections + other.connections,
            self.cut + other.cut,
        )


@dataclass(frozen=True, slots=True)
class SenderReceipt:
    sender: str
    confirmation: Confirmation
    ms: float  # from the stop to this sender's word
    named: int = 0  # requests written, not answered, on connections that had to be aborted
    until_ms: int | None = None
    killed: bool = False  # it was silent for too long and was ended by pidfd
    evidence: Evidence | None = None  # None: it said nothing


@dataclass(frozen=True, slots=True)
class Receipt:
    id: str
    scope: Scope
    sequence: int  # of the fence file
    stopped_at: int  # Unix ms
    ms: float  # until the whole receipt stood
    senders: tuple[SenderReceipt, ...]
    reason: str = ""
    actor: str = ""

    @property
    def drained(self) -> bool:
        return all(sender.confirmation is Confirmation.DRAINED for sender in self.senders)

    @property
    def evidence(self) -> Evidence:
        """Of all senders that spoke."""
        return sum((sender.evidence for sender in self.senders if sender.evidence), Evidence())


def _later(one: int | None, other: int | None) -> int | None:
    return max((at for at in (one, other) if at is not None), default=None)
