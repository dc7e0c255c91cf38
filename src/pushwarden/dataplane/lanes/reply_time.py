"""How long the provider takes to answer, without the queue that we make ourselves: the shortest of late. Pure."""

from __future__ import annotations

from math import inf

SPAN = 0.25
"""Seconds after which the shortest one is forgotten, at the latest after twice as many."""


class ReplyTime:
    """A mean would grow with our own queue, and with it W, and with W the queue."""

    __slots__ = ("_before", "_now", "_since")

    def __init__(self) -> None:
        self._before = self._now = inf
        self._since = -inf

    def seen(self, seconds: float, at: float) -> None:
        """One answer, or many that came together; at: when, in seconds of a clock that does not step back."""
        if at - self._since > SPAN:
            self._before, self._now, self._since = self._now, inf, at
        self._now = min(self._now, seconds)

    @property
    def seconds(self) -> float:
        """0.0 before the first answer."""
        least = min(self._before, self._now)
        return 0.0 if least == inf else least
