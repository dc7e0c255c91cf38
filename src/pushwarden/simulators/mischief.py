"""Decides, for one connection, what the fault script does to each request and to the connection. No I/O."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from . import faults
from .faults import ConnectionRule, RequestRule, Script

Ending = faults.Refuse | faults.Reset | faults.Silence | faults.Disconnect


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one request. ending None: the honest answer; delay_ms: how long it is held."""

    ending: Ending | None
    delay_ms: int


HONEST = Fate(None, 0)


@lru_cache(4096)
def _held(delay_ms: int) -> Fate:
    return Fate(None, delay_ms)


class Mischief:
    """A script on one connection. loaded, opened, now: seconds of one clock."""

    def __init__(self, script: Script, connection: int, loaded: float, opened: float) -> None:
        self._requests = script.on_request
        self._rules = script.on_connection
        self._random = random.Random(script.seed * 1_000_003 + connection)  # noqa: S311 - repeatable on purpose
        self._connection = connection
        self._loaded = loaded
        self._born = max(loaded, opened)
        self._fired: dict[int, int] = {}
        self.idle = not script.rules
        self.timed = bool(self._rules)

    def on_request(self, now: float) -> list[RequestRule]:
        """The rules on requests that hold now on this connection."""
        elapsed = now - self._loaded
        return [rule for rule in self._requests if rule.holds(self._connection, elapsed)]

    def in_force(self, now: float) -> list[ConnectionRule]:
        elapsed = now - self._loaded
        return [rule for rule in self._rules if rule.holds(self._connection, elapsed)]

    def fate(self, rules: Sequence[RequestRule], nth: int, topic: str, push_type: str, token: bytes) -> Fate:
        """nth: the number of the request on its connection, from 1. token: as it was sent."""
        delay = 0.0
        for rule in rules:
            if not self._matches(rule, nth, topic, push_type, token):
                continue
            if not isinstance(rule, faults.Delay):
                return Fate(rule, int(delay))
            delay += rule.ms + (self._random.random() * rule.jitter_ms if rule.jitter_ms else 0.0)
        return _held(int(delay)) if delay else HONEST

    def _matches(self, rule: RequestRule, nth: int, topic: str, push_type: str, token: bytes) -> bool:
        if not rule.after_streams < nth <= rule.until_streams:
            return False
        if rule.share < 1.0 and self._random.random() >= rule.share:
            return False
        return (
            (not rule.push_type or rule.push_type == push_type)
            and (not rule.topic or rule.topic == topic)
            and (not rule.token or token.lower().startswith(rule.token.lower().encode()))
        )

    def processed(self, now: float, first: int, count: int) -> tuple[int, faults.GoAway | None]:
        """How many of the requests first + 1 … first + count are processed, and the GOAWAY that is due with them."""
        keep, due = count, None
        for rule in self.in_force(now):
            if not isinstance(rule, faults.GoAway) or self._done(rule, now):
                continue
            cut = count
            if rule.after_streams:
                cut, reached = max(0, rule.after_streams - rule.back - first), first + count >= rule.after_streams
            else:
                cut, reached = max(0, count - rule.back), True
            if not rule.two_phase:  # its first GOAWAY promises an answer to all that was sent
                keep = min(keep, cut)
            due = rule if reached and due is None else due
        if due is not None:
            self._fire(due, now)
        return keep, due

    def once(self, now: float, requests: int) -> list[faults.Settings | faults.HalfOpen]:
        """Rules that act once when the connection has had so many requests, and have not yet."""
        due = [
            rule
            for rule in self.in_force(now)
            if isinstance(rule, faults.Settings | faults.HalfOpen)
            and requests >= rule.after_streams
            and id(rule) not in self._fired
        ]
        self._fired.update((id(rule), 1) for rule in due)
        return due

    def _done(self, rule: faults.GoAway, now: float) -> bool:
        fired = self._fired.get(id(rule), 0)
        if rule.after_streams:
            return fired > 0
        return now - self._born < rule.every_s * (fired + 1)

    def _fire(self, rule: faults.GoAway, now: float) -> None:
        past = int((now - self._born) / rule.every_s) if rule.every_s else 1
        self._fired[id(rule)] = max(past, 1)
