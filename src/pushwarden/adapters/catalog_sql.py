"""The catalog's tables over SQL: organisations, apps, credentials, keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pushwarden.adapters import rows_control as rows
from pushwarden.adapters import statements_control as sql
from pushwarden.adapters.catalog_callbacks_sql import SqlCallbacks
from pushwarden.adapters.catalog_health_sql import SqlHealths
from pushwarden.adapters.catalog_versions_sql import SqlVersions
from pushwarden.adapters.statements import Run
from pushwarden.core.apikey import ApiKey
from pushwarden.core.app import App, Credential, CredentialState
from pushwarden.core.errors import AlreadyExists, stale, taken
from pushwarden.core.organisation import Organisation
from pushwarden.core.scope import Environment


def _keyed(row: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Parameters of `_versioned`."""
    return {**row, **{f"key_{name}": row[name] for name in keys}, "below": row["version"] - 1}


class SqlOrganisations:
    def __init__(self, run: Run) -> None:
        self._run = run

    def get(self, organisation: str) -> Organisation | None:
        found = self._run(sql.ORGANISATION_GET, id=organisation)
        return rows.organisation_of(found[0]) if found else None

    def all(self) -> list[Organisation]:
        return [rows.organisation_of(row) for row in self._run(sql.ORGANISATION_ALL)]

    def insert(self, organisation_: Organisation) -> None:
        if self.get(organisation_.id):
            raise AlreadyExists(f"There is an organisation `{organisation_.id}` already; choose another id.")
        self._run(sql.ORGANISATION_INSERT, **rows.organisation_row(organisation_))

    def update(self, organisation_: Organisation) -> None:
        if not self._run(sql.ORGANISATION_UPDATE, **_keyed(rows.organisation_row(organisation_), "id")):
            kept = self.get(organisation_.id)
            raise stale(kept.version if kept else None)


class SqlApps:
    def __init__(self, run: Run) -> None:
        self._run = run

    def get(self, organisation: str, app_id: str) -> App | None:
        found = self._run(sql.APP_GET, organisation=organisation, id=app_id)
        return rows.app_of(found[0]) if found else None

    def all(self, organisation: str = "") -> list[App]:
        found = self._run(sql.APP_OF, organisation=organisation) if organisation else self._run(sql.APP_ALL)
        return [rows.app_of(row) for row in found]

    def insert(self, app_: App) -> None:
        if found := self._run(sql.APP_ANY, organisation=app_.organisation, id=app_.id):
            raise taken(rows.app_of(found[0]))
        self._run(sql.APP_INSERT, **rows.app_row(app_))

    def update(self, app_: App) -> None:
        if not self._run(sql.APP_UPDATE, **_keyed(rows.app_row(app_), "organisation", "id")):
            kept = self.get(app_.organisation, app_.id)
            raise stale(kept.version if kept else None)

    def binned(self, organisation: str = "") -> list[App]:
        found = [rows.app_of(row) for row in self._run(sql.APP_BIN)]
        return [app for app in found if organisation in ("", app.organisation)]

    def delete(self, organisation: str, app_id: str) -> None:
        self._run(sql.CREDENTIAL_DELETE_ALL, organisation=organisation, app=app_id)
        self._run(sql.REQUEST_DELETE_ALL, organisation=organisation, app=app_id)
        SqlHealths(self._run).forget(organisation, app_id)
        SqlVersions(self._run).forget(organisation, app_id)
        callbacks = SqlCallbacks(self._run)
        for callback in callbacks.of(organisation, app_id):
            callbacks.delete(callback)
        self._run(sql.ROLE_FORGET, organisation=organisation, prefix=f"{organisation}/{app_id}/")
        self._run(sql.APP_DELETE, organisation=organisation, id=app_id)


class SqlCredentials:
    def __init__(self, run: Run) -> None:
        self._run = run

    def get(self, organisation: str, app_id: str, credential_id: str) -> Credential | None:
        found = self._run(sql.CREDENTIAL_GET, organisation=organisation, app=app_id, id=credential_id)
        return rows.credential_of(found[0]) if found else None

    def of(self, organisation: str, app_id: str, environment: Environment) -> list[Credential]:
        found = self._run(sql.CREDENTIAL_OF, organisation=organisation, app=app_id, environment=environment.value)
        return [rows.credential_of(row) for row in found]

    def in_state(self, *states: CredentialState) -> list[Credential]:
        found = (self._run(sql.CREDENTIAL_IN_STATE, state=state.value) for state in states)
        return [rows.credential_of(row) for some in found for row in some]

    def insert(self, credential_: Credential) -> None:
        self._run(sql.CREDENTIAL_INSERT, **rows.credential_row(credential_))

    def update(self, credential_: Credential) -> None:
        self._drop(credential_.organisation, credential_.app, credential_.id)
        self.insert(credential_)

    def delete(self, organisation: str, app_id: str, credential_id: str) -> None:
        SqlHealths(self._run).forget(organisation, app_id, credential_id)
        self._drop(organisation, app_id, credential_id)

    def _drop(self, organisation: str, app_id: str, credential_id: str) -> None:
        self._run(sql.CREDENTIAL_DELETE, organisation=organisation, app=app_id, id=credential_id)


class SqlKeys:
    def __init__(self, run: Run) -> None:
        self._run = run

    def get(self, organisation: str, key: str) -> ApiKey | None:
        found = self._run(sql.KEY_GET, organisation=organisation, id=key)
        return rows.key_of(found[0]) if found else None

    def all(self) -> list[ApiKey]:
        return [rows.key_of(row) for row in self._run(sql.KEY_ALL)]

    def insert(self, key: ApiKey) -> None:
        self._run(sql.KEY_INSERT, **rows.key_row(key))

    def update(self, key: ApiKey) -> None:
        if not self._run(sql.KEY_UPDATE, **_keyed(rows.key_row(key), "organisation", "id")):
            kept = self.get(key.scope.organisation, key.id)
            raise stale(kept.version if kept else None)

    def used(self, last_used: Mapping[str, int]) -> None:
        for key_id, at in last_used.items():
            self._run(sql.KEY_USED, key_id=key_id, at=at)
