"""Anchors of the audit: heads of its chains, kept outside the store they are of."""

from __future__ import annotations

from typing import Protocol

from pushwarden.core.chain import Anchor


class Anchors(Protocol):
    def of(self, organisation: str) -> list[Anchor]:
        """Oldest first."""
        ...

    def last(self) -> dict[str, Anchor]:
        """The newest of each organisation."""
        ...

    def keep(self, anchor: Anchor) -> None:
        """On the disk when it returns."""
        ...
