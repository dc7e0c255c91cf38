"""Tallies in the catalog: attempts by minute and by hour, and how far each sender's counters have been taken over."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pushwarden.core.scope import Scope
from pushwarden.core.tally import Amounts, Tally


class Step(StrEnum):
    MINUTE = "minute"
    QUARTER = "quarter"
    HOUR = "hour"


@dataclass(frozen=True, slots=True)
class Seen:
    """A sender's counters as they were taken over last. run: names the counters. places: lane family → amounts."""

    sender: str
    run: str
    places: dict[str, Amounts]


class TallyTable(Protocol):
    """Inside a transaction of the catalog. The scope is an environment's."""

    def add(self, where: Scope, provider: str, step: Step, at: int, amounts: Amounts) -> None:
        """To what the minute, the quarter or the hour that begins at `at` has."""
        ...

    def of(self, where: Scope, step: Step, since: int, until: int) -> list[Tally]:
        """Those with since ≤ at < until, the oldest first."""
        ...

    def across(self, organisation: str, step: Step, since: int) -> list[Tally]:
        """Those of all its environments with since ≤ at, in no order."""
        ...

    def seen(self, sender: str) -> Seen | None: ...

    def see(self, seen: Seen) -> None:
        """Replaces what was seen of this sender."""
        ...

    def forget(self, step: Step, before: int) -> int:
        """How many rows went."""
        ...
