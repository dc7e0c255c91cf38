"""5 breaker: what a lane does after failures: it waits, then one probe decides. A table of states and inputs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PROBE_PATIENCE = 30.0
"""Seconds after which a probe nobody heard of again is given up; every request has an ending before that."""


class State(StrEnum):
    """closed: all may go; open: nothing may; half-open: one request may; probing: it is under way."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"
    PROBING = "probing"


class Input(StrEnum):
    ANSWERED = "answered"  # an answer that blames neither the credential nor the provider
    FAILED = "failed"  # one failure, and not enough of them
    TRIPPED = "tripped"  # enough failures in a row, or the provider named a time
    ELAPSED = "elapsed"  # the wait is over
    PROBED = "probed"  # the one request is written
    UNANSWERED = "unanswered"  # a request ended without an answer, or was not processed
    CHANGED = "changed"  # another credential is active


_C, _O, _H, _P = State.CLOSED, State.OPEN, State.HALF_OPEN, State.PROBING

TABLE: dict[State, dict[Input, State]] = {
    _C: {Input.ANSWERED: _C, Input.FAILED: _C, Input.TRIPPED: _O, Input.ELAPSED: _C, Input.PROBED: _C,
         Input.UNANSWERED: _C, Input.CHANGED: _C},
    # What is answered now was written before; it does not shorten the wait.
    _O: {Input.ANSWERED: _O, Input.FAILED: _O, Input.TRIPPED: _O, Input.ELAPSED: _H, Input.PROBED: _O,
         Input.UNANSWERED: _O, Input.CHANGED: _C},
    _H: {Input.ANSWERED: _C, Input.FAILED: _O, Input.TRIPPED: _O, Input.ELAPSED: _H, Input.PROBED: _P,
         Input.UNANSWERED: _H, Input.CHANGED: _C},
    _P: {Input.ANSWERED: _C, Input.FAILED: _O, Input.TRIPPED: _O, Input.ELAPSED: _H, Input.PROBED: _P,
         Input.UNANSWERED: _H, Input.CHANGED: _C},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Habit:
    """patience: failures in a row that open it; first, longest: seconds it stays open, doubling."""

    patience: int
    first: float
    longest: float


class Breaker:
    """Times are seconds of a clock that does not step back."""

    def __init__(self, habit: Habit) -> None:
        self._habit = habit
        self.state = State.CLOSED
        self.failures = self.openings = 0
        self.until = 0.0
        self.sentence = ""

    def __repr__(self) -> str:
        return f"<breaker {self.state}: {self.failures} failures, {self.openings} openings, until {self.until:.1f}>"

    @property
    def calm(self) -> bool:
        return self.state is State.CLOSED and not self.failures

    def allows(self, now: float) -> int | None:
        """How many requests may go now; None: as many as there are."""
        if self.until <= now and self.state in (State.OPEN, State.PROBING):
            self._take(Input.ELAPSED)
        return {State.CLOSED: None, State.HALF_OPEN: 1}.get(self.state, 0)

    def waits(self, now: float) -> bool:
        """Whether nothing of the lane may go before `until`."""
        return self.state is State.OPEN and now < self.until

    def failed(self, sentence: str, now: float, *, at_least: float = 0.0, certain: bool = False) -> None:
        """One more in a row. at_least: seconds the provider asked for, which are waited from now on.

        certain: this one is enough.
        """
        self.failures += 1
        trips = certain or at_least > 0 or self.failures >= self._habit.patience
        before = self._take(Input.TRIPPED if trips else Input.FAILED)
        if self.state is not State.OPEN:
            return
        self.sentence = sentence
        if before is not State.OPEN:
            self.until = now + (at_least or min(self._habit.first * 2**self.openings, self._habit.longest))
            self.openings += 1
            self.failures = 0
        self.until = max(self.until, now + at_least)

    def answered(self) -> None:
        self._take(Input.ANSWERED)
        self.failures = 0

    def unanswered(self) -> None:
        self._take(Input.UNANSWERED)

    def probed(self, now: float) -> None:
        """A request was written."""
        if self._take(Input.PROBED) is State.HALF_OPEN:
            self.until = now + PROBE_PATIENCE

    def changed(self) -> None:
        self._take(Input.CHANGED)
        self.failures = 0

    def _take(self, given: Input) -> State:
        before, self.state = self.state, TABLE[self.state][given]
        if self.state is State.CLOSED and before is not State.CLOSED:
            self.openings, self.until, self.sentence = 0, 0.0, ""
        return before
