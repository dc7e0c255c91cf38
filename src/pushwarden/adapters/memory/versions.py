"""Versions of configurations in memory."""

from __future__ import annotations

from pushwarden.core.configuration import Version


class MemoryVersions:
    def __init__(self, rows: dict[tuple[str, str, int], Version]) -> None:
        self._rows = rows

    def insert(self, version: Version) -> None:
        self._rows[version.organisation, version.app, version.number] = version

    def get(self, organisation: str, app: str, number: int) -> Version | None:
        return self._rows.get((organisation, app, number))

    def last(self, organisation: str, app: str) -> Version | None:
        return next(iter(self.page(organisation, app, 0, 1)), None)

    def page(self, organisation: str, app: str, before: int, limit: int) -> list[Version]:
        own = [row for key, row in self._rows.items() if key[:2] == (organisation, app)]
        below = [row for row in own if not before or row.number < before]
        return sorted(below, key=lambda row: -row.number)[:limit]

    def forget(self, organisation: str, app: str) -> None:
        for key in [key for key in self._rows if key[:2] == (organisation, app)]:
            del self._rows[key]
