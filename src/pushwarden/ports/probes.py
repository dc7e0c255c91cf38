"""Live proofs of credentials: the api and chores ask for one, a sender claims it, makes it and says what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pushwarden.core.app import App, Credential
from pushwarden.core.check import Check
from pushwarden.core.probe import Probe


class ProbeTable(Protocol):
    """Inside a transaction of the catalog."""

    def get(self, organisation: str, probe: str) -> Probe | None: ...

    def put(self, probe: Probe) -> None:
        """Inserts, or replaces the one of the same organisation and id."""
        ...

    def open(self) -> list[Probe]:
        """Those not done, every organisation's, longest asked first."""
        ...

    def last(self, organisation: str, credential: str) -> Probe | None:
        """The one asked for last."""
        ...

    def forget(self, before_ms: int) -> int:
        """Drops those asked for earlier, done or not. How many."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """A probe a sender has claimed, with what it takes to make it."""

    probe: Probe
    credential: Credential
    app: App


class Probes(Protocol):
    """The sender's side."""

    async def claim(self, sender: str, now_ms: int, *, idle_ms: int = 0) -> Task | None:
        """The longest waiting one that nobody has, or had for too long; of two senders one gets it.

        idle_ms: one that has waited less is left to others.
        """
        ...

    async def finish(self, probe: Probe, checks: Sequence[Check], now_ms: int) -> bool:
        """False when another sender took it meanwhile: its word counts."""
        ...
