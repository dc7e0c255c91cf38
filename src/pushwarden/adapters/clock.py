"""The machine's clocks."""

from __future__ import annotations

import time


def wall_clock() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


class SystemClock:
    """Implements the Clock port."""

    __slots__ = ()

    def now_ms(self) -> int:
        return wall_clock()

    def monotonic(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)
