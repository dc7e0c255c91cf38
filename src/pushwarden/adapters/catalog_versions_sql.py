"""The catalog's table of configuration versions over SQL."""

from __future__ import annotations

from pushwarden.adapters import rows_control as rows
from pushwarden.adapters import statements_control as sql
from pushwarden.adapters.statements import Run
from pushwarden.core.configuration import Version


class SqlVersions:
    def __init__(self, run: Run) -> None:
        self._run = run

    def insert(self, version: Version) -> None:
        self._run(sql.VERSION_INSERT, **rows.version_row(version))

    def get(self, organisation: str, app: str, number: int) -> Version | None:
        found = self._run(sql.VERSION_GET, organisation=organisation, app=app, number=number)
        return rows.version_of(found[0]) if found else None

    def last(self, organisation: str, app: str) -> Version | None:
        return next(iter(self.page(organisation, app, 0, 1)), None)

    def page(self, organisation: str, app: str, before: int, limit: int) -> list[Version]:
        found = self._run(sql.VERSIONS, organisation=organisation, app=app, before=before, limit=limit)
        return [rows.version_of(row) for row in found]

    def forget(self, organisation: str, app: str) -> None:
        self._run(sql.VERSIONS_DELETE, organisation=organisation, app=app)
