"""The credentials of an app and environment as a request finds and leaves them."""

from __future__ import annotations

from collections.abc import Iterable

from pushwarden.control.api.adding import app_of
from pushwarden.control.publish import publish
from pushwarden.core.app import Credential
from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import NotFound, stale
from pushwarden.core.scope import Scope
from pushwarden.core.slots import members
from pushwarden.ports.catalog import Tables
from pushwarden.web.call import Call


def all_of(tables: Tables, where: Scope) -> list[Credential]:
    """Newest first; NotFound without the app."""
    app_of(tables, where)
    assert where.environment is not None
    return tables.credentials.of(where.organisation, where.app, where.environment)


def one_of(tables: Tables, call: Call, version: int | None = None) -> Credential:
    """The one a path names; Conflict when it is not at this version."""
    found = next((one for one in all_of(tables, call.where) if one.id == call.params["credential"]), None)
    if found is None:
        raise NotFound
    if version not in (None, found.revision):
        raise stale(found.revision)
    return found


def beside(tables: Tables, call: Call, credential: Credential) -> list[Credential]:
    """The others of its slot."""
    every = members(all_of(tables, call.where), credential.provider, credential.slot)
    return [one for one in every if one.id != credential.id]


def store(tables: Tables, rows: Iterable[Credential], by: AuditEntry) -> None:
    """In this order, and published."""
    for row in rows:
        tables.credentials.update(row)
    publish(tables, by)
