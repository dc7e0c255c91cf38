"""Devices counted: chores count and note, people read. One process writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pushwarden.core.census import Census, Group
from pushwarden.core.device import Audience
from pushwarden.core.scope import Scope


class Counts(Protocol):
    async def everywhere(self) -> Census:
        """Every audience with its pulse; no groups and no churn."""
        ...

    async def note_changes(self, now_ms: int) -> int:
        """Writes what came and went since the last time; how many rows of churn. The first time it only looks."""
        ...

    async def slice(self, audience: Audience, lo: int, hi: int) -> tuple[list[Group], int]:
        """The groups of the devices with lo ≤ seq < hi, and how many of the live ones are not proven."""
        ...

    async def counted(
        self, audience: Audience, groups: Sequence[Group], *, unproven: int, at_ms: int, took_ms: int
    ) -> None:
        """Replaces the audience's groups."""
        ...

    async def census(self, where: Scope, since_day: int) -> Census:
        """What is known of an environment, with its churn since that day, oldest first."""
        ...

    async def forget_churn(self, now_ms: int) -> int:
        """Drops days older than CHURN_DAYS. How many rows went."""
        ...
