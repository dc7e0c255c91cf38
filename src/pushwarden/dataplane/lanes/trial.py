"""5 trial: a lot of unproven devices, what the answers for its first ones came to, and what follows. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from pushwarden.core.device import LEAST_LOT
from pushwarden.core.lane import APART, Lane
from pushwarden.core.outcome import Blame, Outcome, Retry
from pushwarden.dataplane.feedback.tombstones import LEAST_SUSPECT, MOST_GONE
from pushwarden.dataplane.intake.words import of_many

if TYPE_CHECKING:
    from pushwarden.dataplane.lanes.work import Work

SAMPLE = 500
"""Recipients of a lot that are sent to before the rest."""
MOST_REFUSED = SAMPLE // 100
"""Of a sample: 99 % must be accepted. Those the provider calls dead are counted apart, as tombstones count them."""
ALL_REFUSED = 3
"""With nothing accepted so few are enough: a wrong topic pauses the lane before it has sent many."""
UNBOUNDED = 1 << 62


class Judgement(Enum):
    OPEN = auto()  # more answers are to come
    PROVEN = auto()
    REFUSED = auto()  # a person must look
    NOTHING = auto()  # it ended with too few answers to say anything; nothing waits for it


@dataclass(slots=True)
class Trial:
    """Devices of an audience up to number `upto`, from `first` on, in one lane. heard: called after each count.

    In a suspect lane all but a sample waits. Fewer than LEAST_LOT go with the others and are proven by being accepted.
    """

    lane: Lane
    audience: int
    first: int
    upto: int
    heard: Callable[[], None] = field(repr=False)
    works: list[Work] = field(default_factory=list, repr=False)
    accepted: int = 0
    gone: int = 0
    refused: int = 0
    answers: Counter[str] = field(default_factory=Counter)  # reasons of those not accepted

    @property
    def sampled(self) -> bool:
        return self.lane.klass in APART

    @property
    def seen(self) -> int:
        """Answers that say something of a token."""
        return self.accepted + self.gone + self.refused

    def accept(self, count: int) -> None:
        self.accepted += count
        self.heard()

    def count(self, outcome: Outcome) -> None:
        """One that was not accepted; what does not speak of its token (an overload, a dead credential) is left out."""
        if outcome.gone or outcome.gone_ms is not None:
            self.gone += 1
        elif outcome.blame is Blame.DEVICE or (outcome.blame is Blame.CREDENTIAL and outcome.retry is Retry.NEVER):
            self.refused += 1
        else:
            return
        self.answers[outcome.reason] += 1
        self.heard()

    def room(self, work: Work) -> int:
        """How many more recipients of this shard may be issued: one shard after the other until the sample is full."""
        if not self.sampled:
            return UNBOUNDED
        if self._wrong or next((one for one in self.works if one.issued < one.width), work) is not work:
            return 0
        return max(0, SAMPLE - self.seen - sum(one.outstanding for one in self.works))

    def judge(self) -> Judgement:
        """What is known now; `works` are those still under way."""
        if any(work.in_flight for work in self.works):
            return Judgement.OPEN
        if not self.sampled:
            return self._judge_tail()
        enough = self.seen >= SAMPLE or (not self.works and self.seen >= LEAST_LOT)
        if self._wrong or (enough and self.gone >= LEAST_SUSPECT and self.gone > MOST_GONE * self.seen):
            return Judgement.REFUSED
        if enough:
            return Judgement.PROVEN
        return Judgement.OPEN if self.works else Judgement.NOTHING

    def sentence(self) -> str:
        """Why the rest waits, and what to do."""
        reason, most = self.answers.most_common(1)[0]
        return (
            f"{most} of the first {self.seen} new devices were refused as {reason}: {of_many(reason)}, then release "
            "the lane with `discard`. No device was touched."
        )

    @property
    def _wrong(self) -> bool:
        return self.refused > max(MOST_REFUSED, self.seen // 100) or (not self.accepted and self.refused >= ALL_REFUSED)

    def _judge_tail(self) -> Judgement:
        if self.works:
            return Judgement.OPEN
        good = self.accepted and self.accepted >= (1 - MOST_GONE) * self.seen
        return Judgement.PROVEN if good else Judgement.NOTHING
