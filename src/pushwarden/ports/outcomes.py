"""What became of pushes, read in an order that never changes, so that it can be told piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pushwarden.core.scope import Environment, Scope
from pushwarden.core.shard import Failure
from pushwarden.ports.journal import Progress


class Outcomes(Protocol):
    """`where` is an organisation and an app. Nothing is ever committed below a number that was given."""

    async def numbers_before(self, at_ms: int) -> tuple[int, int]:
        """Numbers below every push accepted and every failure entered at or after then, above those before."""
        ...

    async def accepted(self, where: Scope, after: int, limit: int) -> tuple[list[tuple[str, Environment]], int]:
        """(id, environment) of pushes with number > after, ascending, and up to which number was looked."""
        ...

    async def finished(self, where: Scope, ids: Sequence[str]) -> list[Progress]:
        """Those of the pushes named that are done, in the order of acceptance."""
        ...

    async def failed(self, where: Scope, after: int, limit: int) -> tuple[list[tuple[Environment, Failure]], int]:
        """The app's failures with number > after, ascending, and up to which number was looked."""
        ...
