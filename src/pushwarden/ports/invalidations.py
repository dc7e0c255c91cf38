"""Invalidations: entered beside the tombstones, read by backends and outcome webhooks in the order of commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pushwarden.core.invalidation import Invalidation
from pushwarden.core.scope import Scope
from pushwarden.ports.devices import DeadToken

INVALIDATION_LIFE_MS = 30 * 86_400_000


class Invalidations(Protocol):
    """What `Devices.bury` buries is entered in its own transaction, and what lives again too (`TokenState.REVIVED`)."""

    async def invalidate(self, where: Scope, provider: str, dead: Sequence[DeadToken], now_ms: int) -> int:
        """Words on raw tokens, which have no device: entered as `core.invalidation.raw_step` says. How many were."""
        ...

    async def invalidations(self, where: Scope, *, after: int, limit: int) -> list[Invalidation]:
        """Of an app or one of its environments, number > after, ascending. Nothing is committed below one given."""
        ...

    async def number_before(self, at_ms: int) -> int:
        """A number below every entry made at or after then, and above those before; 0 when there are none."""
        ...

    async def names(self, audience: int, seqs: Sequence[int]) -> dict[int, tuple[str, str]]:
        """(installation, user) of devices, gone ones too, by seq; a device that went is absent."""
        ...

    async def forget(self, now_ms: int) -> int:
        """Drops what is older than INVALIDATION_LIFE_MS. How many."""
        ...
