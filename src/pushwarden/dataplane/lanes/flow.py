"""5 flow: how many requests of a lane may be in flight, and how many a minute may bring. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

SLOW_START = 1.0
"""Requests in flight with which a lane begins anew after a pause; they double with each round of answers."""
HALF = 0.5
"""What is left in flight after the provider pushed back (RFC 5681's multiplicative decrease)."""
RAMP = 60.0
"""Seconds in which the limit grows by as much as the lane had before. Google: ramp up over a minute."""
LEAST_LEVEL = 64.0
MOST = 16_384.0
"""Beyond this many in flight nothing needs a limit: sixteen connections hold fewer."""
RETRY_SHARE = 0.1
"""Requests that a failed one may cost for each that went well (SRE book, "retry budget")."""
MOST_RETRIES = 200.0
"""Retries a lane can save up: what a short outage costs is not spread over minutes."""
RETRIES_A_SECOND = 1.0
"""What a lane may always retry."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a lane carries. capacity: requests its open connections hold; reply_time: seconds an answer takes."""

    in_flight: int
    capacity: int
    reply_time: float


class Flow:
    """Additive increase, multiplicative decrease; no limit until the provider first pushes back."""

    def __init__(self) -> None:
        self.limit = self._level = self._threshold = inf
        self._at = self._deaf_until = -inf

    def __repr__(self) -> str:
        return f"<flow {self.limit:.0f}>"

    @property
    def free(self) -> bool:
        return self.limit == inf

    def room(self, in_flight: int) -> int | None:
        """How many more; None: no limit."""
        return None if self.free else max(0, int(self.limit) - in_flight)

    def pushed_back(self, load: Load, now: float) -> None:
        """Halves, once in a round of answers."""
        if now < self._deaf_until:
            return
        self._deaf_until = now + load.reply_time
        self._note(load)
        self.limit = max(SLOW_START, min(self.limit, float(load.in_flight)) * HALF)
        self._threshold, self._at = self.limit, now

    def paused(self, load: Load, now: float) -> None:
        """Nothing goes now; afterwards it begins with one, and soon has half of what it had."""
        self._note(load)
        self.limit, self._threshold, self._at = SLOW_START, self._level * HALF, now

    def _note(self, load: Load) -> None:
        if self.free:
            self._level = max(float(load.in_flight), float(load.capacity), LEAST_LEVEL)

    def answered(self, count: int, now: float) -> None:
        """Doubles with each round of answers up to the threshold, then grows evenly with time."""
        if self.free:
            return
        if self.limit < self._threshold:
            self.limit = min(self.limit + count, self._threshold)
        else:
            self.limit += self._level / RAMP * min(max(0.0, now - self._at), 1.0)
        self._at = now
        if self.limit >= MOST:
            self.limit = inf


class Bucket:
    """At most `quota` requests in any minute: a tenth at once, the rest evenly. quota 0: no limit."""

    def __init__(self, quota: float) -> None:
        self._most = quota / 10
        self._rate = (quota - self._most) / 60
        self._tokens, self._at = self._most, -inf

    def room(self, now: float) -> int | None:
        """How many now; None: no limit."""
        if not self._most:
            return None
        if now > self._at:
            self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate)
            self._at = now
        return int(self._tokens)

    def take(self, count: int) -> None:
        self._tokens -= count


class Budget:
    """Retries cost one each and are paid back when they go well; other requests that go well add a tenth."""

    def __init__(self) -> None:
        self._tokens, self._at = MOST_RETRIES, -inf

    @property
    def full(self) -> bool:
        return self._tokens >= MOST_RETRIES

    def room(self, now: float) -> int:
        if now > self._at:
            self._add((now - self._at) * RETRIES_A_SECOND)
            self._at = now
        return max(0, int(self._tokens))

    def take(self, count: int) -> None:
        self._tokens -= count

    def answered(self, count: int, *, retry: bool) -> None:
        self._add(count * (1 + RETRY_SHARE) if retry else count * RETRY_SHARE)

    def _add(self, tokens: float) -> None:
        self._tokens = min(MOST_RETRIES, self._tokens + tokens)
