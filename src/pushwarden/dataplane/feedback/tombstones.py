"""7 tombstones: which reported tokens may be buried, and when a report is so large that a person must look first."""

from __future__ import annotations

from dataclasses import dataclass, field

from pushwarden.ports.devices import DeadToken

MOST_GONE = 0.10
"""Share of 410s in a window above which nothing is buried: a provider's fault, or a list from elsewhere (F25)."""
MOST_BAD = 0.05
"""Share of BadDeviceToken above which the environment or the app is probably the wrong one (F22)."""
LEAST_SUSPECT = 20
"""Fewer reports than this are never called a mass invalidation."""
SAMPLE = 1000
"""Attempts before a share of 410s says anything: devices stand in the order they came, old ones together."""
WINDOW = 20_000
"""Attempts after which older ones count half."""


@dataclass(slots=True)
class Tally:
    """One lane's attempts of late. `gone`: 410 with the provider's word; `bad`: BadDeviceToken and its like."""

    attempts: int = 0
    gone: int = 0
    bad: int = 0
    waiting: list[tuple[int, DeadToken]] = field(default_factory=list)  # (audience, report)
    held: bool = False  # a person is asked; reports only gather

    def count(self, attempts: int) -> None:
        self.attempts += attempts
        if self.attempts > WINDOW:
            self.attempts, self.gone, self.bad = self.attempts // 2, self.gone // 2, self.bad // 2

    def report(self, audience: int, dead: DeadToken) -> None:
        if dead.gone_ms is None:
            self.bad += 1
        else:
            self.gone += 1
        self.waiting.append((audience, dead))

    def suspicion(self, *, idle: bool) -> str:
        """Why nothing may be buried, in one sentence; empty when the reports look ordinary. idle: nothing in flight."""
        if self.bad >= LEAST_SUSPECT and self.bad > MOST_BAD * self.attempts:
            return (
                f"{self.bad} of the last {self.attempts} tokens were refused as bad: the environment or the topic is "
                "probably wrong. No device was touched; check the credential, then release the lane."
            )
        if self._sampled(idle) and self.gone >= LEAST_SUSPECT and self.gone > MOST_GONE * self.attempts:
            return (
                f"The provider called {self.gone} of the last {self.attempts} tokens dead at once. No device was "
                "touched; if the list is old, release with `apply`, otherwise with `discard`."
            )
        return ""

    def ripe(self, *, idle: bool) -> bool:
        """Whether enough was seen to trust the reports: bad tokens wait until the healthy ones outweigh them."""
        return bool(self.waiting) and self._sampled(idle) and self.attempts >= LEAST_SUSPECT * self.bad

    def _sampled(self, idle: bool) -> bool:
        return idle or self.attempts >= SAMPLE

    def take(self) -> dict[int, list[DeadToken]]:
        """The reports by audience, taken out."""
        taken: dict[int, list[DeadToken]] = {}
        for audience, dead in self.waiting:
            taken.setdefault(audience, []).append(dead)
        self.waiting = []
        return taken

    def clear(self) -> None:
        """A person has decided: counting starts anew."""
        self.attempts = self.gone = self.bad = 0
        self.waiting = []
        self.held = False
