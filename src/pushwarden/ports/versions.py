"""Versions of apps' configurations in the catalog."""

from __future__ import annotations

from typing import Protocol

from pushwarden.core.configuration import Version


class VersionTable(Protocol):
    """Append-only while the app is there."""

    def insert(self, version: Version) -> None: ...

    def get(self, organisation: str, app: str, number: int) -> Version | None: ...

    def last(self, organisation: str, app: str) -> Version | None: ...

    def page(self, organisation: str, app: str, before: int, limit: int) -> list[Version]:
        """Newest first, only numbers below `before` (0: from the newest)."""
        ...

    def forget(self, organisation: str, app: str) -> None:
        """All of an app that is gone."""
        ...
