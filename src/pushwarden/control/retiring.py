"""Retiring: a week after a credential was replaced its material is destroyed. What is known of it stays."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from pushwarden.core import slots
from pushwarden.core.app import Credential, CredentialState
from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import Conflict
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.catalog import Catalog, Changed, Tables

BY = "chores"


async def retire(catalog: Catalog, now_ms: int) -> int:
    """How many it was time for; each with its audit row."""
    waiting = await catalog.read(lambda tables: tables.credentials.in_state(CredentialState.PREVIOUS))
    if undated := [one for one in waiting if not one.previous_until]:
        await catalog.note(lambda tables: _date(tables, undated, now_ms))
    over = [one for one in waiting if slots.is_over(one, now_ms)]
    for one in over:
        with contextlib.suppress(Conflict):  # someone switched back to it in this very moment
            await _retire(catalog, one, now_ms)
    return len(over)


async def _retire(catalog: Catalog, credential: Credential, now_ms: int) -> None:
    def work(tables: Tables) -> Changed[None]:
        kept = tables.credentials.get(credential.organisation, credential.app, credential.id)
        if kept is None or not slots.is_over(kept, now_ms):
            raise Conflict
        tables.credentials.update(slots.retired(kept))
        _forget_key(tables, kept)
        return Changed(None, before={"state": kept.state}, after={"state": CredentialState.RETIRED})

    where = Scope(credential.organisation, credential.app, credential.environment)
    await catalog.change(AuditEntry(now_ms, BY, "credential.retire", where, credential.id), work)


def _forget_key(tables: Tables, credential: Credential) -> None:
    """The key of a request made here goes with the last credential that used it."""
    request = tables.requests.get(credential.organisation, credential.app, credential.request)
    if request is None:
        return
    place = credential.organisation, credential.app
    others = [one for environment in Environment for one in tables.credentials.of(*place, environment)]
    if not any(one.request == request.id and one.sealed for one in others):
        tables.requests.delete(request)


def _date(tables: Tables, undated: Sequence[Credential], now_ms: int) -> None:
    for one in undated:
        tables.credentials.update(slots.dated(one, now_ms))
