"""How long the provider takes to answer, without the queue that we make ourselves: the shortest of late. Pure."""

from __future__ import annotations

from math import inf

SPAN = 512
"""Answers after which the shortest one is forgotten, at the latest after twice as many."""


class ReplyTime:
    """A mean would grow with our own queue, and with it W, and with W the queue."""

    __slots__ = ("_before", "_count", "_now")

    def __init__(self) -> None:
        self._before = self._now = inf
        self._count = 0

    def seen(self, seconds: float) -> None:
        """One answer, or many that came together."""
        self._count += 1
        if self._count > SPAN:
            self._before, self._now, self._count = self._now, inf, 1
        self._now = min(self._now, seconds)

    @property
    def seconds(self) -> float:
        """0.0 before the first answer."""
        least = min(self._before, self._now)
        return 0.0 if least == inf else least
