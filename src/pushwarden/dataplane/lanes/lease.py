"""May this sender still believe that its shards are its own? A paused or frozen one may not (F31). Pure."""

from __future__ import annotations

LEASE = 8.0
"""Seconds after a renewal in which the shards are certainly ours; the journal lets others claim them after ten."""
RENEW = 1.0


class Lease:
    """Times are seconds of CLOCK_BOOTTIME, which go on while the process or the machine sleeps."""

    def __init__(self, now: float) -> None:
        self._renewed = now
        self._asked = now
        self._from_round = 0

    def renewable(self, now: float) -> bool:
        """Once a second; counts as asked."""
        if now - self._asked < RENEW:
            return False
        self._asked = now
        return True

    def renewed(self, now: float, rounds: int) -> bool:
        """The journal has taken it. True when it had lapsed: then two rounds of marks must pass before a write,
        since one may have been under way; what another sender holds by now is refused there."""
        lapsed = now - self._renewed > LEASE
        if lapsed:
            self._from_round = rounds + 2
        self._renewed = now
        return lapsed

    def holds(self, now: float, rounds: int) -> bool:
        """rounds: marks recorded so far."""
        return now - self._renewed <= LEASE and rounds >= self._from_round
