"""5 pace: how fast a lane may go now, from what its provider, its network and its credential's answers said. Pure."""

from __future__ import annotations

from pushwarden.dataplane.lanes.breaker import Breaker, Habit, State
from pushwarden.dataplane.lanes.flow import Bucket, Budget, Flow, Load

CREDENTIAL = Habit(patience=3, first=15.0, longest=300.0)
"""Refusals for the credential's sake, or TLS alerts. Another credential ends the wait at once."""
PROVIDER = Habit(patience=20, first=2.0, longest=60.0)
"""5xx and 429 that are not about one device, or no answer in time, with no other answer between."""
NETWORK = Habit(patience=3, first=2.0, longest=60.0)
"""Connections that could not be opened, or ended before they answered anything."""
SPREAD = 0.1
"""Of the time a provider asks for, added at most, so that senders do not come back in one instant."""

WAITS = "Its pushes wait and are tried again by themselves."


class Pace:
    """One lane in one sender. Times are seconds of a clock that does not step back."""

    def __init__(self, bucket: Bucket) -> None:
        self.credential, self.provider, self.network = Breaker(CREDENTIAL), Breaker(PROVIDER), Breaker(NETWORK)
        self.flow, self.budget, self._bucket = Flow(), Budget(), bucket

    def __repr__(self) -> str:
        return f"<pace {self.credential!r} {self.provider!r} {self.network!r} {self.flow!r}>"

    @property
    def calm(self) -> bool:
        """Nothing is limited and nothing failed of late: what goes well need not be told."""
        return self._closed and self.flow.free and self.budget.full and all(one.calm for one in self._breakers)

    def waits(self, now: float) -> bool:
        """Whether the lane is paused: nothing is claimed for it and nothing of it is written."""
        return any(breaker.waits(now) for breaker in self._breakers)

    def probes(self) -> bool:
        """Whether one request decides what comes next: one connection is enough for it."""
        return not self._closed

    def room(self, now: float, in_flight: int, *, retry: bool) -> int | None:
        """How many requests may be written now; None: no limit. retry: they were refused before."""
        if self._closed and self.flow.free and not retry:
            return self._bucket.room(now)
        rooms = [breaker.allows(now) for breaker in self._breakers]
        rooms += [self.flow.room(in_flight), self._bucket.room(now), self.budget.room(now) if retry else None]
        return min((room for room in rooms if room is not None), default=None)

    def wrote(self, count: int, now: float, *, retry: bool) -> None:
        self._bucket.take(count)
        if retry:
            self.budget.take(count)
        if not self._closed:
            for breaker in self._breakers:
                breaker.probed(now)

    def answered(self, count: int, now: float, *, retry: bool) -> None:
        """Answers that blame neither the credential nor the provider."""
        for breaker in self._breakers:
            breaker.answered()
        self.flow.answered(count, now)
        self.budget.answered(count, retry=retry)

    def unanswered(self) -> None:
        """A request was lost with its connection, or the provider did not process it."""
        for breaker in self._breakers:
            breaker.unanswered()

    def silent(self, count: int, now: float) -> None:
        """So many requests had no answer in time."""
        for _ in range(min(count, PROVIDER.patience)):
            self.provider.failed(f"The provider does not answer. {WAITS}", now)

    def refused(self, reason: str, now: float, *, certain: bool = False) -> None:
        """An answer, or a TLS alert, that blames the credential. certain: no second word is needed."""
        self.credential.failed(
            f"The provider refuses the credential ({reason}). Its pushes wait, none is lost and no device was touched; "
            "check the credential or activate another one.",
            now,
            certain=certain,
        )
        self.provider.answered()
        self.network.answered()

    def pushed_back(self, reason: str, now: float, retry_after: float | None, jitter: float, load: Load) -> None:
        """An answer that blames the provider. jitter in 0 … 1 lengthens the time it asked for."""
        asked = (retry_after or 0.0) * (1 + SPREAD * jitter)
        self.provider.failed(
            f"The provider asks for fewer requests ({reason}). {WAITS}",
            now,
            at_least=asked,
        )
        self.network.answered()
        self.credential.unanswered()
        if self.provider.state is State.OPEN:
            self.flow.paused(load, now)
        else:
            self.flow.pushed_back(load, now)

    def unreachable(self, sentence: str, now: float) -> None:
        """No connection could be opened, or one ended before it answered anything."""
        self.network.failed(f"{sentence} {WAITS}", now)

    def seconds(self, now: float) -> float:
        """Until the lane is tried again; 0 when it is not paused."""
        return max([0.0, *(breaker.until - now for breaker in self._breakers if breaker.waits(now))])

    @property
    def sentence(self) -> str:
        """Why the lane is paused or being tried again, for people."""
        return next((breaker.sentence for breaker in self._breakers if breaker.sentence), "")

    def word(self, now: float) -> str:
        """paused, probing, slowed or open."""
        if self.waits(now):
            return "paused"
        return "probing" if not self._closed else "open" if self.flow.free else "slowed"

    @property
    def _breakers(self) -> tuple[Breaker, Breaker, Breaker]:
        return self.credential, self.provider, self.network

    @property
    def _closed(self) -> bool:
        closed = State.CLOSED
        return self.credential.state is self.provider.state is self.network.state is closed
