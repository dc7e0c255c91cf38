"""7 refusals: whether a credential's answers became worse, judged by how many there were and how it was before. Pure.

The sequential probability ratio test (Wald): with α and β below, three refusals in a row are enough to doubt, and a
thousand answers with as few refusals as ever say nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf, log

from pushwarden.core.health import Event

ALPHA, BETA = 0.001, 0.01
"""How often a well credential may be doubted, and a bad one missed."""
UPPER, LOWER = log((1 - BETA) / ALPHA), log(BETA / (1 - ALPHA))
USUAL, WORSE = 0.001, 0.01
"""Shares of refusals told apart, at least: usual becomes twice what it was before, worse five times that."""
FEW, MOST = 0.2, 0.8
"""Shares told apart by the second test. They lie evenly: five refusals more than other answers decide it."""
RUN, RUN_SECONDS = 5, 15.0
"""So many refusals with nothing else between decide it as well, whatever was good before, once the trial after a lane's
first pause was refused too (lanes/pace.py, CREDENTIAL)."""
MINUTES = 10
"""What is judged (`run.refused_rate`)."""
BEFORE = 60
"""Minutes before those: how it was."""
QUIET = 60.0
"""Seconds without a refusal, with a good answer in them, after which a trouble is over."""


@dataclass(slots=True)
class _Minute:
    number: int
    good: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """event: PROVEN, DOUBTED or REFUSED. before: the share of refusals earlier, None when there was nothing earlier.

    reason: the provider's last word; began: when the refusals began, as the caller's clock said.
    """

    event: Event
    refused: int
    attempts: int
    before: float | None
    reason: str
    began: float


class Refusals:
    """One credential's answers: those only a good one gets, and those that blame it. Times are seconds, never back."""

    def __init__(self) -> None:
        self._minutes: deque[_Minute] = deque(maxlen=MINUTES + BEFORE)
        self._forget()

    def _forget(self) -> None:
        self._minutes.clear()
        self._worse = self._most = self._certain = self._well_since = False
        self._run, self._run_since = 0, -inf
        self._before: float | None = None
        self._last, self._began, self._reason = -inf, -inf, ""

    @property
    def troubled(self) -> bool:
        return self._worse or self._most

    def good(self, count: int, now: float) -> None:
        self._minute(now).good += count
        self._well_since, self._run = True, 0

    def refused(self, reason: str, now: float, *, certain: bool = False) -> None:
        """certain: this one leaves no doubt."""
        if now - self._last > 60 * MINUTES:
            self._began = now
        if not self._run:
            self._run_since = now
        self._run += 1
        self._minute(now).refused += 1
        self._last, self._reason, self._well_since = now, reason, False
        self._certain |= certain

    def proven(self) -> None:
        """Somebody else proved it: what was refused before says nothing any more."""
        self._forget()

    def judged(self, now: float) -> Judgement | None:
        """What the last minutes say, None when nothing came in them."""
        if self.troubled and self._well_since and now - self._last >= QUIET:
            self._forget()
            return Judgement(Event.PROVEN, 0, 0, None, "", now)
        good, refused = self._sums(now)
        if not good and not refused:
            return None
        if not self.troubled:
            self._before = self._share_before(now)
        usual = max(USUAL, 2 * min(self._before or 0.0, 0.25))
        self._worse = _decided(self._worse, refused, good, usual, max(WORSE, min(5 * usual, 0.9)))
        self._most = self._certain or self._only_refused or _decided(self._most, refused, good, FEW, MOST)
        event = Event.REFUSED if self._most else Event.DOUBTED if self._worse else Event.PROVEN
        if event is Event.PROVEN and not good:
            return None
        return Judgement(event, refused, good + refused, self._before, self._reason, self._began)

    @property
    def _only_refused(self) -> bool:
        return self._run >= RUN and self._last - self._run_since >= RUN_SECONDS

    def _minute(self, now: float) -> _Minute:
        number = int(now // 60)
        if not self._minutes or self._minutes[-1].number != number:
            self._minutes.append(_Minute(number))
        return self._minutes[-1]

    def _sums(self, now: float) -> tuple[int, int]:
        recent = [one for one in self._minutes if one.number > now // 60 - MINUTES]
        return sum(one.good for one in recent), sum(one.refused for one in recent)

    def _share_before(self, now: float) -> float | None:
        earlier = [one for one in self._minutes if one.number <= now // 60 - MINUTES]
        answers = sum(one.good + one.refused for one in earlier)
        return sum(one.refused for one in earlier) / answers if answers else None


def _decided(before: bool, refused: int, good: int, few: float, many: float) -> bool:
    """Whether `many` is the truth rather than `few`; while it is open, what was decided before."""
    ratio = refused * log(many / few) + good * log((1 - many) / (1 - few))
    return ratio >= UPPER or (before and ratio > LOWER)
