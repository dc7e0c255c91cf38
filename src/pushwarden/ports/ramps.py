"""Ramps in the catalog: the api makes them go on, senders go by them."""

from __future__ import annotations

from typing import Protocol

from pushwarden.core.ramp import Ramp


class RampTable(Protocol):
    """Inside a transaction of the catalog."""

    def put(self, ramp: Ramp) -> None:
        """Inserts, or replaces the one of the same id."""
        ...

    def get(self, ramp: str) -> Ramp | None: ...

    def open(self, organisation: str = "") -> list[Ramp]:
        """Not ended, newest first; with an organisation, its own and the installation's."""
        ...
