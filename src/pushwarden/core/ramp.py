"""Ramps: a resume in steps. Who is sent to at which step, and when a ramp goes on, halts or ends. Pure."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from enum import StrEnum

from pushwarden.core.scope import Scope

WHOLE = 10_000
STEPS = (0, 100, 1000, WHOLE)
"""Of ten thousand devices, how many are sent to at each step; at the first only those marked as test."""
LAST = len(STEPS) - 1
LEAST_ANSWERS = 20
"""Fewer say nothing by a share of them."""
SETTLING_MS = (1000, 4000, 12_000, 30_000)
"""So long after a step began what is held is looked through again: a last answer may have been awaited until then."""
_MASK = (1 << 64) - 1


class Outcome(StrEnum):
    DONE = "done"
    HALTED = "halted"  # too many were refused: it is stopped again
    STOPPED = "stopped"  # a person stopped it, or a scope around it
    REPLACED = "replaced"  # another resume began


class Move(StrEnum):
    STAY = "stay"
    ADVANCE = "advance"
    HALT = "halt"
    END = "end"


@dataclass(frozen=True, slots=True)
class Ramp:
    """Fan-outs of a scope reach `share` of its devices, the rest waits in the journal.

    most_refused: of the answers of a step, in ten thousand. accepted, refused: answers of this step. since: what was
    accepted before (Unix ms) stays held, 0: nothing does. Times are Unix milliseconds.
    """

    id: str
    scope: Scope
    step: int
    step_ms: int
    most_refused: int
    started_at: int
    started_by: str
    step_at: int
    since: int = 0
    accepted: int = 0
    refused: int = 0
    ended_at: int | None = None
    ended_by: str = ""
    outcome: str = ""

    @property
    def share(self) -> int:
        """Of ten thousand."""
        return STEPS[self.step]

    @property
    def next_at(self) -> int:
        return self.step_at + self.step_ms

    @property
    def too_many(self) -> bool:
        answers = self.accepted + self.refused
        return answers >= LEAST_ANSWERS and self.refused * WHOLE > self.most_refused * answers

    def judge(self, now_ms: int) -> Move:
        """What follows at this moment."""
        if self.too_many:
            return Move.HALT
        if now_ms < self.next_at:
            return Move.STAY
        return Move.END if self.step == LAST else Move.ADVANCE

    def at_step(self, step: int, now_ms: int) -> Ramp:
        return replace(self, step=step, step_at=now_ms, accepted=0, refused=0)

    def ended(self, outcome: Outcome, actor: str, now_ms: int) -> Ramp:
        return replace(self, outcome=str(outcome), ended_by=actor, ended_at=now_ms)

    def why_halted(self) -> str:
        """For the stop that follows."""
        answers, who = self.accepted + self.refused, of_step(self.step)
        share, limit = f"{self.refused / answers:.1%}", f"{self.most_refused / 100:g} %"
        return (
            f"{self.refused} of {answers} answers were refused ({share}) while {who} were sent to; at most {limit} may."
        )


def of_step(step: int) -> str:
    """Who is sent to, in words."""
    return ("test devices", "1 % of the devices", "10 % of the devices", "all devices")[step]


def place_of(audience: int, seq: int) -> int:
    """Where a device stands among ten thousand: the same for ever, and alike for neighbours of no audience."""
    mixed = (seq * 0x9E3779B97F4A7C15 + audience * 0xBF58476D1CE4E5B9 + 1) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return (mixed ^ (mixed >> 31)) % WHOLE


def place_of_token(token: bytes) -> int:
    """The same for a raw token."""
    return zlib.crc32(token) % WHOLE
