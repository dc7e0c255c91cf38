"""Simulated phones: they listen at a simulator as a real one listens at its provider, and show what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pushwarden.core.scope import Scope


@dataclass(frozen=True, slots=True)
class Phone:
    """One of an app, always in `simulated`. added_at: Unix milliseconds."""

    organisation: str
    app: str
    installation_id: str
    provider: str
    token: str = field(repr=False)
    added_at: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """A push as a phone showed it. at: Unix milliseconds. title and body are empty for a silent one."""

    at: int
    push_type: str
    title: str
    body: str


class Phones(Protocol):
    def stand(self, provider: str) -> bool:
        """Whether there is a simulator at which one could listen."""
        ...

    async def add(self, phone: Phone) -> None:
        """It listens from now on, over restarts too. NoSimulator; InUse when there are too many."""
        ...

    async def remove(self, where: Scope, installation_id: str) -> bool:
        """Whether there was one."""
        ...

    def of(self, where: Scope) -> Sequence[tuple[Phone, Sequence[Shown]]]:
        """The app's phones, each with what it showed last, newest first."""
        ...
