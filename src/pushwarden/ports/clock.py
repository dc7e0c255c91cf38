"""Time as a port, so that tests hold it in their hand."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    def now_ms(self) -> int:
        """Wall clock, Unix milliseconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never step back (CLOCK_BOOTTIME: they go on while the machine sleeps)."""
        ...
