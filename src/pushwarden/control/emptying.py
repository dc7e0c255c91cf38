"""Emptying the bin: a week after an app was deleted its devices, credentials and all that is its are destroyed."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from typing import Protocol

from pushwarden.core.app import App
from pushwarden.core.audit import AuditEntry
from pushwarden.core.errors import Conflict
from pushwarden.core.scope import Environment, Scope
from pushwarden.ports.catalog import Catalog, Changed, Tables

BY = "chores"
WEEK_MS = 7 * 86_400_000


class Emptied(Protocol):
    """Where an app's devices are."""

    async def empty(self, where: Scope) -> int: ...


async def empty(catalog: Catalog, devices: Emptied, now_ms: int) -> int:
    """How many apps it was time for; each with its audit row. Devices first: nobody can put it back by then."""
    binned = await catalog.read(lambda tables: tables.apps.binned())
    over = [app for app in binned if app.deleted_at + WEEK_MS <= now_ms]
    for app in over:
        gone = 0
        for environment in Environment:
            gone += await devices.empty(Scope(app.organisation, app.id, environment))
        with contextlib.suppress(Conflict):
            await _destroy(catalog, app, gone, now_ms)
    return len(over)


async def _destroy(catalog: Catalog, app: App, devices: int, now_ms: int) -> None:
    def work(tables: Tables) -> Changed[None]:
        if app not in tables.apps.binned(app.organisation):
            raise Conflict
        tables.apps.delete(app.organisation, app.id)
        return Changed(None, before=asdict(app), after={"devices": devices})

    await catalog.change(AuditEntry(now_ms, BY, "app.destroy", Scope(app.organisation, app.id), app.id), work)
